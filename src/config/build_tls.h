// What listeners say of TLS, and which pools their clients are sent to by what they ask for.
#pragma once

#include "config/table_reader.h"

namespace weir::config {

// `tls` of a listener and its `routes`.
void read_tls(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems);

}  // namespace weir::config
