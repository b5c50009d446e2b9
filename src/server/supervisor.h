// The process's life: prepare everything that can fail, then start the threads, say that Weir is ready, and
// serve until told to stop; when told to, read the configuration again and put it in force, or hand over to a
// new process. Its loop is the control thread, which is the thread that calls `run`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "config/load.h"
#include "config/model.h"
#include "config/problem.h"
#include "net/mailbox.h"
#include "server/access_watch.h"
#include "server/certificate_watch.h"
#include "server/command.h"
#include "server/command_desk.h"
#include "server/drain.h"
#include "server/graveyard.h"
#include "server/inheritance.h"
#include "server/log_writer.h"
#include "server/name_keeper.h"
#include "server/pool_keeper.h"
#include "server/port_watch.h"
#include "server/predecessors.h"
#include "server/preflight.h"
#include "server/pressure_watch.h"
#include "server/publisher.h"
#include "server/refusal_summary.h"
#include "server/reloader.h"
#include "server/running.h"
#include "server/service_manager.h"
#include "server/status.h"
#include "server/status_reader.h"
#include "server/upgrader.h"
#include "server/worker_set.h"

namespace weir::server {

// How a run ended.
enum class Outcome {
  kClean,   // every session had ended by itself
  kForced,  // some were cut
};

class Supervisor final : public StatusSource, public CommandTaker {
 public:
  struct Options {
    unsigned other_descriptors = 0;  // see DescriptorNeeds::others
    // Loads the configuration again when SIGHUP comes. None: SIGHUP ends the run, as a lost terminal does.
    std::function<config::Loaded()> load;
    // Opens what else must be open before clients can come in: after the change of user, before the
    // listeners.
    std::function<void(config::Problems&)> open_first;
    // What the process before hands over; null: there is none.
    Inheritance* inheritance = nullptr;
    // For the next process: another descriptor of what `open_first` has opened to listen on, or an empty one;
    // and that it is the other one's now, or, when that has no use for it, nobody's. On the control thread.
    std::function<base::UniqueFd()> copy_door;
    std::function<void(bool is_taken)> leave_door;
  };

  // Checks the host, changes the user, resolves names, opens the log and every listening socket. Starts no
  // thread. With an error among `problems` the result is empty, and nothing stays open. Blocks the signals it
  // will serve.
  static std::unique_ptr<Supervisor> prepare(config::Loaded loaded, const Options& options,
                                             config::Problems& problems);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts the threads, which accept nothing yet. When the system refuses one, nothing has happened: the
  // error says so, and this object is only good for being destroyed. Once.
  base::Result<void> start();

  // Waits until the process before, if there is one, lets this one begin. When it goes on itself nothing has
  // happened. Once, between `start` and `run`.
  base::Result<void> take_over();

  // Begins to accept, says "ready" (with `admin` as the admin door's address, when there is one) and serves
  // until a signal or `request_stop`. Once, after `start`.
  Outcome run(const std::optional<base::Address>& admin);

  // As SIGTERM does: the first drains, the second cuts. Any thread.
  void request_stop();

  // What came of an upgrade: another process serves, or why this one goes on.
  struct UpgradeResult {
    bool is_done = false;
    std::string message;
  };
  using UpgradeDone = std::function<void(UpgradeResult)>;
  // As SIGUSR2 does: starts the program anew, hands over to it and drains. `done` is called once, on the
  // control thread, as this is; it may be empty.
  void request_upgrade(UpgradeDone done);

  // What it runs by now. Any thread.
  std::shared_ptr<const Running> running() const;

  ProcessStatus read_status() const override;
  bool is_draining() const override;
  std::vector<config::Setting> read_settings() const override;
  void take(Command command, CommandDone done) override;
  bool survey(session::SurveyRequest request, session::Survey::Done done) override;

 private:
  // What other threads ask of the control loop; nobody waits for the answer to a stop of `request_stop`.
  struct Asked {
    Command command;
    CommandDone done;
  };
  struct Prepared {
    std::shared_ptr<Running> running;
    std::unique_ptr<LogWriter> log;
    std::unique_ptr<net::EventLoop> loop;
    std::unique_ptr<net::Mailbox<Asked>> mailbox;
    base::UniqueFd signals;
    net::OwnProgram program;
    Options options;
  };

