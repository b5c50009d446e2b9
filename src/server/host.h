// What this process may use of its host: processors, for `workers = "auto"`, and memory, for the bound on
// buffers. Both know a control group's limits, so that a container is not taken for the whole machine.
#pragma once

#include <cstdint>

namespace weir::server {

// The processors of the affinity mask, or fewer when the control group's quota (cgroup v2 cpu.max) is
// smaller; at least one. A container with half a processor gets one worker.
unsigned usable_cpus();

// Bytes of memory: the machine's, or the control group's limit (cgroup v2 memory.max) when that is smaller.
std::uint64_t usable_memory();

}  // namespace weir::server
