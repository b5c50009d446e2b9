// Whether a session of the soak went as it should, and if not, which fault that was injected explains it.
#pragma once

#include <string>
#include <vector>

#include "support/soak_faults.h"
#include "support/soak_ledger.h"

namespace weir::test::soak {

struct Verdict {
  enum class Kind { kWhole, kExplained, kUnexplained };
  Kind kind = Kind::kWhole;
  std::string why;  // the fault, or what is wrong
};

// `session` is over on both sides; `faults` are those of its round.
Verdict judge(const Plan& plan, const Session& session, const std::vector<Fault>& faults);

}  // namespace weir::test::soak
