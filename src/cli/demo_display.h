// The texts of the demo: the line that updates in place, and the spread at the end. Pure; whoever prints
// knows whether there is a terminal.
#pragma once

#include <string>

#include "server/status.h"

namespace weir::cli {

// "12 open   1 234/s   56 789 in all   4.5 MiB   alpha 33.3%  beta 33.3%  gamma 33.4%", cut to `columns`.
// `seconds` lie between the two readings.
std::string live_line(const server::ProcessStatus& before, const server::ProcessStatus& now, double seconds,
                      std::size_t columns);

// A line for each backend: name, sessions, share, a bar.
std::string spread_table(const server::ProcessStatus& status);

}  // namespace weir::cli
