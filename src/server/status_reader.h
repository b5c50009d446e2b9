// Gathers the status of a running Weir from the live counters of its parts. Any thread.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "admission/connection_slots.h"
#include "server/log_writer.h"
#include "server/name_keeper.h"
#include "server/port_watch.h"
#include "server/pressure_watch.h"
#include "server/running.h"
#include "server/status.h"
#include "server/worker_set.h"

namespace weir::server {

class StatusReader {
 public:
  struct Parts {
    std::function<std::shared_ptr<const Running>()> running;
    const admission::ConnectionSlots& slots;
    const WorkerSet& workers;
    const LogWriter& log;
    const PressureWatch& pressure;
    const std::unique_ptr<NameKeeper>& names;
    const PortWatch& ports;
    std::chrono::system_clock::time_point started = std::chrono::system_clock::now();
  };

  explicit StatusReader(Parts parts) : parts_(std::move(parts)) {}

  // All but whether the process drains.
  ProcessStatus read() const;

 private:
  void add_listeners(ProcessStatus& status, const Running& running) const;
  static void add_limits(ProcessStatus& status, const Running& running);
  void add_pools(ProcessStatus& status, const Running& running) const;
  void add_refusals(ProcessStatus& status) const;

  const Parts parts_;
};

}  // namespace weir::server
