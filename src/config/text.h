// Small helpers for the words in a message: quoting what was found, listing what is allowed, guessing what
// was meant, and telling text from other bytes. Pure. What comes from a file is never printed but through
// `quote` or `printable`, so that a message cannot carry control characters to a terminal.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::config {

// Control characters and broken UTF-8 as \xNN, cut with "..." after about `longest` bytes.
std::string printable(std::string_view text, std::size_t longest);

// The same in double quotes, cut after 80 bytes.
std::string quote(std::string_view text);

// "a", "a or b", "a, b or c"; `last` is the word before the last one.
std::string join(std::span<const std::string> parts, std::string_view last);

// The same, each quoted.
std::string join_quoted(std::span<const std::string_view> words, std::string_view last);

// The candidate that is most like `word` (case aside), when it is near enough to have been
// meant: a few letters differ, or one is the beginning of the other.
std::optional<std::string_view> nearest(std::string_view word, std::span<const std::string_view> candidates);

// "; did you mean \"x\"?" or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// The number of bytes of the well-formed UTF-8 character (RFC 3629) at the start of `text`, 0 when there is
// none.
std::size_t utf8_length(std::string_view text);

// Whether `text` is UTF-8 without control characters.
bool is_plain_text(std::string_view text);

// ASCII letters only, as DNS compares names (RFC 4343).
std::string lower_case(std::string_view text);

// A key for a message: as it is when it is a name, else quoted.
std::string key_text(std::string_view key);

// Letters, digits and `also`; not empty, at most `kMaxNameLength`.
bool is_name(std::string_view text, std::string_view also);

}  // namespace weir::config
