// How a roster changes who belongs to it, and its rules: `replace` and `change`, and what they are made of.
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
  its.state.mode = its.state.configured_mode = identity.mode;
  its.state.weight = its.state.configured_weight = identity.weight;
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
    Tier& tier = tiers_[t];
    if (tier.policy != nullptr && tier.made_as == rules_.policy) policy->go_on_from(*tier.policy);
    tier.policy = std::move(policy);
    tier.made_as = rules_.policy;
    tier.is_stale = true;
  }
}

Roster::Groundworks Roster::prepare(const RosterRules& rules,
                                    const std::vector<std::shared_ptr<Backend>>& backends,
                                    const Groundworks& before, const Weights& weights) {
  std::array<std::vector<balance::Candidate>, 2> candidates;
  std::unordered_set<std::string_view> names;
  for (BackendIndex i = 0; i < backends.size(); ++i) {
    const BackendIdentity& its = backends[i]->identity();
    const auto other = weights.find(its.name);
    const std::uint32_t weight = other == weights.end() ? its.weight : other->second;
    if (names.insert(its.name).second) candidates[its.is_backup ? 1 : 0].push_back({i, weight, its.name});
  }
  Groundworks made;
  for (std::size_t t = 0; t < made.size(); ++t) {
    made[t] = balance::make_groundwork(rules.policy, candidates[t], before[t]);
  }
  return made;
}

Roster::Exchange Roster::exchange(const std::vector<std::shared_ptr<Backend>>& backends,
                                  base::TimePoint now) {
  std::erase_if(departed_, [now](const Past& one) { return now - one.state.left_at >= kRemembered; });
  std::unordered_set<Key, HashOfKey> keys;
  std::vector<std::shared_ptr<Backend>> wanted;  // each once
  for (const auto& backend : backends) {
    if (keys.insert(Key(*backend)).second) wanted.push_back(backend);
  }
  std::unordered_map<Key, Past*, HashOfKey> remembered;
  for (Past& one : departed_) remembered.emplace(*one.backend, &one);
  std::unordered_map<Key, BackendIndex, HashOfKey> known;
  Exchange done;
  for (BackendIndex i = 0; i < backends_.size(); ++i) {
    if (backends_[i] == nullptr) continue;
    const Key key(*backends_[i]);
    known.emplace(key, i);
    if (!states_[i].has_left && !keys.contains(key)) done.gone.push_back(i);
  }
  for (const BackendIndex i : done.gone) {
    states_[i].has_left = true;
    states_[i].left_at = now;
  }
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
      done.joined.push_back(i);
    }
    backends_[i]->take_way(backend->identity());
    done.is_other = adjust(i, backend->identity(), now) || done.is_other;
    done.is_other = std::exchange(states_[i].order, order) != order || done.is_other;
    if (take_mode(i, backend->identity().mode, now)) done.told_otherwise.push_back(i);
    if (!std::exchange(states_[i].has_left, false)) continue;
    done.back.push_back(i);
    done.joined.push_back(i);
  }
  return done;
}

void Roster::settle(const Exchange& done, const std::vector<Freed>& freed, base::TimePoint now,
                    const Groundworks& groundworks) {
  std::erase_if(departed_, [](const Past& one) { return one.backend == nullptr; });
  make_tiers(groundworks);
  // What has ended while they were away; `advance` sees to it that not too many are out.
  for (const BackendIndex i : done.back) end_ejection(i, now);
  refresh_all();
  for (const BackendIndex i : done.joined) tell(Change::kAdded, i, "");
  for (const BackendIndex i : done.told_otherwise) tell(Change::kMode, i, "");
  for (const Freed& one : freed) {
    // That it is not down any more is told of one in drain too: what was to follow from that is called off.
    const bool is_told =
        !states_[one.index].has_left && (one.change == Change::kUp || state(one.index) == BackendState::kUp);
    if (is_told) tell(one.change, one.index, "its pool's rules have changed");
  }
  for (const BackendIndex i : done.gone) {
    tell(Change::kRemoved, i, "");
    if (members_[i].in_flight == 0) vacate(i);
  }
  tell_panic();
}

void Roster::replace(const std::vector<std::shared_ptr<Backend>>& backends, base::TimePoint now,
                     const Groundworks& groundworks) {
  const Exchange done = exchange(backends, now);
  if (done.is_any()) settle(done, {}, now, groundworks);
}

void Roster::change(const RosterRules& rules, const std::vector<std::shared_ptr<Backend>>& backends,
                    base::TimePoint now, const Groundworks& groundworks) {
  const std::vector<Freed> freed = take_rules(rules, now);
  settle(exchange(backends, now), freed, now, groundworks);
}

std::vector<Roster::Freed> Roster::take_rules(const RosterRules& rules, base::TimePoint now) {
  rules_ = rules;
  for (Past& one : departed_) {
    static_cast<void>(take_rules(one.state));
    if (!one.state.ramping_since) one.member.weight = one.state.weight * kWholeWeight;
  }
  std::vector<Freed> freed;
  for (BackendIndex i = 0; i < states_.size(); ++i) {
    if (backends_[i] == nullptr) continue;
    const std::optional<Change> change = take_rules(states_[i]);
    if (!states_[i].ramping_since) set_weight(i, states_[i].weight * kWholeWeight);
    if (!change) continue;
    came_up(i, now);
    freed.push_back({i, *change});
  }
  return freed;
}

// What the rules do not know of is over. Up, or no longer out by that: which of the two.
std::optional<Change> Roster::take_rules(State& its) const {
  std::optional<Change> change;
  if (rules_.ejection.consecutive_failures == 0 && its.ejection.is_out()) {
    its.ejection.forget();
    change = Change::kReturned;
  }
  if (its.health.change(rules_.health)) change = Change::kUp;
  if (!rules_.slow_start) its.ramping_since.reset();
  return change;
}

// What the operator has wanted of it since stays until the configuration itself says something else.
bool Roster::take_mode(BackendIndex i, BackendMode mode, base::TimePoint now) {
  State& its = states_[i];
  if (std::exchange(its.configured_mode, mode) == mode || std::exchange(its.mode, mode) == mode) return false;
  if (mode == BackendMode::kUp) came_up(i, now);
  return true;
}

bool Roster::adjust(BackendIndex i, const BackendIdentity& newer, base::TimePoint now) {
  State& its = states_[i];
  Member& member = members_[i];
  const std::uint32_t most = newer.most_sessions.value_or(Member::kNoMost);
  // What the operator has wanted since stays, as it does in `take_mode`.
  const bool is_said_anew = std::exchange(its.configured_weight, newer.weight) != newer.weight;
  const std::uint32_t weight = is_said_anew ? newer.weight : its.weight;
  if (its.weight == weight && its.is_backup == newer.is_backup && member.most == most &&
      its.unresolved == newer.unresolved) {
    return false;
  }
  // It is counted where it belongs.
  if (member.usable) --tier_of(i).usable;
  its.is_backup = newer.is_backup;
  if (member.usable) ++tier_of(i).usable;
  const std::uint32_t before = std::exchange(its.weight, weight);
  before == 0 && weight > 0 ? come_back(i, now) : update_weight(i, now);
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
