#include "pool/pool.h"

#include <fmt/format.h>

namespace weir::pool {

using balance::BackendIndex;

namespace {

constexpr base::Millis kDenialsAreTold{60'000};  // at most once in this time

// Whom a session can connect to, by position.
class ReachInRoster final : public balance::Reach {
 public:
  ReachInRoster(const Roster& roster, const ClientReach* reach) : roster_(roster), reach_(reach) {}
  bool reaches(BackendIndex index) const override { return reach_->reaches(*roster_.backends()[index]); }
  // What the roster is asked for. Refers to this.
  balance::Request request(std::uint64_t key, const balance::Tried& tried) const {
    return {key, tried, reach_ == nullptr ? nullptr : this};
  }

 private:
  const Roster& roster_;
  const ClientReach* const reach_;
};

}  // namespace

Pool::Pool(PoolSettings settings, const std::vector<std::shared_ptr<Backend>>& backends)
    : name_(settings.name),
      settings_(std::make_shared<const PoolSettings>(std::move(settings))),
      roster_(settings_->roster, backends, [this] { ask_keeper(); }) {
  WEIR_ASSERT(settings_->retries < balance::Tried::kMost);
}

std::shared_ptr<const PoolSettings> Pool::settings() const {
  const std::lock_guard lock(mutex_);
  return settings_;
}

Slot Pool::slot_at(BackendIndex index) {
  const Choice choice = roster_.is_passed_over(index)               ? Choice::kPassedOver
                        : roster_.state(index) != BackendState::kUp ? Choice::kPanic
                        : roster_.is_backup(index)                  ? Choice::kBackup
                                                                    : Choice::kUsable;
  roster_.enter(index);
  return {shared_from_this(), roster_.backends()[index], index, choice, roster_.last_place()};
}

std::shared_ptr<const PoolSettings> Pool::tell_settings(std::shared_ptr<const PoolSettings>* to) const {
  if (to == nullptr || *to == settings_) return nullptr;
  return std::exchange(*to, settings_);
}

Slot Pool::pick(const Seeker& seeker, NoPick& why_not, std::shared_ptr<const PoolSettings>* settings) {
  // The old ones may go by this, but not under the lock.
  std::shared_ptr<const PoolSettings> old;
  const std::lock_guard lock(mutex_);
  old = tell_settings(settings);
  const ReachInRoster reach(roster_, reach_of(seeker.reach));
  const auto index = roster_.choose(reach.request(seeker.key, seeker.tried), why_not);
  if (!index) return {};
  if (seeker.tried.empty()) budget_.first_attempt();
  return slot_at(*index);
}

Slot Pool::pick_passed_over(const ClientReach* reach, std::shared_ptr<const PoolSettings>* settings) {
  // The old ones may go by this, but not under the lock.
  std::shared_ptr<const PoolSettings> old;
  const std::lock_guard lock(mutex_);
  old = tell_settings(settings);
  static const balance::Tried kNone;
  const ReachInRoster in_roster(roster_, reach_of(reach));
  const auto index = roster_.choose_from_passed_over(in_roster.request(0, kNone));
  return index ? slot_at(*index) : Slot();
}

void Pool::set_fallback(std::shared_ptr<Pool> fallback) {
  const std::lock_guard lock(mutex_);
  // The old one may go by this, but not under the lock.
  fallback_.swap(fallback);
  roster_.set_has_better(fallback_ != nullptr);
  serve_all();
}

std::shared_ptr<Pool> Pool::fallback() const {
  const std::lock_guard lock(mutex_);
  return fallback_;
}

bool Pool::may_retry(base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const bool may = budget_.retry(now);
  (may ? counters_.retries : counters_.retries_denied).add();
  if (!may) ask_keeper();
  return may;
}

bool Pool::wait(Waiter& waiter, const Seeker& seeker, bool again) {
  const std::lock_guard lock(mutex_);
  WEIR_ASSERT(waiter.pool_ == nullptr);
  if (!again && queue_.size() >= settings_->queue_length) {
    counters_.queue_refused.add();
    return false;
  }
  if (!again) counters_.queued.add();
  waiter.pool_ = shared_from_this();
  waiter.key_ = seeker.key;
  waiter.tried_ = seeker.tried;
  waiter.reach_ = seeker.reach;
  waiter.why_not_ = NoPick::kNone;
  WEIR_ASSERT(!waiter.slot_);
  queue_.push(waiter, again);
  // A place may have come free since the session asked.
  serve(waiter);
  return true;
}

Slot Pool::leave(Waiter& waiter) {
  const std::lock_guard lock(mutex_);
  if (waiter.is_queued_) queue_.remove(waiter);
  return std::move(waiter.slot_);
}

void Pool::give_back(BackendIndex index) {
  const std::lock_guard lock(mutex_);
  const bool was_full = !roster_.member(index).has_room();
  roster_.leave(index);
  // Nobody waits for one that had room.
  if (was_full) serve_one(index);
}

// True: its wait is over.
bool Pool::serve(Waiter& waiter) {
  NoPick why_not = NoPick::kNone;
  const ReachInRoster reach(roster_, reach_of(waiter.reach_));
  const auto index = roster_.choose(reach.request(waiter.key_, waiter.tried_), why_not);
  if (why_not == NoPick::kFull) return false;
  queue_.remove(waiter);
  waiter.why_not_ = why_not;
  if (index) {
    if (waiter.tried_.empty()) budget_.first_attempt();
    waiter.slot_ = slot_at(*index);
    waiter.settings_ = settings_;
  }
  waiter.waker_.wake(waiter);
  return true;
}

void Pool::serve_one(BackendIndex index) {
  if (!roster_.takes_sessions(index)) return;
  for (Waiter* waiter = queue_.first(); waiter != nullptr;) {
    Waiter& looked_at = *waiter;
    waiter = WaitQueue::after(looked_at);
    const ReachInRoster reach(roster_, reach_of(looked_at.reach_));
    if (roster_.may_use(index, reach.request(looked_at.key_, looked_at.tried_)) && serve(looked_at)) return;
  }
}

void Pool::serve_all() {
  for (Waiter* waiter = queue_.first(); waiter != nullptr;) {
    Waiter& looked_at = *waiter;
    waiter = WaitQueue::after(looked_at);
    serve(looked_at);
  }
}

void Pool::failed(BackendIndex index, Failure how, base::TimePoint now, std::string_view what) {
  const std::lock_guard lock(mutex_);
  if (roster_.failed(index, how, now, what)) serve_all();
}

std::optional<BackendIndex> Pool::find(const Backend& backend) const {
  const auto index = roster_.find(backend);
  return index && !roster_.has_left(*index) ? index : std::nullopt;
}

bool Pool::check_passed(const Backend& backend, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto index = find(backend);
  if (!index) return false;
  if (roster_.check_passed(*index, now)) serve_all();
  return roster_.is_changing(*index);
}

bool Pool::check_failed(const Backend& backend, std::string reason) {
  const std::lock_guard lock(mutex_);
  const auto index = find(backend);
  if (!index) return false;
  if (roster_.check_failed(*index, std::move(reason))) serve_all();
  return roster_.is_changing(*index);
}

void Pool::warm_lost(Backend& backend, base::TimePoint now) {
  backend.counters().failed_attempts.add();
  const std::lock_guard lock(mutex_);
  const auto index = find(backend);
  if (index && roster_.failed(*index, Failure::kConnect, now, "backend_lost")) serve_all();
}

void Pool::set_mode(const Backend& backend, BackendMode mode, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const auto index = find(backend);
  if (!index) return;
  roster_.set_mode(*index, mode, now);
  serve_all();
}

void Pool::want_weight(const Backend& backend, std::uint32_t weight, base::TimePoint now) {
  // What has had its day goes with `before`, when the lock is no longer held.
  const Roster::Groundworks before = groundworks();
  Roster::Weights weights = [this] {
    const std::lock_guard lock(mutex_);
    return roster_.changed_weights();
  }();
  weights[backend.name()] = weight;
  const Roster::Groundworks groundworks = Roster::prepare(settings()->roster, members(), before, weights);
  const std::lock_guard lock(mutex_);
  const auto index = find(backend);
  if (!index) return;
  roster_.want_weight(*index, weight, now, groundworks);
  serve_all();
}

Roster::Weights Pool::wanted_weights() const {
  const std::lock_guard lock(mutex_);
  return roster_.wanted_weights();
}

Roster::Groundworks Pool::groundworks() const {
  const std::lock_guard lock(mutex_);
  return roster_.groundworks();
}

void Pool::change(PoolSettings settings, const std::vector<std::shared_ptr<Backend>>& backends,
                  base::TimePoint now) {
  WEIR_ASSERT(settings.name == name_ && settings.retries < balance::Tried::kMost);
  // What has had its day goes with these two, when the lock is no longer held.
  const Roster::Groundworks before = groundworks();
  auto changed = std::make_shared<const PoolSettings>(std::move(settings));
  const Roster::Groundworks groundworks =
      Roster::prepare(changed->roster, backends, before, wanted_weights());
  const std::lock_guard lock(mutex_);
  settings_.swap(changed);
  roster_.change(settings_->roster, backends, now, groundworks);
  serve_all();
}

void Pool::replace(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now) {
  // What has had its day goes with `before`, when the lock is no longer held.
  const Roster::Groundworks before = groundworks();
  const Roster::Groundworks groundworks =
      Roster::prepare(settings()->roster, backends, before, wanted_weights());
  const std::lock_guard lock(mutex_);
  roster_.replace(backends, now, groundworks);
  serve_all();
}

std::vector<BackendPast> Pool::past(base::TimePoint now) const {
  const std::lock_guard lock(mutex_);
  return roster_.past(now);
}

void Pool::go_on_from(const std::vector<BackendPast>& past, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  roster_.go_on_from(past, now);
}

std::vector<PoolEvent> Pool::advance(base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  if (roster_.is_waiting() && roster_.advance(now)) serve_all();
  std::vector<PoolEvent> events = roster_.take_events();
  tell_denials(now, events);
  is_keeper_asked_ = false;
  return events;
}

bool Pool::is_waiting() const {
  const std::lock_guard lock(mutex_);
  return roster_.is_waiting() || has_untold_denials();
}

void Pool::set_keeper(std::function<void()> ask) {
  const std::lock_guard lock(mutex_);
  keeper_ = std::move(ask);
  if (std::exchange(is_keeper_asked_, false)) ask_keeper();
}

void Pool::ask_keeper() {
  if (!std::exchange(is_keeper_asked_, true) && keeper_) keeper_();
}

void Pool::tell_denials(base::TimePoint now, std::vector<PoolEvent>& events) {
  if (!has_untold_denials() || now < denials_quiet_until_) return;
  const std::uint64_t denied = counters_.retries_denied.value();
  events.push_back(
      roster_.pool_event(Change::kRetriesDenied,
                         fmt::format("{} retries were denied: sessions fail, or go to the fallback pool, "
                                     "though another backend may be well",
                                     denied - denials_told_)));
  denials_told_ = denied;
  denials_quiet_until_ = now + kDenialsAreTold;
}

std::vector<std::shared_ptr<Backend>> Pool::members() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Backend>> members;
  for (const BackendIndex i : roster_.in_order()) {
    if (!roster_.has_left(i)) members.push_back(roster_.backends()[i]);
  }
  return members;
}

std::uint64_t Pool::last_place() const {
  const std::lock_guard lock(mutex_);
  return roster_.last_place();
}

bool Pool::has_sessions_at(const Backend& backend) const {
  const std::lock_guard lock(mutex_);
  const auto index = roster_.find(backend);
  return index && roster_.member(*index).in_flight > 0;
}

PoolView Pool::view() const {
  const std::lock_guard lock(mutex_);
  PoolView view{{}, roster_.healthy(), roster_.total(), queue_.size(), roster_.in_panic()};
  view.backends.reserve(roster_.backends().size());
  for (const BackendIndex i : roster_.in_order()) {
    const balance::Member& member = roster_.member(i);
    view.backends.push_back(
        {roster_.backends()[i], roster_.state(i), roster_.reason(i), member.in_flight,
         roster_.connect_time(i), roster_.weight(i), roster_.weight_ratio(i), roster_.is_backup(i),
         roster_.is_passed_over(i),
         member.most == balance::Member::kNoMost ? std::nullopt : std::optional(member.most),
         roster_.has_left(i)});
  }
  return view;
}

std::vector<std::shared_ptr<Backend>> Pool::backends() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Backend>> all;
  for (const auto& backend : roster_.backends()) {
    if (backend != nullptr) all.push_back(backend);
  }
  return all;
}

