// Text for a manual page, in the language of man(7). Pure. Knows nothing of what a page is about.
#pragma once

#include <string>
#include <string_view>

namespace weir::base {

// Behind a page's title: no word is cut at a line's end, since names could not be found again then.
inline constexpr std::string_view kRoffUnbroken = ".nh\n.ad l\n";

// A piece of a line: nothing in it is taken for a command of roff, every sign is the one that is typed. What
// stands between backticks becomes bold; a backtick without another is itself.
std::string roff(std::string_view text);

// The same as lines of their own: white space and line breaks are one space each, as in a paragraph.
std::string roff_paragraph(std::string_view text);

// Lines as they are, as an example: indented, not filled.
std::string roff_example(std::string_view lines);

}  // namespace weir::base
