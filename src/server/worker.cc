#include "server/worker.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "base/overloaded.h"
#include "net/socket.h"
#include "net/thread.h"

namespace weir::server {
namespace {

constexpr std::size_t kMailboxCapacity = 4096;
constexpr base::Millis kSurveyRest{1};
// A thousand of the longest ClientHellos, or some ten thousand usual ones, at the same time.
constexpr std::size_t kMostReadAhead = std::size_t{64} << 20;

// A fresh client goes to the least loaded worker when this one has more than that by a count and by a share.
// Below the bound a connection stays where the kernel put it: handing over costs a wake-up.
constexpr std::size_t kSkewCount = 8;
constexpr std::size_t kSkewShare = 8;  // an eighth

}  // namespace

base::Result<std::unique_ptr<Worker>> Worker::create(Plan plan, session::RecordSink& log) {
  auto loop = net::EventLoop::create();
  if (!loop) return base::failure(std::move(loop.error()));
  auto mailbox = net::Mailbox<WorkerMessage>::create(**loop, kMailboxCapacity);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  return std::unique_ptr<Worker>(new Worker(plan, std::move(*loop), std::move(*mailbox), log));
}

Worker::Worker(Plan plan, std::unique_ptr<net::EventLoop> loop,
               std::unique_ptr<net::Mailbox<WorkerMessage>> mailbox, session::RecordSink& log)
    : plan_(plan),
      loop_(std::move(loop)),
      mailbox_(std::move(mailbox)),
      buffers_(0),
      pipes_(0),
      wheel_(base::precise_now()),
      tarpit_(wheel_),
      read_ahead_(kMostReadAhead),
      // Only to wake the loop, which looks at the list after every turn. A full mailbox has woken it already.
      wake_list_(*loop_, [this] { static_cast<void>(post(Wake{})); }),
      warmer_(*loop_),
      table_({{*loop_, wake_list_, &warmer_}, {*loop_, buffers_, pipes_, wheel_}, log, read_ahead_},
             plan_.first_session_id) {
  mailbox_->open([this](WorkerMessage&& message) { handle(std::move(message)); });
  wheel_timer_.bind<&Worker::turn_wheel>(*loop_, this);
  survey_timer_.bind<&Worker::go_on_with_surveys>(*loop_, this);
  loop_->at_end_of_turn([this] { end_turn(); });
  loop_->measure_turns(turns_);
}

Worker::~Worker() { stop(); }

void Worker::serve(std::shared_ptr<const Serving> serving) {
  if (stopped_) {
    serving_ = std::move(serving);
    return;
  }
  // Whoever waits for the old one to be let go of waits for all of this.
  const std::shared_ptr<const Serving> old = std::exchange(serving_, std::move(serving));
  loop_->set_busy_poll(serving_->busy_poll);
  buffers_.set_limit(serving_->buffers_each);
  pipes_.set_limit(serving_->pipes_each);
  close_leaving();
  change_doors();
  change_acceptors();
  const auto warm = serving_->warm.find(plan_.index);
  warmer_.keep(warm == serving_->warm.end() ? std::vector<WarmShare>() : warm->second);
}

// With the rules that they had, so before those change.
void Worker::close_leaving() {
  for (const LeavingSocket& one : serving_->leaving) {
    const auto known = acceptors_.find(one.socket.get());
    if (one.worker != plan_.index || known == acceptors_.end()) continue;
    known->second->drain();
    acceptors_.erase(known);
  }
}

Door& Worker::door_of(const std::shared_ptr<const Listener>& listener) {
  ListenerTally& tally = *listener->tally;
  const auto at = doors_.find(&tally);
  if (at != doors_.end()) return at->second;
  const Door::Services services{tally.of(plan_.index), samples_, tarpit_};
  return doors_.emplace(std::piecewise_construct, std::tuple(&tally), std::tuple(listener, services))
      .first->second;
}

void Worker::change_doors() {
  for (const auto& listener : serving_->listeners) door_of(listener).change(listener);
  forget_doors();
}

void Worker::forget_doors() {
  for (auto at = doors_.begin(); at != doors_.end();) {
    const auto& listeners = serving_->listeners;
    Door& door = at->second;
    const bool is_served = std::find(listeners.begin(), listeners.end(), door.listener()) != listeners.end();
    at = is_served || door.counters().open() > 0 ? std::next(at) : doors_.erase(at);
  }
}

void Worker::change_acceptors() {
  std::map<const ListeningSocket*, std::unique_ptr<Acceptor>> acceptors;
  for (const Assigned& one : serving_->sockets) {
    if (one.worker != plan_.index) continue;
    Door& door = door_of(serving_->listeners[one.listener]);
    std::unique_ptr<Acceptor>& acceptor = acceptors[one.socket.get()];
    if (const auto known = acceptors_.find(one.socket.get()); known != acceptors_.end()) {
      acceptor = std::move(known->second);
      acceptor->change(door, serving_->when_full);
      continue;
    }
    const Acceptor::Rules rules{plan_.slots, serving_->when_full};
    acceptor = std::make_unique<Acceptor>(*loop_, *this, rules, door, one.socket);
    if (accepts_) acceptor->resume();
  }
  acceptors_ = std::move(acceptors);
}

base::Result<void> Worker::start() {
  auto thread = net::start_thread("worker-" + std::to_string(plan_.index), [this] { loop_->run(); });
  if (!thread) return base::failure(std::move(thread.error()));
  thread_ = std::move(*thread);
  return {};
}

void Worker::stop() {
  if (!thread_.joinable()) return;
  // A mailbox that is full empties by itself.
  while (!post(StopWorker{})) std::this_thread::yield();
  thread_.join();
  surveys_.clear();
  acceptors_.clear();
  serving_.reset();
}

void Worker::resume_accepting() {
  if (resume_wanted_.exchange(true, std::memory_order_acq_rel)) return;
  // Only to wake the loop, which looks at the wish after every turn. A full mailbox has woken it already.
  static_cast<void>(post(Wake{}));
}

void Worker::ask_for_sign() {
  sign_wanted_.store(true, std::memory_order_release);
  static_cast<void>(post(Wake{}));
}

void Worker::accepted(session::Admitted&& admitted, Door& door) {
  Worker* target = less_loaded();
  if (target == nullptr) return open(std::move(admitted), door);
  target->arriving_.fetch_add(1, std::memory_order_relaxed);
  WorkerMessage message = HandedOver{door.listener(), std::move(admitted)};
  if (target->post(std::move(message))) {
    door.counters().handed_over.add();
    return;
  }
  target->arriving_.fetch_sub(1, std::memory_order_relaxed);
  open(std::move(std::get<HandedOver>(message).admitted), door);
}

Worker* Worker::less_loaded() const {
  const std::size_t own = load();
  if (own < kSkewCount) return nullptr;
  const auto& team = serving_->team;
  const auto least = std::min_element(team.begin(), team.end(),
                                      [](const Worker* a, const Worker* b) { return a->load() < b->load(); });
  const std::size_t fewest = (*least)->load();
  return own >= fewest + std::max(kSkewCount, fewest / kSkewShare) ? *least : nullptr;
}

void Worker::open(session::Admitted&& admitted, Door& door) {
  table_.open(std::move(admitted), door.listener()->route, door);
}

void Worker::handle(WorkerMessage&& message) {
  std::visit(
      base::Overloaded{[this](HandedOver&& handed) {
                         open(std::move(handed.admitted), door_of(handed.listener));
                         arriving_.fetch_sub(1, std::memory_order_release);
                       },
                       [](Wake&&) {}, [this](Serve&& serve_this) { serve(std::move(serve_this.serving)); },
                       [this](ForgetDoors&&) {
                         if (!stopped_) forget_doors();
                       },
                       [this](StopAccepting&&) {
                         for (const auto& [socket, acceptor] : acceptors_) acceptor->drain();
                         stopped_ = true;
                         tarpit_.clear();
                         warmer_.stop();
                         accepting_.store(false, std::memory_order_release);
                       },
                       [this](CloseSessions&& close) { table_.close_all(close.reason); },
                       [this](CutSessions&& cut) { table_.carry_out(*cut.cuts); },
                       [this](TakePart&& part) { take_part(std::move(part.survey)); },
                       [this](StopWorker&&) { loop_->stop(); }},
      std::move(message));
}

void Worker::turn_wheel() {
  wheel_due_ = base::TimePoint::max();
  wheel_.advance(base::precise_now());
}

void Worker::take_part(std::shared_ptr<session::Survey> survey) {
  surveys_.emplace_back(std::move(survey), table_, plan_.index);
  if (surveys_.size() == 1) survey_timer_.start(base::Millis(0));
}

// One step and a rest, however many there are: sessions are served in between, and this thread is not one
// that is always busy, which the kernel makes wait.
void Worker::go_on_with_surveys() {
  if (surveys_.empty()) return;
  // Each in its turn.
  surveys_.splice(surveys_.end(), surveys_, surveys_.begin());
  if (surveys_.back().step()) surveys_.pop_back();
  if (!surveys_.empty()) survey_timer_.start(kSurveyRest);
}

void Worker::end_turn() {
  warmer_.end_turn();
  if (sign_wanted_.load(std::memory_order_relaxed)) sign_wanted_.store(false, std::memory_order_release);
  if (resume_wanted_.load(std::memory_order_relaxed) &&
      resume_wanted_.exchange(false, std::memory_order_acq_rel)) {
    accepts_ = true;
    for (const auto& [socket, acceptor] : acceptors_) acceptor->resume();
  }
  const auto due = wheel_.next_advance();
  if (!due || *due >= wheel_due_) return;
  wheel_due_ = *due;
  const auto delay = std::chrono::ceil<base::Millis>(*due - base::precise_now());
  wheel_timer_.start(std::max(delay, base::Millis(1)));
}

}  // namespace weir::server
