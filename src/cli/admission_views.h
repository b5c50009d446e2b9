// What `weir ctl limits` and `weir ctl refusals` print for people, made from the door's JSON. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "cli/text_table.h"

namespace weir::cli {

// The process's limits and each set of listeners' limits with how much of them is used; below, what each
// client may, where clients are limited.
std::string limits_text(const nlohmann::json& limits, Colours colours);

// How many by listener and reason; below, some of the last ones.
std::string refusals_text(const nlohmann::json& refusals, Colours colours);

}  // namespace weir::cli
