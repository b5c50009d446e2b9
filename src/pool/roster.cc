#include "pool/roster.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "pool/slow_start.h"

namespace weir::pool {

using balance::BackendIndex;

namespace {

// A sample's share in the mean of the times that connects take.
constexpr std::uint32_t kMeanShare = 8;
// What a connect that failed counts as there.
constexpr base::Micros kFailureTakes{1'000'000};
// A share such as 0.55 of 20 is 11, whatever the last bit of the product says.
constexpr double kRounding = 1e-9;

std::uint32_t mean_with(std::uint32_t mean, base::Micros sample) {
  const auto capped = static_cast<std::uint32_t>(std::clamp<std::int64_t>(sample.count(), 1, 1u << 31));
  if (mean == 0) return capped;
  const auto moved =
      static_cast<std::int64_t>(mean) + (static_cast<std::int64_t>(capped) - mean) / kMeanShare;
  return static_cast<std::uint32_t>(std::max<std::int64_t>(moved, 1));
}

}  // namespace

Roster::Roster(const RosterRules& rules, const std::vector<std::shared_ptr<Backend>>& backends,
               std::function<void()> on_event)
    : rules_(rules), on_event_(std::move(on_event)) {
  for (const auto& backend : backends) {
    const BackendIndex i = put(as_new(backend));
    states_[i].order = i;
  }
  make_tiers({});
  refresh_all();
  tell_panic();
}

bool Roster::wants_sessions(BackendIndex i) const {
  const State& its = states_[i];
  return its.mode == BackendMode::kUp && its.weight > 0 && its.unresolved.empty() && !its.has_left;
}

// Backups that are healthy are worth more than backends that are not.
bool Roster::is_too_few_healthy() const {
  return wanted_ > 0 && healthy_backups_ == 0 &&
         static_cast<double>(healthy_) + kRounding < rules_.panic_threshold * static_cast<double>(wanted_);
}

void Roster::count(BackendIndex i) {
  const auto put_in = [](std::size_t& sum, bool& is_in, bool should_be) {
    if (is_in == should_be) return;
    is_in = should_be;
    sum = is_in ? sum + 1 : sum - 1;
  };
  State& its = states_[i];
  const bool wanted = wants_sessions(i);
  put_in(wanted_, its.is_wanted, wanted);
  const bool is_up = wanted && state(i) == BackendState::kUp;
  const bool passed_over = is_up && its.ejection.is_out();
  if (passed_over != std::exchange(its.is_in_passed_over, passed_over)) {
    passed_over ? passed_over_.push_back(i) : static_cast<void>(std::erase(passed_over_, i));
  }
  const bool is_healthy = is_up && !passed_over;
  put_in(healthy_, its.is_healthy, is_healthy);
  put_in(healthy_backups_, its.is_healthy_backup, is_healthy && is_backup(i));
  put_in(ejected_, its.is_in_ejected, wanted && its.ejection.is_out() && its.is_ejected);
}

void Roster::update_usable(BackendIndex i) {
  const bool usable = wants_sessions(i) && (panic_ || (state(i) == BackendState::kUp && !is_passed_over(i)));
  if (members_[i].usable == usable) return;
  members_[i].usable = usable;
  Tier& tier = tier_of(i);
  tier.usable = usable ? tier.usable + 1 : tier.usable - 1;
  tier.is_stale = true;
}

void Roster::update_all_usable() {
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] != nullptr) update_usable(i);
  }
}

void Roster::refresh(BackendIndex i) {
  count(i);
  const bool was_in_panic = std::exchange(panic_, is_too_few_healthy());
  panic_ == was_in_panic ? update_usable(i) : update_all_usable();
}

void Roster::refresh_all() {
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] != nullptr) count(i);
  }
  panic_ = is_too_few_healthy();
  update_all_usable();
}

void Roster::set_weight(BackendIndex i, std::uint32_t weight) {
  if (std::exchange(members_[i].weight, weight) != weight) tier_of(i).is_stale = true;
}

bool Roster::has_one_for(const balance::Request& request, const Tier& tier) const {
  const bool is_second = &tier == &tiers_[1];
  if (request.reach == nullptr) {
    std::size_t tried = 0;
    for (std::size_t t = 0; t < request.tried.size(); ++t) {
      const BackendIndex i = request.tried[t];
      if (members_[i].usable && is_backup(i) == is_second) ++tried;
    }
    return tier.usable > tried;
  }
  for (BackendIndex i = 0; i < members_.size(); ++i) {
    if (members_[i].usable && is_backup(i) == is_second && request.may_go_to(i)) return true;
  }
  return false;
}

