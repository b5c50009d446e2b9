// Reads the configuration again when it is asked to: on a thread of its own, one at a time; that somebody
// asks while one is being read is kept in mind. What came of it is brought to the control loop. Knows nothing
// of how it is put in force.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "base/clock.h"
#include "net/event_loop.h"
#include "net/mailbox.h"
#include "server/next_running.h"

namespace weir::server {

class Reloader {
 public:
  // Called from the control loop with what was made, and how long it took. Until `done` no other one is read.
  using Made = std::function<void(Next&&, base::Millis took)>;
  // Makes it, on the thread.
  using Prepare = std::function<Next()>;

  // Fails when the kernel gives no descriptor. The loop outlives it.
  static base::Result<std::unique_ptr<Reloader>> create(net::EventLoop& loop, Prepare prepare, Made made);
  // Waits for the thread.
  ~Reloader();
  Reloader(const Reloader&) = delete;
  Reloader& operator=(const Reloader&) = delete;

  // Fails when the system gives no thread.
  base::Result<void> request();

  // What was brought is in force, or was given up. True: somebody has asked for another one meanwhile.
  [[nodiscard]] bool done();

  bool is_busy() const { return is_busy_; }

 private:
  struct Result {
    Next next;
    base::Millis took{0};
  };

  Reloader(Prepare prepare, Made made, std::unique_ptr<net::Mailbox<Result>> mailbox);

  const Prepare prepare_;
  const Made made_;
  const std::unique_ptr<net::Mailbox<Result>> mailbox_;
  std::thread thread_;
  bool is_busy_ = false;
  bool is_wanted_again_ = false;
};

}  // namespace weir::server
