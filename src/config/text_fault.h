// Looks over text before the TOML library sees it, for what the library cannot stand: bytes that are not
// UTF-8, characters beyond ASCII where TOML has none, and nesting so deep that building or freeing the tree
// would use up the stack. Not a parser: it knows only strings, comments, brackets, the dots of keys and where
// values stand, and leaves every other fault to the library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace weir::config {

// The first fault with its line and column (in characters), or nothing. Pure.
std::optional<Problem> text_fault(std::string_view text, const std::string& file);

}  // namespace weir::config
