// One worker: one thread, one loop, its own sessions. It accepts from the sockets assigned to it, serves what
// it accepts, or hands a fresh client to a worker that has clearly less to do. Everything but `post`, `load`
// and the counters belongs to its thread.
#pragma once

#include <atomic>
#include <memory>
#include <thread>
#include <variant>
#include <vector>

#include "net/buffer_pool.h"
#include "net/event_loop.h"
#include "net/mailbox.h"
#include "net/pipe_pool.h"
#include "net/timer_wheel.h"
#include "server/acceptor.h"
#include "server/door.h"
#include "server/doors.h"
#include "server/listener_set.h"
#include "server/tarpit.h"
#include "server/warmer.h"
#include "session/session_table.h"
#include "session/wake_list.h"

namespace weir::server {

// What other threads ask of a worker.
struct HandedOver {
  session::Admitted admitted;
  std::size_t listener = 0;
};
struct Wake {};
struct ReplaceAccess {
  std::size_t listener = 0;
  std::shared_ptr<const admission::AccessList> access;
};
struct StopAccepting {};
struct CloseSessions {
  session::CloseReason reason;
};
struct CutSessions {
  std::shared_ptr<const std::vector<session::SessionCut>> cuts;
};
struct StopWorker {};
using WorkerMessage =
    std::variant<HandedOver, Wake, ReplaceAccess, StopAccepting, CloseSessions, CutSessions, StopWorker>;

class Worker final : public Acceptor::Owner {
 public:
  struct Plan {
    std::size_t index = 0;
    std::vector<session::Route> routes;  // by listener
    std::vector<DoorRules> doors;        // by listener
    std::size_t most_buffers = 0;
    std::size_t most_pipes = 0;
    base::Micros busy_poll{0};
    std::uint64_t first_session_id = 0;
    std::vector<WarmShare> warm{};
  };

  // Fails when the kernel gives no descriptors.
  static base::Result<std::unique_ptr<Worker>> create(Plan plan, session::RecordSink& log);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Takes over a listening socket. Before `start`.
  void add_acceptor(Assigned&& socket, Acceptor::Rules rules);

  // Starts the thread, which accepts nothing before `resume_accepting`. `all` are this process's workers,
  // this one among them; they outlive the thread.
  base::Result<void> start(const std::vector<std::unique_ptr<Worker>>& all);

  // Waits for the thread, if there is one, after a `StopWorker`.
  void join();
  bool started() const { return thread_.joinable(); }

  // Any thread. False when the mailbox is full, with the message left as it was.
  [[nodiscard]] bool post(WorkerMessage&& message) { return mailbox_->post(std::move(message)); }

  // Begins to accept, and wakes the acceptors that wait for a permit. Any thread; costs nothing while one
  // such call is under way.
  void resume_accepting();

  // Whether a listening socket is still open here: false once a `StopAccepting` has been carried out. Any
  // thread.
  bool accepting() const { return accepting_.load(std::memory_order_acquire); }

  // Sessions that this worker has or is about to have. Any thread.
  std::size_t load() const { return table_.size() + arriving_.load(std::memory_order_relaxed); }

  const session::ListenerCounters& counters(std::size_t listener) const { return counters_[listener]; }
  // The last clients that were refused here. Any thread.
  const admission::RefusalSamples& refusal_samples() const { return samples_; }
  // For what their queues hold; the same ones from `start` on.
  const std::vector<std::unique_ptr<Acceptor>>& acceptors() const { return acceptors_; }
  std::size_t open_sessions() const { return table_.size(); }

 private:
  Worker(Plan plan, std::unique_ptr<net::EventLoop> loop,
         std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox, session::RecordSink& log);

  void accepted(session::Admitted&& admitted, std::size_t listener) override;
  Worker* less_loaded() const;
  void serve(session::Admitted&& admitted, std::size_t listener);
  void handle(WorkerMessage&& message);
  void turn_wheel();
  void end_turn();

  const Plan plan_;
  const std::unique_ptr<net::EventLoop> loop_;
  const std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox_;
  net::BufferPool buffers_;
  net::PipePool pipes_;
  net::TimerWheel wheel_;
  net::Timer wheel_timer_;
  base::TimePoint wheel_due_ = base::TimePoint::max();
  std::vector<session::ListenerCounters> counters_;
  admission::RefusalSamples samples_;
  session::ReadAheadBudget read_ahead_;
  session::WakeList wake_list_;
  Warmer warmer_;
  session::SessionTable table_;
  Tarpit tarpit_;
  std::vector<Door> doors_;  // by listener
  std::vector<std::unique_ptr<Acceptor>> acceptors_;
  std::atomic<std::size_t> arriving_{0};
  std::atomic<bool> accepting_{true};
  std::atomic<bool> resume_wanted_{false};
  const std::vector<std::unique_ptr<Worker>>* all_ = nullptr;
  std::thread thread_;
};

}  // namespace weir::server
