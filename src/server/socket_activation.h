// Listening sockets that a service manager has opened and passes on, sd_listen_fds(3): for listeners with the
// same address. They stay its own, so that who comes while Weir is not there waits. Before anything is
// opened, and once.
#pragma once

#include <optional>

#include "config/model.h"
#include "config/problem.h"
#include "server/listener_set.h"

namespace weir::server {

// Those that belong to a listener, for `ListenerSet::open` to follow; nothing when there are none. Others are
// closed, each with a warning. Takes the word of them out of the environment.
std::optional<ListenerSet> activated_sockets(const config::Config& config, config::Problems& problems);

}  // namespace weir::server
