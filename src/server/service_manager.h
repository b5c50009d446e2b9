// What the service manager is told by the protocol of sd_notify(3): that Weir is ready, how it stands, that
// it stops, and, where a watchdog is set, that it is alive, which takes the control loop and every worker.
// Nothing happens where nobody asks (NOTIFY_SOCKET). On the control loop.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "net/watch.h"
#include "server/worker_set.h"

namespace weir::server {

class ServiceManager {
 public:
  // Reads the environment. `workers` outlive it.
  ServiceManager(net::EventLoop& loop, const WorkerSet& workers);

  // Clients are accepted. `status` is one line for people. From now on the watchdog is kept quiet.
  void ready(const std::string& status);
  // Another configuration is being read; `ready` is to follow, whatever came of it.
  void reloading();
  // The end has begun; the watchdog is kept quiet until it comes.
  void stopping(const std::string& status);
  // Another process of the service is its main one from now on, and says the rest: nothing more is told.
  void handed_over_to(pid_t pid);

 private:
  void tell(const std::string& state) const;
  void on_tick();
  // Of the workers, to be there by the next tick.
  void ask_for_signs();

  const WorkerSet& workers_;
  std::vector<std::shared_ptr<Worker>> asked_;  // for a sign
  const std::optional<base::Millis> tick_;      // none: there is no watchdog
  net::Timer timer_;
  bool is_silent_ = false;
};

}  // namespace weir::server
