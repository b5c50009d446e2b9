// One worker: one thread, one loop, its own sessions. It accepts from the sockets assigned to it, serves what
// it accepts, or hands a fresh client to a worker that has clearly less to do. All that does not say "any
// thread" belongs to its own.
#pragma once

#include <atomic>
#include <list>
#include <map>
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
#include "server/serving.h"
#include "server/tarpit.h"
#include "server/warmer.h"
#include "session/session_table.h"
#include "session/survey.h"
#include "session/wake_list.h"

namespace weir::server {

// What other threads ask of a worker.
struct HandedOver {
  std::shared_ptr<const Listener> listener;  // in front of what it has given
  session::Admitted admitted;
};
struct Wake {};
struct Serve {
  std::shared_ptr<const Serving> serving;
};
struct ForgetDoors {};  // of listeners that are not served any more
struct StopAccepting {};
struct CloseSessions {
  session::CloseReason reason;
};
struct CutSessions {
  std::shared_ptr<const std::vector<session::SessionCut>> cuts;
};
struct TakePart {
  std::shared_ptr<session::Survey> survey;
};
struct StopWorker {};
using WorkerMessage = std::variant<HandedOver, Wake, Serve, ForgetDoors, StopAccepting, CloseSessions,
                                   CutSessions, TakePart, StopWorker>;

class Worker final : public Acceptor::Owner {
 public:
  struct Plan {
    std::size_t index = 0;
    admission::ConnectionSlots& slots;  // of the process
    std::uint64_t first_session_id = 0;
  };

  // Fails when the kernel gives no descriptors.
  static base::Result<std::unique_ptr<Worker>> create(Plan plan, session::RecordSink& log);
  // Stops the thread, if there is one, and waits for it; what is open then is cut.
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // What it serves from now on. It accepts by a new socket at once, if it accepts at all; one that is not
  // among those of `serving` any more stays open for whoever has it, and those that leave are closed once
  // everybody who waits there is in. The team outlives what it serves. Nothing changes any more after a
  // `StopAccepting`. Before `start`; later post `Serve`.
  void serve(std::shared_ptr<const Serving> serving);

  // Starts the thread, which accepts nothing before `resume_accepting`.
  base::Result<void> start();

  bool started() const { return thread_.joinable(); }

  // Stops the thread, if there is one, and waits for it.
  void stop();

  // Any thread. False when the mailbox is full, with the message left as it was.
  [[nodiscard]] bool post(WorkerMessage&& message) { return mailbox_->post(std::move(message)); }

  // Begins to accept, and wakes the acceptors that wait for a permit. Any thread; costs nothing while one
  // such call is under way.
  void resume_accepting();

  // Asks the loop for a sign that it turns; `gave_sign` says whether one has come since the last asking. Any
  // thread, one at a time.
  void ask_for_sign();
  bool gave_sign() const { return !sign_wanted_.load(std::memory_order_acquire); }

  // Whether a listening socket is still open here: false once a `StopAccepting` has been carried out. Any
  // thread.
  bool accepting() const { return accepting_.load(std::memory_order_acquire); }

  // Its number: no two workers of one time have the same.
  std::size_t number() const { return plan_.index; }

  // Sessions that this worker has or is about to have. Any thread.
  std::size_t load() const {
    // In this order: who arrives is in the table before it arrives no more.
    const std::size_t arriving = arriving_.load(std::memory_order_acquire);
    return arriving + table_.size();
  }

  // The last clients that were refused here. Any thread.
  const admission::RefusalSamples& refusal_samples() const { return samples_; }
  std::size_t open_sessions() const { return table_.size(); }
  // It has left the team: it is given no more. Said by the set of workers; any thread asks.
  bool is_retired() const { return retired_.load(std::memory_order_relaxed); }
  void set_retired(bool retired) { retired_.store(retired, std::memory_order_relaxed); }
  // How long its turns take. Any thread.
  const net::TurnMeter& turns() const { return turns_; }
  // Nobody is here: no session, and no refused client that is held. Any thread.
  bool is_empty() const { return load() == 0 && tarpit_.size() == 0; }

 private:
  Worker(Plan plan, std::unique_ptr<net::EventLoop> loop,
         std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox, session::RecordSink& log);

  void accepted(session::Admitted&& admitted, Door& door) override;
  Worker* less_loaded() const;
  void open(session::Admitted&& admitted, Door& door);
  // The listener's door here, made when it is first asked for.
  Door& door_of(const std::shared_ptr<const Listener>& listener);
  void close_leaving();
  void change_doors();
  // Those of listeners that are not served any more and have no session here.
  void forget_doors();
  void change_acceptors();
  void handle(WorkerMessage&& message);
  void take_part(std::shared_ptr<session::Survey> survey);
  void go_on_with_surveys();
  void turn_wheel();
  void end_turn();

  const Plan plan_;
  net::TurnMeter turns_;
  const std::unique_ptr<net::EventLoop> loop_;
  const std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox_;
  net::BufferPool buffers_;
  net::PipePool pipes_;
  net::TimerWheel wheel_;
  net::Timer wheel_timer_;
  base::TimePoint wheel_due_ = base::TimePoint::max();
  admission::RefusalSamples samples_;
  Tarpit tarpit_;
  std::shared_ptr<const Serving> serving_;
  // By what makes a listener the same one. One whose listener is gone stays while sessions refer to it.
  std::map<const ListenerTally*, Door> doors_;
  session::ReadAheadBudget read_ahead_;
  session::WakeList wake_list_;
  Warmer warmer_;
  session::SessionTable table_;
  std::list<session::SurveyWalk> surveys_;
  net::Timer survey_timer_;
  std::map<const ListeningSocket*, std::unique_ptr<Acceptor>> acceptors_;
  bool accepts_ = false;  // since the first `resume_accepting`
  bool stopped_ = false;  // it accepts no more
  std::atomic<std::size_t> arriving_{0};
  std::atomic<bool> accepting_{true};
  std::atomic<bool> retired_{false};
  std::atomic<bool> resume_wanted_{false};
  std::atomic<bool> sign_wanted_{false};
  std::thread thread_;
};

}  // namespace weir::server
