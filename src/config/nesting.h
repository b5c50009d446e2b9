// Looks over text before the TOML library sees it: is it UTF-8, and is nothing in it nested so deeply that
// building or freeing the tree would use up the stack? Not a parser: it knows only strings, comments,
// brackets and the dots of keys, and leaves every other fault to the library.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/problem.h"

namespace weir::config {

// The first fault with its line and column (in characters), or nothing. Pure.
std::optional<Problem> text_fault(std::string_view text, const std::string& file);

}  // namespace weir::config
