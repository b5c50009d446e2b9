// Gives the workers what they serve, always the newest and whole. A worker whose mailbox is full gets it a
// moment later. On the control loop.
#pragma once

#include <memory>
#include <vector>

#include "net/watch.h"
#include "server/worker_set.h"

namespace weir::server {

class Publisher {
 public:
  // `serving` is what the workers have been given before they were started.
  Publisher(net::EventLoop& loop, const WorkerSet& workers, std::shared_ptr<const Serving> serving);

  const Serving& current() const { return *current_; }

  void publish(std::shared_ptr<const Serving> serving);
  // The same with another access list of the listener at that position.
  void replace_access(std::size_t listener, std::shared_ptr<const admission::AccessList> access);

  // Whether every worker serves the newest, and nobody has anything of an earlier one.
  bool is_settled();

 private:
  void hand_out();

  const WorkerSet& workers_;
  net::Timer timer_;
  std::shared_ptr<const Serving> current_;
  std::vector<std::shared_ptr<Worker>> owed_;           // that have not been given the current one yet
  std::vector<std::shared_ptr<const Serving>> before_;  // as long as a worker has it
};

}  // namespace weir::server
