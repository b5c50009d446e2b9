// How a roster goes on from one of another process: `past` there, `go_on_from` here.
#include <algorithm>
#include <map>

#include "pool/roster.h"

namespace weir::pool {

using balance::BackendIndex;

BackendPast Roster::past_of(BackendIndex i, base::TimePoint now) const {
  const State& its = states_[i];
  const auto whole = [](auto time) { return std::chrono::duration_cast<base::Millis>(time); };
  BackendPast past;
  past.name = backends_[i]->name();
  past.address = backends_[i]->identity().address;
  if (its.mode != its.configured_mode) past.mode = {its.mode, its.configured_mode};
  if (its.weight != its.configured_weight) past.weight = {its.weight, its.configured_weight};
  past.is_checked = rules_.health.is_checked && !its.health.is_untold();
  past.is_up = its.health.up();
  past.reason = its.health.reason();
  if (its.ejection.is_out() && its.ejection.until() > now) {
    past.out_for = whole(its.ejection.until() - now);
    past.is_passed_over = !its.is_ejected;
    past.ejected_for = its.ejected_for;
    past.ejections = its.ejection.in_a_row();
  }
  if (its.ramping_since) past.ramping_for = whole(now - *its.ramping_since);
  past.connect_time = its.connect_time;
  return past;
}

std::vector<BackendPast> Roster::past(base::TimePoint now) const {
  std::vector<BackendPast> all;
  for (const BackendIndex i : in_order()) {
    if (!states_[i].has_left && states_[i].unresolved.empty()) all.push_back(past_of(i, now));
  }
  return all;
}

void Roster::go_on_from(BackendIndex i, const BackendPast& past, base::TimePoint now) {
  State& its = states_[i];
  if (past.mode && past.mode->written == its.configured_mode) its.mode = past.mode->wanted;
  if (past.weight && past.weight->written == its.configured_weight) its.weight = past.weight->wanted;
  if (past.is_checked) its.health.go_on_from(past.is_up, past.reason);
  if (past.out_for) {
    its.ejection.go_on_from(rules_.ejection, *past.out_for, past.ejections, now);
    its.is_ejected = !past.is_passed_over;
    its.ejected_for = past.ejected_for;
  }
  if (past.ramping_for && rules_.slow_start && *past.ramping_for < *rules_.slow_start) {
    its.ramping_since = now - *past.ramping_for;
  }
  update_weight(i, now);
  its.connect_time = members_[i].connect_time = past.connect_time;
}

void Roster::go_on_from(const std::vector<BackendPast>& past, base::TimePoint now) {
  std::map<std::pair<std::string_view, std::string>, const BackendPast*> known;
  for (const BackendPast& one : past)
    known.emplace(std::pair(std::string_view(one.name), one.address.to_string()), &one);
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] == nullptr || !states_[i].unresolved.empty()) continue;
    const auto found = known.find({backends_[i]->name(), backends_[i]->identity().address.to_string()});
    if (found != known.end()) go_on_from(i, *found->second, now);
  }
  if (!wanted_weights().empty()) make_tiers({});
  for (Tier& tier : tiers_) tier.is_stale = true;
  refresh_all();
  tell_panic();
}

}  // namespace weir::pool
