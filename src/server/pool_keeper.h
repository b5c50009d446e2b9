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
#include "server/worker.h"

namespace weir::server {

class PoolKeeper {
 public:
  struct Parts {
    const config::Config& config;
    const std::vector<std::shared_ptr<pool::Pool>>& pools;  // in the order of the configuration
    const std::vector<std::unique_ptr<Worker>>& workers;
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

 private:
  struct LookSoon {};  // what a pool posts
  using Asks = net::Mailbox<LookSoon>;

  PoolKeeper(net::EventLoop& loop, Parts parts, std::unique_ptr<Asks> asks);

  void look_soon();
  void look();
  void take(std::size_t pool, const pool::PoolEvent& event, base::TimePoint now);
  void tell(const config::PoolConfig& pool, const pool::PoolEvent& event) const;
  void cut(std::size_t pool, const pool::PoolEvent& event, const config::FateConfig& fate,
           session::CloseReason reason, base::TimePoint now);

  const Parts parts_;
  const std::unique_ptr<Asks> asks_;
  net::Timer timer_;
  SessionCuts cuts_;
};

}  // namespace weir::server
