// Asks once for the names that `build_world` leaves for later: for `weir check --resolve`, which wants to
// know before a start whether they have answers, and for a configuration that is to take the place of the one
// that is served. Blocking, with a loop of its own.
#pragma once

#include "config/model.h"
#include "config/problem.h"
#include "server/world.h"

namespace weir::server {

// A name without an answer is an error, as is an address that is one of this process's own listeners. Takes
// as long as the slowest name server, some 10 s at most.
void check_names(const config::Config& config, const World& world, config::Problems& problems);

// Puts the answers into `world.names`. Those that have none when the time is over are left as they are; those
// that are known to whoever keeps names are not asked for.
void await_names(const config::Config& config, World& world, base::Millis limit);

}  // namespace weir::server
