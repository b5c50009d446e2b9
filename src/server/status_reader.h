// Gathers the status of a running Weir from the live counters of its parts. Any thread.
#pragma once

#include <memory>
#include <vector>

#include "admission/connection_slots.h"
#include "config/model.h"
#include "server/listener_set.h"
#include "server/log_writer.h"
#include "server/name_keeper.h"
#include "server/port_watch.h"
#include "server/pressure_watch.h"
#include "server/status.h"
#include "server/worker.h"
#include "server/world.h"

namespace weir::server {

class StatusReader {
 public:
  struct Parts {
    const config::Config& config;
    const World& world;
    const ListenerSet& listeners;
    const admission::ConnectionSlots& slots;
    const std::vector<std::unique_ptr<Worker>>& workers;
    const LogWriter& log;
    const PressureWatch& pressure;
    const std::unique_ptr<NameKeeper>& names;
    const PortWatch& ports;
  };

  explicit StatusReader(Parts parts) : parts_(parts) {}

  // All but whether the process drains.
  ProcessStatus read() const;

 private:
  void add_listeners(ProcessStatus& status) const;
  void add_limits(ProcessStatus& status) const;
  void add_pools(ProcessStatus& status) const;
  void add_refusals(ProcessStatus& status) const;

  const Parts parts_;
};

}  // namespace weir::server
