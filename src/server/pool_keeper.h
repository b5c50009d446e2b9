// Keeps the pools going on the control loop: ends ejections and lets slow starts grow, tells the log what has
// happened to backends, and ends sessions at backends that are down, gone or in maintenance as configured.
#pragma once

#include <memory>
#include <vector>

#include "config/model.h"
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

  PoolKeeper(net::EventLoop& loop, Parts parts);

  // Looks at the pools from now on, a few times a second.
  void start();

 private:
  void look();
  void take(std::size_t pool, const pool::PoolEvent& event, base::TimePoint now);
  void tell(const config::PoolConfig& pool, const pool::PoolEvent& event) const;
  void cut(std::size_t pool, const pool::PoolEvent& event, const config::FateConfig& fate,
           session::CloseReason reason, base::TimePoint now);

  const Parts parts_;
  net::Timer timer_;
  SessionCuts cuts_;
};

}  // namespace weir::server
