// What /proc says of a running process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "support/eventually.h"

namespace weir::test {

// Processor time it has used so far, user and system, over all threads.
Millis cpu_time(pid_t pid);

// Resident memory in bytes (smaps_rollup).
std::uint64_t resident_bytes(pid_t pid);

// How many descriptors are open.
std::size_t open_descriptors(pid_t pid);

// A line of /proc/PID/status without its key, e.g. "Uid"; "" when there is none.
std::string status_field(pid_t pid, const std::string& key);

}  // namespace weir::test
