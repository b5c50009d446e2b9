// Watches how hard clients press on the door, as far as the kernel tells: once a second it reads the
// counters of this network namespace, lets admission/flood_watch judge them, and tells the log when a SYN
// flood or an overflow of accept queues begins and ends. On the control loop; `status` from any thread.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "admission/flood_watch.h"
#include "net/kernel_counters.h"
#include "net/watch.h"
#include "server/listener_set.h"
#include "server/log_writer.h"
#include "server/status.h"

namespace weir::server {

class PressureWatch {
 public:
  struct Parts {
    std::vector<std::string> listeners;  // names
    const ListenerSet& sockets;          // outlives it, or the next change
    LogWriter& log;
  };

  PressureWatch(net::EventLoop& loop, Parts parts);

  // Takes the first look, and one each second from then on.
  void start();

  // The listeners of another configuration from now on.
  void change(std::vector<std::string> listeners, const ListenerSet& sockets);

  // As of the last look.
  PressureStatus status() const;

 private:
  void look();
  base::Result<net::KernelCounters> load();
  void tell(const admission::SynFloodEvent& event) const;
  void tell(const admission::AcceptOverflowEvent& event, const std::vector<AcceptQueueStatus>& queues) const;

  LogWriter& log_;
  std::vector<std::string> listeners_;
  const ListenerSet* sockets_;
  net::Timer timer_;
  admission::FloodWatch flood_watch_;
  bool can_read_ = true;                    // what was told last
  std::vector<AcceptQueueStatus> before_;   // queues at the look before
  std::vector<AcceptQueueStatus> earlier_;  // at the one before that
  mutable std::mutex mutex_;
  PressureStatus status_;  // guarded by mutex_
};

// Every TCP listening socket's accept queue as it is now. Any thread.
std::vector<AcceptQueueStatus> accept_queues(const ListenerSet& listeners);

}  // namespace weir::server
