// The commands behind `weir`, apart from the demo. Each prints to the standard streams and returns the exit
// status.
#pragma once

#include <string>

namespace weir::cli {

// 0 done or drained clean; 1 the configuration or the host does not allow a start; 2 wrong usage; 3 sessions
// were cut at the end.
enum ExitStatus : int { kDone = 0, kProblem = 1, kUsage = 2, kForced = 3 };

int run(const std::string& path);

enum class CheckNames { kLeave, kResolve };
int check(const std::string& path, CheckNames names);

}  // namespace weir::cli
