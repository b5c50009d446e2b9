// Starts the program once more and hands over to it, on a thread of its own, one at a time; what came of it
// is brought to the control loop. It is made up only when the new process accepts; until then, whatever goes
// wrong with it, nothing is lost here. Knows nothing of what either of them serves.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "net/event_loop.h"
#include "net/mailbox.h"
#include "net/own_program.h"
#include "net/packet_channel.h"
#include "server/handover.h"

namespace weir::server {

class Upgrader {
 public:
  // So long a new process may take until it is ready.
  static constexpr base::Millis kLimit{60'000};

  struct Outcome {
    std::string failure;  // why this process goes on; empty: the new one accepts
    // Of a failure: the new one had begun, so that it may have changed the sockets.
    bool had_begun = false;
    pid_t pid = 0;
    std::vector<std::size_t> not_taken;  // positions in `Legacy::sockets`
    base::Millis took{0};
  };
  // Called from the control loop. Until `done` there is no other one.
  using Made = std::function<void(Outcome&&)>;

  // Fails when the kernel gives no descriptor. The loop outlives it.
  static base::Result<std::unique_ptr<Upgrader>> create(net::EventLoop& loop, net::OwnProgram program,
                                                        Made made, base::Millis limit = kLimit);
  // Gives up, and waits for the thread.
  ~Upgrader();
  Upgrader(const Upgrader&) = delete;
  Upgrader& operator=(const Upgrader&) = delete;

  // Why there is no upgrade, whatever the moment; empty: there may be one.
  std::string why_never() const;

  // Begins. Fails when the system gives no thread or no descriptors.
  base::Result<void> request(Legacy legacy);
  bool is_busy() const { return is_busy_; }

  // The new process is not to begin any more; if it has, that is what the outcome says.
  void give_up();

  // After an outcome. What was handed over; and the new one is told that the service manager knows it.
  const Legacy& legacy() const { return legacy_; }
  void tell_main();
  void done();

 private:
  enum class Stage : int { kOpen, kBegun, kGivenUp };

  Upgrader(net::OwnProgram program, Made made, base::Millis limit,
           std::unique_ptr<net::Mailbox<Outcome>> mailbox);

  Outcome hand_over(net::PacketChannel theirs);
  // What the new process says next, if it is `wanted`; else why it is not.
  base::Result<std::string> hear(Word wanted, base::TimePoint deadline);

  const net::OwnProgram program_;
  const Made made_;
  const base::Millis limit_;
  const std::unique_ptr<net::Mailbox<Outcome>> mailbox_;
  Legacy legacy_;
  std::optional<net::PacketChannel> channel_;
  std::atomic<Stage> stage_{Stage::kOpen};
  bool is_busy_ = false;
  std::thread thread_;
};

}  // namespace weir::server
