// A pool as a policy sees it, for tests: members, of which only some are candidates, and a caller that takes
// places and gives them back as the real pool does.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "balance/factory.h"

namespace weir::balance {

// Indexes that are not positions, so that one taken for the other shows.
inline BackendIndex index_at(std::size_t position) { return static_cast<BackendIndex>(2 + 3 * position); }
inline std::size_t position_of(BackendIndex index) { return (index - 2) / 3; }

inline std::vector<Candidate> candidates_with(const std::vector<std::uint32_t>& weights) {
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < weights.size(); ++i)
    candidates.push_back({index_at(i), weights[i], "backend-" + std::to_string(i)});
  return candidates;
}

inline Tried tried_of(std::initializer_list<BackendIndex> indexes) {
  Tried tried;
  for (const BackendIndex index : indexes) tried.add(index);
  return tried;
}

class PoolOfPolicy {
 public:
  // All usable; those with weight 0 are not.
  PoolOfPolicy(PolicyName name, const std::vector<std::uint32_t>& weights, const PolicyOptions& options = {})
      : PoolOfPolicy(name, candidates_with(weights), options) {}

  PoolOfPolicy(PolicyName name, std::vector<Candidate> all, const PolicyOptions& options = {})
      : candidates(std::move(all)), policy(make_policy(name, candidates, options)) {
    BackendIndex last = 0;
    for (const Candidate& candidate : candidates) last = std::max(last, candidate.index);
    // Strangers to the policy look as good as can be.
    members.resize(last + 2, {.weight = 1000, .connect_time = 1, .usable = true});
    for (const Candidate& candidate : candidates) {
      members[candidate.index] = {.weight = std::max(candidate.weight, 1u), .usable = candidate.weight > 0};
    }
    policy->members_changed(members);
  }

  std::optional<BackendIndex> pick(const Tried& tried = {}, std::uint64_t key = 0) {
    return policy->pick(members, {key, tried});
  }
  void take(BackendIndex index) {
    ++members[index].in_flight;
    policy->load_changed(members, index);
  }
  std::optional<BackendIndex> pick_and_take(const Tried& tried = {}, std::uint64_t key = 0) {
    const auto picked = pick(tried, key);
    if (picked) take(*picked);
    return picked;
  }
  void leave(BackendIndex index) {
    --members[index].in_flight;
    policy->load_changed(members, index);
  }
  void set_most(BackendIndex index, std::uint32_t most) {
    members[index].most = most;
    policy->load_changed(members, index);
  }
  void set_connect_time(BackendIndex index, std::uint32_t time) {
    members[index].connect_time = time;
    policy->load_changed(members, index);
  }
  void set_usable(BackendIndex index, bool usable) {
    members[index].usable = usable;
    policy->members_changed(members);
  }
  bool may_be_taken(BackendIndex index, const Tried& tried) const {
    return members[index].usable && members[index].has_room() && !tried.contains(index);
  }

  std::vector<Candidate> candidates;
  std::vector<Member> members;
  std::unique_ptr<Policy> policy;
};

}  // namespace weir::balance
