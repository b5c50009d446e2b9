// How many processors this process may use, for `workers = "auto"`.
#pragma once

namespace weir::server {

// The processors of the affinity mask, or fewer when the control group's quota (cgroup v2 cpu.max) is
// smaller; at least one. A container with half a processor gets one worker.
unsigned usable_cpus();

}  // namespace weir::server
