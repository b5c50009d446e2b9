// Keeps the pools going on the control loop: ends ejections and lets slow starts grow, tells the log what has
// happened to backends, and ends sessions at backends that are down, gone or in maintenance as configured.
// While nothing happens in any pool it sleeps.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "config/model.h"
#include "net/mailbox.h"
#include "net/watch.h"
#include "server/health_checks.h"
#include "server/log_writer.h"
#include "server/port_watch.h"
#include "server/session_cuts.h"
#include "server/worker_set.h"

namespace weir::server {

class PoolKeeper {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<std::shared_ptr<pool::Pool>>& pools;  // in the order of the configuration
    const WorkerSet& workers;
    LogWriter& log;
    HealthChecks& checks;
    PortWatch& ports;
  };

  // Fails when the kernel gives no descriptor. The loop and all that is in `parts` outlive it.
  static base::Result<std::unique_ptr<PoolKeeper>> create(net::EventLoop& loop, Parts parts);
  ~PoolKeeper();
  PoolKeeper(const PoolKeeper&) = delete;
  PoolKeeper& operator=(const PoolKeeper&) = delete;

  // Looks at the pools from now on: soon after something has happened in one, and a few times a second while
  // one waits for something.
  void start();

  // Tells what has happened so far. Before the pools of another configuration take the place of those here.
  void tell_all() { look(); }
  // Keeps the pools of another configuration from now on. Those that are in it no longer go on for who is on
  // the way to them; sessions at their backends meet what `sessions.on_removed` says. What the two refer to
  // outlives this, or the next change.
  void change(const config::Config& config, const std::vector<std::shared_ptr<pool::Pool>>& pools);

 private:
  struct LookSoon {};  // what a pool posts
  using Asks = net::Mailbox<LookSoon>;

  PoolKeeper(net::EventLoop& loop, Parts parts, std::unique_ptr<Asks> asks);

  void look_soon();
  void look();
  void take(std::size_t pool, const pool::PoolEvent& event, base::TimePoint now);
  void tell(const config::PoolConfig& pool, const pool::PoolEvent& event) const;
  void cut(const std::shared_ptr<pool::Pool>& pool, const pool::PoolEvent& event,
           const config::FateConfig& fate, session::CloseReason reason, base::TimePoint now);
  void set_keeper();
  void leave(const std::shared_ptr<pool::Pool>& pool, const config::PoolConfig& from, base::TimePoint now);

  const WorkerSet& workers_;
  LogWriter& log_;
  HealthChecks& checks_;
  PortWatch& ports_;
  const config::Config* config_;
  const std::vector<std::shared_ptr<pool::Pool>>* pools_;
  const std::unique_ptr<Asks> asks_;
  net::Timer timer_;
  SessionCuts cuts_;
};

}  // namespace weir::server
