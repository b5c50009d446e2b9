// Keeps the backends of names true: asks for every name of every pool when its time has come, or early when
// connects to its backends fail, and gives the pool its backends anew when the answer has changed. Addresses
// that are still there keep their state, their counters and their sessions; what becomes of the sessions of
// one that has gone is `PoolKeeper`'s. On the control loop; the status may be read by any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "config/model.h"
#include "discovery/early_questions.h"
#include "net/watch.h"
#include "pool/pool.h"
#include "server/backend_specs.h"
#include "server/listener_set.h"
#include "server/log_writer.h"
#include "server/name_watches.h"
#include "server/pool_alterations.h"
#include "server/status.h"
#include "server/world.h"

namespace weir::server {

class NameKeeper {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<std::shared_ptr<pool::Pool>>& pools;  // in the order of the configuration
    const std::vector<NameAtStart>& names;                  // as at start
    LogWriter& log;
    // What an operator has wanted before, of another process; the pools get it.
    PoolAlterations alterations{};
    const ListenerSet* listeners = nullptr;  // to which no backend that is added may lead back; null: none
  };

  // Fails when the resolver cannot start; with no name there is nothing that could.
  static base::Result<std::unique_ptr<NameKeeper>> create(net::EventLoop& loop, const Parts& parts);
  NameKeeper(const NameKeeper&) = delete;
  NameKeeper& operator=(const NameKeeper&) = delete;

  // Runs the loop until each name that had no backend at start has been answered or has failed, `limit` at
  // most. Before the loop runs otherwise.
  void await_answers(base::Millis limit);

  // Looks at the backends from now on, a few times a second.
  void start();

  // The names of another configuration, from now on. One that is asked for as before goes on with what is
  // known of it; the others begin with what `names` says, or the last answer of what is called the same. The
  // pools get their backends by whoever changes them: `backends` has them. Fails when a resolver cannot
  // start, and then nothing has changed. What the arguments refer to outlives this, or the next change.
  base::Result<void> change(const config::Config& config,
                            const std::vector<std::shared_ptr<pool::Pool>>& pools,
                            const std::vector<NameAtStart>& names, const ListenerSet* listeners = nullptr);
  // Somebody has added backends to it.
  bool has_added(std::size_t pool) const;
  // What the pool at that position is to have: all its backends, made anew.
  Backends backends(std::size_t pool);
  // The pools have them by now.
  void pools_changed();

  // What an operator wants of a pool beside its configuration, until that says something else of the entry of
  // that name. Each gives the pool its backends anew. Fails when there is nothing to be done: the error says
  // why.
  base::Result<void> add(std::size_t pool, config::BackendConfig entry);
  base::Result<void> remove(std::size_t pool, const std::string& entry);
  const PoolAlterations& alterations() const { return alterations_; }
  // What each name stands for now, with its place in the configuration.
  std::vector<NameAtStart> last_answers() const;

  // Of the pool of that name, as it was a moment ago. Any thread.
  std::vector<NameStatus> status(const std::string& pool) const;

 private:
  struct Name {
    std::size_t pool = 0;
    std::size_t backend = 0;
    discovery::NameWatch* watch = nullptr;
    discovery::NameWatch::Id id = 0;
    std::vector<discovery::DiscoveredEndpoint> endpoints;  // what is in force
    std::string why_none;
    Backends backends;           // as the pool has them
    std::uint64_t failures = 0;  // of these, when last looked at
    discovery::EarlyQuestions early;
    bool is_awaited = false;
    std::set<std::string> told;  // addresses that lead back here
  };
  struct Published {
    NameStatus status;
    std::optional<base::TimePoint> last_answer;
    base::TimePoint next_question;
  };

  NameKeeper(net::EventLoop& loop, const Parts& parts);

  using Names = std::vector<std::unique_ptr<Name>>;

  base::Result<void> watch_names(const std::vector<NameAtStart>& names);
  NameAtStart with_last_answer(const config::Config& config, NameAtStart at_start) const;
  base::Result<std::unique_ptr<Name>> watch(const config::Config& config, const NameAtStart& at_start);
  const config::PoolConfig& pool_of(const Name& name) const { return config_->pools[name.pool]; }
  const config::BackendConfig& entry_of(const Name& name) const {
    return pool_of(name).backends[name.backend];
  }

  void on_changed(Name& name, const std::vector<discovery::DiscoveredEndpoint>& endpoints);
  void on_failed(Name& name, const std::string& reason);
  void on_recovered(Name& name);
  void on_noted(Name& name, const std::string& note);
  void refill(std::size_t pool);
  Backends backends_of(Name& name, const BackendSpecs& specs, const SharedOrigin& origin);
  void adopt(std::size_t pool);
  void settle(Name& name);

  // One that was added by an operator; once for each reason.
  void tell_left_out(const std::string& pool, const std::string& backend, const std::string& why);

  void look();
  void look_for_failures(Name& name, base::TimePoint now);
  void publish(base::TimePoint now);
  base::LogFields fields_of(const Name& name) const;
  void tell(LogLevel level, std::string_view message, const base::LogFields& fields) const;

  net::EventLoop& loop_;
  LogWriter& log_;
  const config::Config* config_;
  const std::vector<std::shared_ptr<pool::Pool>>* pools_;
  NameWatches watches_;
  std::set<std::string> told_;  // of added backends that are left out
  Names names_;
  PoolAlterations alterations_;
  const ListenerSet* listeners_;
  net::Timer timer_;
  net::Timer limit_;
  std::size_t awaited_ = 0;
  bool is_stale_ = true;  // what is published
  base::TimePoint published_at_;

  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Published>> published_;  // by pool
};

}  // namespace weir::server
