// Builds [[listeners.NAME.tls.certificates]]. Part of `build_tls`. Pure: no file is opened.
#pragma once

#include <string>

#include "config/table_reader.h"

namespace weir::config {

// `certificates` of a listener's `tls`; `path` is how messages name that table.
void read_certificates(TableReader& reader, const std::string& path, TlsConfig& out, Problems& problems);

}  // namespace weir::config
