// Makes the policy that a pool asks for. A policy is added by its own file, a word in `PolicyName` and a line
// in the factory.
#pragma once

#include <memory>
#include <span>

#include "balance/policy.h"

namespace weir::balance {

enum class PolicyName { kRoundRobin };

std::unique_ptr<Policy> make_policy(PolicyName name, std::span<const Candidate> candidates);

}  // namespace weir::balance