std::optional<BackendIndex> Roster::choose(const balance::Request& request, NoPick& why_not) {
  why_not = NoPick::kNone;
  for (Tier& tier : tiers_) {
    if (!has_one_for(request, tier)) continue;
    if (std::exchange(tier.is_stale, false)) tier.policy->members_changed(members_);
    const auto picked = tier.policy->pick(members_, request);
    if (!picked) why_not = NoPick::kFull;
    return picked;
  }
  return choose_passed_over(request, why_not);
}

std::optional<BackendIndex> Roster::choose_passed_over(const balance::Request& request, NoPick& why_not) {
  why_not = NoPick::kNobody;
  return has_better_ ? std::nullopt : next_passed_over(request, why_not);
}

std::optional<BackendIndex> Roster::choose_from_passed_over(const balance::Request& request) {
  NoPick ignored = NoPick::kNone;
  return has_better_ ? next_passed_over(request, ignored) : std::nullopt;
}

std::optional<BackendIndex> Roster::next_passed_over(const balance::Request& request, NoPick& why_not) {
  for (auto it = passed_over_.begin(); it != passed_over_.end(); ++it) {
    const BackendIndex i = *it;
    if (members_[i].usable || !request.may_go_to(i)) continue;
    why_not = NoPick::kFull;
    if (members_[i].in_flight >= members_[i].most) continue;
    why_not = NoPick::kNone;
    std::rotate(it, it + 1, passed_over_.end());
    return i;
  }
  return std::nullopt;
}

bool Roster::may_use(BackendIndex index, const balance::Request& request) const {
  if (!takes_sessions(index) || !request.may_go_to(index)) return false;
  if (members_[index].usable) return !is_backup(index) || !has_one_for(request, tiers_[0]);
  return !has_one_for(request, tiers_[0]) && !has_one_for(request, tiers_[1]);
}

void Roster::tell_load(BackendIndex i) {
  Tier& tier = tier_of(i);
  if (!tier.is_stale && !states_[i].has_left) tier.policy->load_changed(members_, i);
}

void Roster::enter(BackendIndex index) {
  ++members_[index].in_flight;
  ++last_place_;
  tell_load(index);
}

void Roster::leave(BackendIndex index) {
  WEIR_ASSERT(members_[index].in_flight > 0);
  --members_[index].in_flight;
  tell_load(index);
  if (states_[index].has_left && members_[index].in_flight == 0) vacate(index);
}

double Roster::most_ejected() const {
  return rules_.ejection.max_ejected * static_cast<double>(wanted_) + kRounding;
}

bool Roster::failed(BackendIndex i, Failure how, base::TimePoint now, std::string_view what) {
  State& its = states_[i];
  if (its.has_left) return false;
  // Quick to refuse is not fast.
  note_time(i, kFailureTakes);
  backends_[i]->set_suspect(true);
  if (!its.ejection.failed(rules_.ejection, how) || state(i) != BackendState::kUp) return false;
  its.is_ejected = static_cast<double>(ejected_ + 1) <= most_ejected();
  // One that resets does take connections, so leaving it out would give its load to the others.
  if (!its.is_ejected && how == Failure::kReset) return false;
  eject(i, now, what);
  return true;
}

void Roster::eject(BackendIndex i, base::TimePoint now, std::string_view what) {
  State& its = states_[i];
  const base::Millis time = its.ejection.eject(rules_.ejection, now);
  its.ejected_for = fmt::format("its sessions fail, the last one: {}", what);
  stop_ramp(i);
  refresh(i);
  if (its.is_ejected) {
    backends_[i]->counters().ejections.add();
    tell(Change::kEjected, i, fmt::format("{}; for {}", its.ejected_for, base::to_string(time)));
  } else {
    its.ejected_for += "; used only when no other is left, as max_ejected allows no more ejections";
    tell(Change::kPassedOver, i, fmt::format("{}; for {}", its.ejected_for, base::to_string(time)));
  }
  tell_panic();
}

void Roster::keep_to_most_ejected(base::TimePoint now) {
  std::vector<BackendIndex> out;
  for (BackendIndex i = 0; i < states_.size(); ++i) {
    if (states_[i].is_in_ejected) out.push_back(i);
  }
  std::sort(out.begin(), out.end(), [&](BackendIndex a, BackendIndex b) {
    return states_[a].ejection.until() < states_[b].ejection.until();
  });
  for (std::size_t n = 0; static_cast<double>(out.size() - n) > most_ejected(); ++n) {
    states_[out[n]].ejection.cut_short(now);
  }
}

