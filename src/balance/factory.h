// Makes the policy that a pool asks for. A policy is added by its own file, a word in `PolicyName` and a line
// in the factory.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "balance/maglev.h"
#include "balance/policy.h"

namespace weir::balance {

enum class PolicyName { kRoundRobin, kLeastConnections, kRandomTwo, kFastest, kSourceHash, kFirst };

struct PolicyOptions {
  std::uint64_t seed = 0;  // of policies that draw lots
  // `source_hash`: no backend gets more than this factor times its share of the sessions in flight; nothing:
  // a client's backend stays the same whatever it has to do.
  std::optional<double> hash_balance;
};

// What takes a policy long to work out and depends on the names and weights of its candidates alone, so that
// it may be made before their indexes are known and where nobody waits for it. Empty: nothing does.
struct Groundwork {
  std::shared_ptr<const MaglevTable> table;
};

// `before` is taken as it is when it is that of these candidates.
Groundwork make_groundwork(PolicyName name, std::span<const Candidate> candidates, const Groundwork& before);

// Precondition: no two candidates share an index or a name, and `groundwork` is theirs, or empty: then it is
// made now.
std::unique_ptr<Policy> make_policy(PolicyName name, std::span<const Candidate> candidates,
                                    const PolicyOptions& options, const Groundwork& groundwork = {});

}  // namespace weir::balance
