#include "balance/factory.h"

#include "balance/round_robin.h"

namespace weir::balance {

std::unique_ptr<Policy> make_policy(PolicyName name, std::span<const Candidate> candidates) {
  switch (name) {
    case PolicyName::kRoundRobin:
      return std::make_unique<RoundRobin>(candidates);
  }
  WEIR_ASSERT(!"a policy without a line in the factory");
  return nullptr;
}

}  // namespace weir::balance