void Roster::served(BackendIndex i) {
  states_[i].ejection.served();
  backends_[i]->set_suspect(false);
}

void Roster::note_time(BackendIndex i, base::Micros took) {
  members_[i].connect_time = mean_with(members_[i].connect_time, took);
  tell_load(i);
}

void Roster::connect_took(BackendIndex i, base::Micros took) {
  note_time(i, took);
  states_[i].connect_time = mean_with(states_[i].connect_time, took);
}

bool Roster::connected(BackendIndex i, base::TimePoint now, base::Micros took) {
  connect_took(i, took);
  states_[i].ejection.connected();
  if (!is_passed_over(i)) return false;
  take_back(i, now, "a connect stood");
  return true;
}

// One that was passed over.
void Roster::take_back(BackendIndex i, base::TimePoint now, std::string why) {
  states_[i].ejection.come_back();
  came_up(i, now);
  refresh(i);
  tell(Change::kReturned, i, std::move(why));
  tell_panic();
}

bool Roster::end_ejection(BackendIndex i, base::TimePoint now) {
  if (!states_[i].ejection.returns(rules_.ejection, now)) return false;
  // It is on trial until a session is served there: that is to be told.
  backends_[i]->set_suspect(true);
  if (state(i) == BackendState::kUp) came_up(i, now);
  return true;
}

// Where the weight grows from when it comes back.
void Roster::came_up(BackendIndex i, base::TimePoint now) {
  // What connects took before says nothing of how it is now.
  members_[i].connect_time = states_[i].connect_time = 0;
  if (!rules_.slow_start) return;
  states_[i].ramping_since = now;
  set_weight(i, states_[i].weight * slow_start_tenths(base::Millis(0), *rules_.slow_start));
}

void Roster::come_back(BackendIndex i, base::TimePoint now) {
  stop_ramp(i);
  came_up(i, now);
}

// It is out, and begins anew when it is back.
void Roster::stop_ramp(BackendIndex i) {
  states_[i].ramping_since.reset();
  set_weight(i, states_[i].weight * kWholeWeight);
}

bool Roster::check_passed(BackendIndex i, base::TimePoint now) {
  backends_[i]->counters().checks_passed.add();
  if (!states_[i].health.passed()) {
    if (!is_passed_over(i)) return false;
    take_back(i, now, "a check passed");
    return true;
  }
  // What sessions met while it was down, or before, says nothing of how it is now.
  const bool was_out = states_[i].ejection.is_out();
  states_[i].ejection.forget();
  came_up(i, now);
  refresh(i);
  tell(Change::kUp, i, was_out ? "its ejection has ended by that" : "");
  tell_panic();
  return true;
}

bool Roster::check_failed(BackendIndex i, std::string reason) {
  backends_[i]->counters().checks_failed.add();
  if (!states_[i].health.failed(std::move(reason))) return false;
  stop_ramp(i);
  refresh(i);
  tell(Change::kDown, i, states_[i].health.reason());
  tell_panic();
  return true;
}

void Roster::set_mode(BackendIndex i, BackendMode mode, base::TimePoint now) {
  if (states_[i].mode == mode) return;
  states_[i].mode = mode;
  if (mode == BackendMode::kUp) came_up(i, now);
  refresh(i);
  tell(Change::kMode, i, "");
  tell_panic();
}

void Roster::want_weight(BackendIndex i, std::uint32_t weight, base::TimePoint now,
                         const Groundworks& groundworks) {
  const std::uint32_t before = std::exchange(states_[i].weight, weight);
  if (before == weight) return;
  // From 0 it comes back like one that was drained.
  before == 0 ? come_back(i, now) : update_weight(i, now);
  make_tiers(groundworks);
  refresh_all();
  tell_panic();
}

Roster::Weights Roster::wanted_weights() const {
  Weights weights;
  for (const BackendIndex i : in_order()) {
    if (states_[i].weight != states_[i].configured_weight) weights[backends_[i]->name()] = states_[i].weight;
  }
  return weights;
}

Roster::Weights Roster::changed_weights() const {
  Weights weights;
  for (const BackendIndex i : in_order()) {
    if (states_[i].weight != backends_[i]->identity().weight)
      weights[backends_[i]->name()] = states_[i].weight;
  }
  return weights;
}

