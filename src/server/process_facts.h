// What the kernel knows of this process: descriptors, memory, processor time, when it was started. What
// cannot be read, since there is no /proc say, is left out. Any thread; a reading takes some ten
// microseconds, however many descriptors are open.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"

namespace weir::server {

struct ProcessFacts {
  std::optional<std::uint64_t> open_descriptors;
  std::uint64_t most_descriptors = 0;  // the limit that is in force (RLIMIT_NOFILE)
  std::optional<std::uint64_t> resident_bytes;
  std::uint64_t memory_limit_bytes = 0;  // see `usable_memory`
  base::Micros processor_time{0};        // of all threads, user and system
  std::optional<base::Micros> started;   // since 1970; the same in every reading
};

ProcessFacts read_process_facts();

}  // namespace weir::server
