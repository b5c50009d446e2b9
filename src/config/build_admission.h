// Builds what decides who may come in: access lists and limits. Pure. See config/build.h.
#pragma once

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"
#include "config/table_reader.h"

namespace weir::config {

// [`path`.access] of a listener.
AccessConfig build_access(const Node& table, const std::string& path, Problems& problems);

// [`path`.limits] of a listener: its own limits, or the name of those it shares.
void build_listener_limits(const Node& table, const std::string& path, ListenerConfig& out,
                           Problems& problems);

// [limits.NAME].
LimitsConfig build_limits(const Entry& entry, Problems& problems);

// The keys `connection_rate` and `connection_burst` with `prefix` in front of them.
std::optional<ConnectionRate> read_connection_rate(TableReader& reader, const std::string& prefix = "");

}  // namespace weir::config