std::shared_ptr<Backend> Pool::out_of_reach(const ClientReach& reach) const {
  const std::lock_guard lock(mutex_);
  for (BackendIndex i = 0; i < roster_.backends().size(); ++i) {
    const std::shared_ptr<Backend>& one = roster_.backends()[i];
    if (one != nullptr && roster_.state(i) == BackendState::kUp && !reach.reaches(*one)) return one;
  }
  return nullptr;
}

std::vector<std::shared_ptr<Backend>> Pool::backends_up() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Backend>> up;
  up.reserve(roster_.healthy());
  for (BackendIndex i = 0; i < roster_.backends().size(); ++i) {
    if (roster_.backends()[i] != nullptr && roster_.state(i) == BackendState::kUp &&
        !roster_.is_passed_over(i)) {
      up.push_back(roster_.backends()[i]);
    }
  }
  return up;
}

// Slot and waiter are friends of the pool's: how they come back to it.

void Slot::release() {
  if (backend_ == nullptr) return;
  const std::shared_ptr<Pool> pool = std::move(pool_);
  backend_ = nullptr;
  pool->give_back(index_);
}

bool Slot::is_still_usable() const {
  const std::lock_guard lock(pool_->mutex_);
  return pool_->roster_.takes_sessions(index_);
}

void Slot::connect_failed(base::TimePoint now, std::string_view what) {
  backend_->counters().failed_attempts.add();
  pool_->failed(index_, Failure::kConnect, now, what);
}

void Slot::connected(base::TimePoint now, base::Micros took) {
  backend_->counters().sessions.add();
  pool_->counters().connects.add(took);
  const std::lock_guard lock(pool_->mutex_);
  if (pool_->roster_.connected(index_, now, took)) pool_->serve_all();
}

void Slot::took_warm(base::Micros took) {
  backend_->counters().sessions.add();
  backend_->counters().warm_used.add();
  const std::lock_guard lock(pool_->mutex_);
  pool_->roster_.connect_took(index_, took);
}

void Slot::reset_early(base::TimePoint now) {
  backend_->counters().early_resets.add();
  if (!pool_->settings()->roster.ejection.observe_resets) return;
  pool_->failed(index_, Failure::kReset, now, "reset at once");
}

void Slot::served() {
  if (!backend_->is_suspect()) return;
  const std::lock_guard lock(pool_->mutex_);
  if (!pool_->settings_->roster.ejection.observe_resets) return backend_->set_suspect(false);
  pool_->roster_.served(index_);
}

Slot Waiter::leave() {
  if (pool_ == nullptr) return {};
  const std::shared_ptr<Pool> pool = std::move(pool_);
  Slot given = pool->leave(*this);
  waker_.forget(*this);
  return given;
}

}  // namespace weir::pool
