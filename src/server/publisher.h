// Gives the workers what they serve, always the newest and whole. A worker whose mailbox is full gets it a
// moment later. On the control loop.
#pragma once

#include <memory>
#include <vector>

#include "net/watch.h"
#include "server/worker.h"

namespace weir::server {

class Publisher {
 public:
  // `serving` is what the workers have been given before they were started.
  Publisher(net::EventLoop& loop, const std::vector<std::unique_ptr<Worker>>& workers,
            std::shared_ptr<const Serving> serving);

  const Serving& current() const { return *current_; }

  void publish(std::shared_ptr<const Serving> serving);
  // The same with another access list of the listener at that position.
  void replace_access(std::size_t listener, std::shared_ptr<const admission::AccessList> access);

 private:
  void hand_out();

  const std::vector<std::unique_ptr<Worker>>& workers_;
  net::Timer timer_;
  std::shared_ptr<const Serving> current_;
  std::vector<bool> owed_;  // by worker: it has not been given the current one yet
};

}  // namespace weir::server
