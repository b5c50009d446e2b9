// Starts threads. The system may refuse one (`ulimit -u`, a container's pids.max, memory), which the standard
// library throws: here it becomes an `Error`, so that a start can be given up in order.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "base/result.h"

namespace weir::net {

// Runs `body` on a new thread of that name (at most 15 bytes, pthread_setname_np(3)); the caller joins it.
base::Result<std::thread> start_thread(const std::string& name, std::function<void()> body);

}  // namespace weir::net
