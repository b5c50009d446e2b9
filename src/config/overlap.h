// Finds addresses of listeners and the admin door that this process could not bind together. Pure: whether
// another process has an address is known only when it is bound.
#pragma once

#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Adds an error for each two addresses of listeners and the admin door that cannot be bound together: equal,
// or one takes in the other (0.0.0.0:80 and 127.0.0.1:80; [::]:80 without `v6only` and any IPv4 address).
// Port 0 never overlaps. Two overlapping ranges of ports are one problem.
void check_overlaps(const Config& config, Problems& problems);

}  // namespace weir::config
