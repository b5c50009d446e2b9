// TOML text to a tree of nodes. The one file that knows the TOML library; it knows nothing of Weir's keys.
// Pure: no disk, no environment, so that it can be fuzzed. Never throws, whatever the text. Columns count
// characters, not bytes.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// The root table of `text` (TOML 1.0), or the first fault in it: too large (`kMaxFileBytes`), not UTF-8,
// nested too deeply, or not TOML. `file` is the name that places carry.
tl::expected<Node, Problem> parse_tree(std::string_view text, const std::string& file);

}  // namespace weir::config