  explicit Supervisor(Prepared&& prepared);
  base::Result<void> open_parts();
  std::shared_ptr<Serving> make_serving(const Running& running) const;
  void on_signal(net::Ready);
  void begin_stop();

  void carry_out(Asked&& asked);
  void carry_out(const ReloadCommand& command, const CommandDone& done);
  void carry_out(const StopCommand& command, const CommandDone& done);
  void carry_out(const UpgradeCommand& command, const CommandDone& done);
  // `done` may be none.
  void request_reload(CommandDone done);
  void begin_reload();
  void reload_made(Next&& next, base::Millis took);
  void put_in_force_when_settled();
  CommandAnswer put_in_force(Next&& next, base::Millis took);
  void hand_over_live_blocks(Next& next, const Running& now);
  void answer_reload(CommandAnswer&& answer);
  // Tells all who wait for one that there will be none here.
  void forget_reloads(const std::string& why);
  void keep_on(const Running& now, const std::vector<config::Difference>& differences);
  void bury(const Running& was, const Running& now);
  void reload_done();
  void reload_ended();

  // What those are told who ask this process after an upgrade.
  std::string has_taken_over() const;
  // What those are told whom it cannot serve any more.
  std::string why_not_serving() const;
  void begin_upgrade();
  base::Result<Legacy> make_legacy() const;
  void upgrade_made(Upgrader::Outcome&& outcome);
  void upgrade_failed(const std::string& why);
  void hand_over_to(const Upgrader::Outcome& outcome);
  void take_what_was_handed_over();
  void say_ready();

  // As many connections as fit beside the workers that have yet to end.
  void set_connection_limit(const DescriptorPlan& plan);
  // Ends workers that have retired, and frees what has had its day.
  void clear_away();
  std::string serving_in_words() const;

  const Options options_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Running> running_;  // guarded by mutex_; changed by the control thread only
  const std::unique_ptr<LogWriter> log_;
  const std::unique_ptr<net::EventLoop> loop_;
  const std::unique_ptr<net::Mailbox<Asked>> mailbox_;
  const base::UniqueFd signals_;
  const net::OwnProgram program_;
  net::Watch signal_watch_;
  net::Timer begin_timer_;
  net::Timer settle_timer_;
  net::Timer clear_timer_;
  net::Timer upgrade_timer_;
  base::Millis clear_interval_{0};
  Graveyard graveyard_;
  admission::ConnectionSlots slots_;
  std::atomic<unsigned> surveys_{0};  // under way; a worker that ends may drop one
  WorkerSet workers_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<ServiceManager> service_manager_;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<AccessWatch> access_watch_;
  std::unique_ptr<CertificateWatch> certificate_watch_;
  std::unique_ptr<RefusalSummary> refusals_;
  HealthChecks health_checks_;
  PortWatch port_watch_;
  std::unique_ptr<PoolKeeper> pool_keeper_;
  std::unique_ptr<NameKeeper> name_keeper_;
  PressureWatch pressure_watch_;
  StatusReader status_reader_;
  std::optional<std::pair<Next, base::Millis>> next_;  // waits to be put in force
  std::unique_ptr<Reloader> reloader_;
  Predecessors predecessors_;
  bool is_upgrading_ = false;
  bool reload_wanted_ = false;  // when the upgrade has come to an end
  bool stop_wanted_ = false;    // the same
  pid_t successor_ = 0;         // serves instead of this one; 0: none
  UpgradeDone upgrade_done_;
  std::unique_ptr<Upgrader> upgrader_;
  std::atomic<bool> is_retired_{false};    // another process serves in its place
  std::vector<CommandDone> reload_asked_;  // by whom, for the one that is to begin next
  std::vector<CommandDone> reload_waits_;  // who waits for the one that is under way
  std::unique_ptr<CommandDesk> desk_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> is_over_{false};  // the loop has ended
};

}  // namespace weir::server
