// How a roster changes who belongs to it: `replace`, and what it is made of.
#include <algorithm>
#include <functional>
#include <unordered_set>

#include "pool/roster.h"
#include "pool/slow_start.h"

namespace weir::pool {

using balance::BackendIndex;
using balance::Member;

namespace {

// What makes a backend the same one: its name, and the address that it stands for. Valid as long as the
// backend.
struct Key {
  std::string_view name;
  const base::Address* address;

  explicit Key(const Backend& backend) : name(backend.name()), address(&backend.identity().address) {}
  friend bool operator==(const Key& a, const Key& b) { return a.name == b.name && *a.address == *b.address; }
};

struct HashOfKey {
  // Few have the same name.
  std::size_t operator()(const Key& key) const { return std::hash<std::string_view>()(key.name); }
};

}  // namespace

Roster::Past Roster::as_new(const std::shared_ptr<Backend>& backend) const {
  const BackendIdentity& identity = backend->identity();
  Past its{backend, State(rules_.health), {}};
  its.state.mode = identity.mode;
  its.state.weight = identity.weight;
  its.state.is_backup = identity.is_backup;
  its.state.unresolved = identity.unresolved;
  its.member.weight = identity.weight * kWholeWeight;
  its.member.most = identity.most_sessions.value_or(Member::kNoMost);
  return its;
}

BackendIndex Roster::put(Past&& its) {
  BackendIndex i = 0;
  if (free_.empty()) {
    i = static_cast<BackendIndex>(backends_.size());
    backends_.emplace_back();
    states_.emplace_back(rules_.health);
    members_.emplace_back();
  } else {
    i = free_.back();
    free_.pop_back();
  }
  backends_[i] = std::move(its.backend);
  states_[i] = std::move(its.state);
  members_[i] = its.member;
  positions_.emplace(backends_[i].get(), i);
  return i;
}

// A pool of backups only has nothing else to use first.
void Roster::make_tiers(const Groundworks& groundworks) {
  std::array<std::vector<balance::Candidate>, 2> candidates;
  for (const BackendIndex i : in_order()) {
    if (states_[i].has_left) continue;
    candidates[is_backup(i) ? 1 : 0].push_back({i, states_[i].weight, backends_[i]->name()});
  }
  total_ = candidates[0].size() + candidates[1].size();
  for (std::size_t t = 0; t < tiers_.size(); ++t) {
    groundworks_[t] = balance::make_groundwork(rules_.policy, candidates[t], groundworks[t]);
    auto policy = balance::make_policy(rules_.policy, candidates[t], rules_.policy_options, groundworks_[t]);
    if (tiers_[t].policy != nullptr) policy->go_on_from(*tiers_[t].policy);
    tiers_[t].policy = std::move(policy);
    tiers_[t].is_stale = true;
  }
}

Roster::Groundworks Roster::prepare(const RosterRules& rules,
                                    const std::vector<std::shared_ptr<Backend>>& backends,
                                    const Groundworks& before) {
  std::array<std::vector<balance::Candidate>, 2> candidates;
  std::unordered_set<std::string_view> names;
  for (BackendIndex i = 0; i < backends.size(); ++i) {
    const BackendIdentity& its = backends[i]->identity();
    if (names.insert(its.name).second) candidates[its.is_backup ? 1 : 0].push_back({i, its.weight, its.name});
  }
  Groundworks made;
  for (std::size_t t = 0; t < made.size(); ++t) {
    made[t] = balance::make_groundwork(rules.policy, candidates[t], before[t]);
  }
  return made;
}

void Roster::replace(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now,
                     const Groundworks& groundworks) {
  std::erase_if(departed_, [now](const Past& one) { return now - one.state.left_at >= kRemembered; });
  std::unordered_set<Key, HashOfKey> keys;
  std::vector<std::shared_ptr<Backend>> wanted;  // each once
  for (const auto& backend : backends) {
    if (keys.insert(Key(*backend)).second) wanted.push_back(backend);
  }
  std::unordered_map<Key, Past*, HashOfKey> remembered;
  for (Past& one : departed_) remembered.emplace(*one.backend, &one);
  std::unordered_map<Key, BackendIndex, HashOfKey> known;
  std::vector<BackendIndex> gone;
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] == nullptr) continue;
    const Key key(*backends_[i]);
    known.emplace(key, i);
    if (!states_[i].has_left && !keys.contains(key)) gone.push_back(i);
  }
  for (const BackendIndex i : gone) {
    states_[i].has_left = true;
    states_[i].left_at = now;
  }
  std::vector<BackendIndex> back;
  std::vector<BackendIndex> joined;
  bool is_other = false;
  for (std::size_t order = 0; order < wanted.size(); ++order) {
    const auto& backend = wanted[order];
    BackendIndex i = 0;
    if (const auto found = known.find(Key(*backend)); found != known.end()) {
      i = found->second;
    } else if (const auto past = remembered.find(Key(*backend)); past != remembered.end()) {
      i = put(std::move(*past->second));
    } else {
      i = put(as_new(backend));
      came_up(i, now);
      joined.push_back(i);
    }
    is_other = adjust(i, backend->identity(), now) || is_other;
    is_other = std::exchange(states_[i].order, order) != order || is_other;
    if (!std::exchange(states_[i].has_left, false)) continue;
    back.push_back(i);
    joined.push_back(i);
  }
  if (gone.empty() && joined.empty() && !is_other) return;
  std::erase_if(departed_, [](const Past& one) { return one.backend == nullptr; });
  make_tiers(groundworks);
  // What has ended while they were away; `advance` sees to it that not too many are out.
  for (const BackendIndex i : back) end_ejection(i, now);
  refresh_all();
  for (const BackendIndex i : joined) tell(Change::kAdded, i, "");
  for (const BackendIndex i : gone) {
    tell(Change::kRemoved, i, "");
    if (members_[i].in_flight == 0) vacate(i);
  }
  tell_panic();
}

bool Roster::adjust(BackendIndex i, const BackendIdentity& newer, base::TimePoint now) {
  State& its = states_[i];
  Member& member = members_[i];
  const std::uint32_t most = newer.most_sessions.value_or(Member::kNoMost);
  if (its.weight == newer.weight && its.is_backup == newer.is_backup && member.most == most &&
      its.unresolved == newer.unresolved) {
    return false;
  }
  // It is counted where it belongs.
  if (member.usable) --tier_of(i).usable;
  its.is_backup = newer.is_backup;
  if (member.usable) ++tier_of(i).usable;
  its.weight = newer.weight;
  const bool is_ramping = its.ramping_since.has_value();
  set_weight(i, its.weight * (is_ramping ? slow_start_tenths(now - *its.ramping_since, *rules_.slow_start)
                                         : kWholeWeight));
  member.most = most;
  its.unresolved = newer.unresolved;
  return true;
}

void Roster::vacate(BackendIndex i) {
  positions_.erase(backends_[i].get());
  // What stands for a name without an address has no past.
  if (states_[i].unresolved.empty()) {
    departed_.push_back({backends_[i], std::move(states_[i]), members_[i]});
    if (departed_.size() > kMostRemembered) departed_.pop_front();
  }
  backends_[i] = nullptr;
  states_[i] = State(rules_.health);
  members_[i] = Member();
  free_.push_back(i);
}

}  // namespace weir::pool
