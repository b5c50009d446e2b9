// What the programs of the bench that hold many connections begin with.
#pragma once

#include <sys/resource.h>

namespace weir::bench {

// As many descriptors as the process may have, and those that it starts.
inline void raise_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace weir::bench
