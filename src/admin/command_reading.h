// What a client of the door asks for, read from the query or the JSON body of its request: commands and
// surveys as the server takes them. Everything that is not known is an error with what was found and what is
// expected. Pure; every byte comes from a stranger.
#pragma once

#include <string>
#include <string_view>

#include "admin/request_parts.h"
#include "base/result.h"
#include "server/command.h"

namespace weir::admin {

// {"state": "up" | "drain" | "maintenance", "weight": 0..256}: at least one of them.
base::Result<server::ChangeBackendCommand> read_backend_change(const Parameters& path, std::string_view body);

// {"address": "10.0.0.1:80", "name", "weight", "max_connections", "backup", "state"}: but the first they may
// be missing; the name is the address then.
base::Result<server::AddBackendCommand> read_added_backend(const Parameters& path, std::string_view body);

// {"network": "203.0.113.0/24"}; the side is "allow" or "deny".
base::Result<server::ChangeAccessCommand> read_access_change(const Parameters& path, std::string_view body);

// {"level": "debug" | "info" | "warning" | "error"}
base::Result<server::LogLevelCommand> read_log_level(std::string_view body);

// The body that a request has which needs none: nothing, or {}.
base::Result<void> read_nothing(std::string_view body);

// Sixteen hexadecimal digits, as the log writes it; leading zeros may be missing.
base::Result<std::uint64_t> read_session_id(std::string_view text);

// ?listener=&pool=&backend=&client=NETWORK&state=&min_age=30s&sort=id|bytes&after=ID&limit=1..1000
base::Result<session::SurveyRequest> read_session_query(const Parameters& query);

// ?listener=&pool=&backend=&limit=1..1000
base::Result<session::SurveyRequest> read_client_query(const Parameters& query);

}  // namespace weir::admin