void Roster::update_weight(BackendIndex i, base::TimePoint now) {
  const State& its = states_[i];
  const bool is_ramping = its.ramping_since.has_value();
  set_weight(i, its.weight * (is_ramping ? slow_start_tenths(now - *its.ramping_since, *rules_.slow_start)
                                         : kWholeWeight));
}

bool Roster::advance(base::TimePoint now) {
  if (static_cast<double>(ejected_) > most_ejected()) keep_to_most_ejected(now);
  bool is_other = false;
  for (BackendIndex i = 0; i < states_.size(); ++i) {
    if (backends_[i] == nullptr) continue;
    State& its = states_[i];
    if (end_ejection(i, now)) {
      is_other = true;
      refresh(i);
      if (state(i) == BackendState::kUp) tell(Change::kReturned, i, "");
    }
    if (!its.ramping_since) continue;
    const std::uint32_t tenths = slow_start_tenths(now - *its.ramping_since, *rules_.slow_start);
    set_weight(i, its.weight * tenths);
    if (tenths == kWholeWeight) its.ramping_since.reset();
  }
  tell_panic();
  return is_other;
}

bool Roster::is_waiting() const {
  return std::any_of(states_.begin(), states_.end(),
                     [](const State& its) { return its.ejection.is_out() || its.ramping_since.has_value(); });
}

BackendState Roster::state(BackendIndex i) const {
  const State& its = states_[i];
  if (its.mode == BackendMode::kMaintenance) return BackendState::kMaintenance;
  if (its.mode == BackendMode::kDrain || its.weight == 0 || its.has_left) return BackendState::kDrain;
  if (!its.unresolved.empty() || !its.health.up()) return BackendState::kDown;
  return its.ejection.is_out() && its.is_ejected ? BackendState::kEjected : BackendState::kUp;
}

std::string Roster::reason(BackendIndex i) const {
  const State& its = states_[i];
  const char* whose = its.mode == its.configured_mode ? "configured" : "wanted by an operator";
  switch (state(i)) {
    case BackendState::kUp:
      if (is_passed_over(i)) return its.ejected_for;
      if (weight_ratio(i) < 1) return fmt::format("slow start: {} of its weight", weight_ratio(i));
      return "";
    case BackendState::kDrain:
      if (its.has_left) return "it no longer belongs to the pool";
      return its.mode == BackendMode::kDrain ? whose : "its weight is 0";
    case BackendState::kMaintenance:
      return whose;
    case BackendState::kEjected:
      return its.ejected_for;
    case BackendState::kDown:
      if (!its.unresolved.empty()) return its.unresolved;
      if (!its.health.reason().empty()) return its.health.reason();
      return its.health.is_untold() ? "no check has passed yet" : "too few checks have passed yet";
  }
  return "";
}

double Roster::weight_ratio(BackendIndex i) const {
  const std::uint32_t whole = states_[i].weight * kWholeWeight;
  return whole == 0 ? 1 : static_cast<double>(members_[i].weight) / whole;
}

std::vector<BackendIndex> Roster::in_order() const {
  std::vector<BackendIndex> all;
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] != nullptr) all.push_back(i);
  }
  std::sort(all.begin(), all.end(), [this](BackendIndex a, BackendIndex b) {
    return std::pair(states_[a].has_left, states_[a].order) <
           std::pair(states_[b].has_left, states_[b].order);
  });
  return all;
}

std::optional<BackendIndex> Roster::find(const Backend& backend) const {
  const auto found = positions_.find(&backend);
  return found == positions_.end() ? std::nullopt : std::optional(found->second);
}

void Roster::tell(Change change, BackendIndex i, std::string reason) {
  add_event({change, backends_[i], std::move(reason), state(i), healthy_, total_, last_place_});
}

// After what has brought it about.
void Roster::tell_panic() {
  if (panic_ == std::exchange(panic_told_, panic_)) return;
  add_event(pool_event(panic_ ? Change::kPanicBegan : Change::kPanicEnded,
                       fmt::format("{} of {} backends are healthy", healthy_, wanted_)));
}

void Roster::add_event(PoolEvent event) {
  events_.push_back(std::move(event));
  if (on_event_) on_event_();
}

PoolEvent Roster::pool_event(Change change, std::string reason) const {
  return {change, nullptr, std::move(reason), BackendState::kUp, healthy_, total_, last_place_};
}

}  // namespace weir::pool
