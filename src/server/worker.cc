#include "server/worker.h"

#include <algorithm>
#include <string>

#include "base/assert.h"
#include "net/socket.h"
#include "net/thread.h"

namespace weir::server {
namespace {

constexpr std::size_t kMailboxCapacity = 4096;
// A thousand of the longest ClientHellos, or some ten thousand usual ones, at the same time.
constexpr std::size_t kMostReadAhead = std::size_t{64} << 20;

// A fresh client goes to the least loaded worker when this one has more than that by a count and by a share.
// Below the bound a connection stays where the kernel put it: handing over costs a wake-up.
constexpr std::size_t kSkewCount = 8;
constexpr std::size_t kSkewShare = 8;  // an eighth

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

base::Result<std::unique_ptr<Worker>> Worker::create(Plan plan, session::RecordSink& log) {
  auto loop = net::EventLoop::create();
  if (!loop) return base::failure(std::move(loop.error()));
  auto mailbox = net::Mailbox<WorkerMessage>::create(kMailboxCapacity);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<Worker>(new Worker(std::move(plan), std::move(*loop), std::move(*mailbox), log));
}

Worker::Worker(Plan plan, std::unique_ptr<net::EventLoop> loop,
               std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox, session::RecordSink& log)
    : plan_(std::move(plan)),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      buffers_(plan_.most_buffers),
      pipes_(plan_.most_pipes),
      wheel_(base::precise_now()),
      counters_(plan_.routes.size()),
      read_ahead_(kMostReadAhead),
      // Only to wake the loop, which looks at the list after every turn. A full mailbox has woken it already.
      wake_list_([this] { static_cast<void>(post(Wake{})); }),
      warmer_(*loop_, plan_.warm),
      table_({{*loop_, wake_list_, plan_.warm.empty() ? nullptr : &warmer_},
              {*loop_, buffers_, pipes_, wheel_},
              log,
              read_ahead_},
             plan_.first_session_id),
      tarpit_(wheel_) {
  WEIR_ASSERT(plan_.doors.size() == plan_.routes.size());
  loop_->set_busy_poll(plan_.busy_poll);
  for (std::size_t i = 0; i < plan_.doors.size(); ++i) {
    doors_.emplace_back(i, plan_.doors[i], Door::Services{counters_[i], samples_, tarpit_});
  }
  mailbox_->open(*loop_, [this](WorkerMessage&& message) { handle(std::move(message)); });
  wheel_timer_.bind<&Worker::turn_wheel>(*loop_, this);
  loop_->at_end_of_turn([this] { end_turn(); });
}

Worker::~Worker() { join(); }

void Worker::add_acceptor(Assigned&& socket, Acceptor::Rules rules) {
  WEIR_ASSERT(socket.worker == plan_.index && !thread_.joinable());
  // A unix socket has none.
  net::PacketFilter* filter = socket.is_tcp() ? plan_.doors[socket.listener].filter.get() : nullptr;
  Door& door = doors_[socket.listener];
  acceptors_.push_back(std::make_unique<Acceptor>(*loop_, *this, rules, door, filter, std::move(socket)));
}

base::Result<void> Worker::start(const std::vector<std::unique_ptr<Worker>>& all) {
  all_ = &all;
  warmer_.start();
  auto thread = net::start_thread("worker-" + std::to_string(plan_.index), [this] { loop_->run(); });
  if (!thread) return base::failure(std::move(thread.error()));
  thread_ = std::move(*thread);
  return {};
}

void Worker::join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::resume_accepting() {
  if (resume_wanted_.exchange(true, std::memory_order_acq_rel)) return;
  // Only to wake the loop, which looks at the wish after every turn. A full mailbox has woken it already.
  static_cast<void>(post(Wake{}));
}

void Worker::accepted(session::Admitted&& admitted, std::size_t listener) {
  Worker* target = less_loaded();
  if (target == nullptr) return serve(std::move(admitted), listener);
  target->arriving_.fetch_add(1, std::memory_order_relaxed);
  WorkerMessage message = HandedOver{std::move(admitted), listener};
  if (target->post(std::move(message))) {
    counters_[listener].handed_over.add();
    return;
  }
  target->arriving_.fetch_sub(1, std::memory_order_relaxed);
  serve(std::move(std::get<HandedOver>(message).admitted), listener);
}

Worker* Worker::less_loaded() const {
  const std::size_t own = load();
  if (own < kSkewCount) return nullptr;
  const auto least = std::min_element(all_->begin(), all_->end(),
                                      [](const auto& a, const auto& b) { return a->load() < b->load(); });
  const std::size_t fewest = (*least)->load();
  return own >= fewest + std::max(kSkewCount, fewest / kSkewShare) ? least->get() : nullptr;
}

void Worker::serve(session::Admitted&& admitted, std::size_t listener) {
  table_.open(std::move(admitted), plan_.routes[listener], doors_[listener]);
}

void Worker::handle(WorkerMessage&& message) {
  std::visit(Overloaded{[this](HandedOver&& handed) {
                          serve(std::move(handed.admitted), handed.listener);
                          arriving_.fetch_sub(1, std::memory_order_relaxed);
                        },
                        [](Wake&&) {},
                        [this](ReplaceAccess&& replace) {
                          doors_[replace.listener].replace_access(std::move(replace.access));
                        },
                        [this](StopAccepting&&) {
                          for (const auto& acceptor : acceptors_) acceptor->drain();
                          tarpit_.clear();
                          warmer_.stop();
                          accepting_.store(false, std::memory_order_release);
                        },
                        [this](CloseSessions&& close) { table_.close_all(close.reason); },
                        [this](CutSessions&& cut) { table_.carry_out(*cut.cuts); },
                        [this](StopWorker&&) { loop_->stop(); }},
             std::move(message));
}

void Worker::turn_wheel() {
  wheel_due_ = base::TimePoint::max();
  wheel_.advance(base::precise_now());
}

void Worker::end_turn() {
  wake_list_.deliver();
  warmer_.end_turn();
  if (resume_wanted_.load(std::memory_order_relaxed) &&
      resume_wanted_.exchange(false, std::memory_order_acq_rel)) {
    for (const auto& acceptor : acceptors_) acceptor->resume();
  }
  const auto due = wheel_.next_advance();
  if (!due || *due >= wheel_due_) return;
  wheel_due_ = *due;
  const auto delay = std::chrono::ceil<base::Millis>(*due - base::precise_now());
  wheel_timer_.start(std::max(delay, base::Millis(1)));
}

}  // namespace weir::server
