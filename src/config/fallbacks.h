// A pool and those that stand in for it.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "config/model.h"

namespace weir::config {

// The names of `first`, its fallback pool, that one's, and so on; they lie in `config`. References that lead
// nowhere are reported elsewhere.
std::set<std::string_view> with_fallbacks(const Config& config, const std::string& first);

}  // namespace weir::config
