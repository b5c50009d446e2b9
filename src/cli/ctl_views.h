// What `weir ctl` prints for people, made from the door's JSON. Pure. What strangers have written (names that
// clients ask for) cannot move the terminal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/text_table.h"

namespace weir::cli {

using Json = nlohmann::json;

// The process, its listeners and its pools on one page.
std::string overview_text(const Json& process, const Json& listeners, const Json& pools, Colours colours);
// This one and those before it.
std::string processes_text(const Json& processes, Colours colours);
std::string listeners_text(const Json& listeners, Colours colours);
std::string pools_text(const Json& pools, Colours colours);
// The backends of all pools, or of the one called `pool`.
std::string backends_text(const Json& pools, const std::string& pool, Colours colours);
std::string sessions_text(const Json& sessions, Colours colours);
// Everything about one, a line each.
std::string session_text(const Json& session, Colours colours);
std::string clients_text(const Json& clients, Colours colours);
// Those whose name has `part` in it; all where it is empty.
std::string settings_text(const Json& configuration, const std::string& part, Colours colours);
// The names of `what`, one a line: "pools" or "listeners", which are members of `found`, or the "backends" of
// all its pools, or of the one called `pool`.
std::string names_text(const Json& found, const std::string& what, const std::string& pool);
// What a reload has changed, and what is wrong with the file.
std::string reload_text(const Json& report, Colours colours);

// "85 ms", "12.4 s", "3 min 5 s", "2 h 5 min", "3 d 4 h".
std::string human_time(std::int64_t millis);

}  // namespace weir::cli
