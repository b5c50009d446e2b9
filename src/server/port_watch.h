// Watches the local ports of connections to backends: once a second it asks the kernel how many are in
// TIME_WAIT towards the backends that are in use, lets pool/port_ledger foretell, and tells the log before
// ports run dry. When asking takes long, or while few ports are used, it asks less often. On the control
// loop; `findings` from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "net/interfaces.h"
#include "net/watch.h"
#include "pool/pool.h"
#include "pool/port_ledger.h"
#include "server/log_writer.h"

namespace weir::server {

// What can be seen of the ports.
struct PortFindings {
  unsigned usable = 0;           // of each source towards each backend
  bool knows_time_wait = false;  // the kernel tells
  pool::PortViews views;         // of sources that are in use
};

class PortWatch {
 public:
  struct Parts {
    const std::vector<std::shared_ptr<pool::Pool>>& pools;  // in the order of the configuration
    LogWriter& log;
  };

  PortWatch(net::EventLoop& loop, Parts parts);

  // Watches the backends that the pools have now, from now on.
  void start();

  // Watches those of another configuration's pools too, from now on; those that are there no longer are told
  // apart by `remove`. What `pools` refers to outlives this, or the next change.
  void change(const std::vector<std::shared_ptr<pool::Pool>>& pools);

  // A backend has joined the pool at that position, or has left one.
  void add(std::size_t pool, const std::shared_ptr<pool::Backend>& backend);
  void remove(const pool::Backend& backend) { ledger_.remove(backend); }

  // As of the last look. Any thread.
  std::shared_ptr<const PortFindings> findings() const;

 private:
  void look();
  void tell(const pool::PortEvent& event) const;
  void tell_unknown(const std::string& why);

  void add_all();

  LogWriter& log_;
  const std::vector<std::shared_ptr<pool::Pool>>* pools_;
  std::vector<std::string> names_;  // of all pools that there have been: the ledger knows them by position
  net::Timer timer_;
  std::optional<base::TimePoint> looked_;
  pool::PortLedger ledger_{net::chosen_source};
  bool unknown_told_ = false;
  mutable std::mutex mutex_;
  std::shared_ptr<const PortFindings> findings_;  // guarded by mutex_
};

// When to look again after a look that took that long: in a second, but never so often that looking takes
// more than a fiftieth of the time; within half a minute in any case.
base::Millis next_port_look(base::Micros took);

}  // namespace weir::server
