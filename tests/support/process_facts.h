// What /proc says of a running process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "support/eventually.h"

namespace weir::test {

// Processor time it has used so far, user and system, over all threads.
Millis cpu_time(pid_t pid);

// Resident memory in bytes (smaps_rollup).
std::uint64_t resident_bytes(pid_t pid);

// How often each of its threads has gone to sleep so far, by the thread's number.
std::map<pid_t, std::uint64_t> times_slept(pid_t pid);

// How many descriptors are open.
std::size_t descriptor_count(pid_t pid);
// How many of them are ends of pipes. Those that Weir splices through it keeps for the next one.
std::size_t pipe_end_count(pid_t pid);

// The sockets that listen at that port of any IPv4 address, by inode, and whether the process has one of
// them.
std::set<std::string> listening_sockets(std::uint16_t port);
bool has_one_of(pid_t pid, const std::set<std::string>& sockets);

// The limit of descriptors (RLIMIT_NOFILE) under which the process could open exactly `free` more.
std::uint64_t descriptor_limit_leaving(pid_t pid, std::size_t free);

// Raises this process's own limit of descriptors as far as it may. Why that is less than `needed`; nothing
// when it is enough.
std::optional<std::string> why_too_few_descriptors(std::uint64_t needed);

// A line of /proc/PID/status without its key, e.g. "Uid"; "" when there is none.
std::string status_field(pid_t pid, const std::string& key);

// Whether this process has a capability in force; `right` is a number of capability(7).
bool has_right(int right);

}  // namespace weir::test
