#include "balance/factory.h"

#include "balance/fastest.h"
#include "balance/first.h"
#include "balance/least_connections.h"
#include "balance/random_two.h"
#include "balance/round_robin.h"
#include "balance/source_hash.h"
#include "base/assert.h"

namespace weir::balance {

Groundwork make_groundwork(PolicyName name, std::span<const Candidate> candidates, const Groundwork& before) {
  if (name != PolicyName::kSourceHash) return {};
  if (before.table != nullptr && before.table->is_of(candidates)) return before;
  return {std::make_shared<const MaglevTable>(candidates)};
}

std::unique_ptr<Policy> make_policy(PolicyName name, std::span<const Candidate> candidates,
                                    const PolicyOptions& options, const Groundwork& groundwork) {
  switch (name) {
    case PolicyName::kRoundRobin:
      return std::make_unique<RoundRobin>(candidates);
    case PolicyName::kLeastConnections:
      return std::make_unique<LeastConnections>(candidates);
    case PolicyName::kRandomTwo:
      return std::make_unique<RandomTwo>(candidates, options.seed);
    case PolicyName::kFastest:
      return std::make_unique<Fastest>(candidates, options.seed);
    case PolicyName::kSourceHash:
      return std::make_unique<SourceHash>(candidates, options.hash_balance, groundwork.table);
    case PolicyName::kFirst:
      return std::make_unique<First>(candidates);
  }
  base::assertion_failed("a policy without a line in the factory", __FILE__, __LINE__);
}

}  // namespace weir::balance
