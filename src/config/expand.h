// ${NAME} and ${NAME:-default} in strings, from the environment. "$${" stands for a plain "${"; a dollar sign
// before anything else stays. As in the shell, ":-" also takes the default when the variable is empty. What
// comes out is not looked at again, so a value cannot bring further expansions in. Keys are left alone.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "config/load.h"
#include "config/node.h"

namespace weir::config {

// `text` with every ${...} replaced, or the text of the problem: a variable that is not set and has no
// default, a "${" that is not closed or holds no name, a value that is not UTF-8.
tl::expected<std::string, std::string> expand_text(std::string_view text, const Environment& environment);

// Expands every string below `root` in place, and marks those that changed. A string that cannot be expanded
// is a problem and becomes `Kind::kFaulty`. At most `kMaxExpandedBytes` in all.
void expand_tree(Node& root, const Environment& environment, Problems& problems);

}  // namespace weir::config
