// Builds [[listeners.NAME.routes]]. Part of `build_listener`. Pure.
#pragma once

#include <string>

#include "config/table_reader.h"

namespace weir::config {

// `routes` of a listener, whose `tls` is built. `path` is how messages name the listener. False when the mode
// of one of them could not be read.
bool read_routes(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems);

}  // namespace weir::config
