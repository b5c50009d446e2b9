#include "config/text_fault.h"

#include <fmt/format.h>

#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Goes over the text once, a character at a time, counting lines and columns.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& file) : text_(text), place_{file, 1, 1} {}

  std::optional<Problem> scan() {
    if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
      } else if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') step();
      } else {
        take(c);
      }
      if (fault_) return fault_;
    }
    return std::nullopt;
  }

 private:
  // Ends the scan.
  void fail(std::string text) {
    fault_ = Problem{Severity::kError, place_, std::move(text)};
    at_ = text_.size();
  }

  // Over one character, if there is one; a byte that does not belong to UTF-8 ends the scan.
  void step() {
    if (at_ >= text_.size()) return;
    const std::size_t length = utf8_length(text_.substr(at_));
    if (length == 0) {
      fail(fmt::format("the byte \\x{:02x} is not UTF-8: save the file as UTF-8 text",
                       static_cast<unsigned char>(text_[at_])));
      return;
    }
    if (text_[at_] == '\n') {
      ++place_.line;
      place_.column = 1;
    } else {
      ++place_.column;
    }
    at_ += length;
  }

  // Outside of strings and comments TOML knows only ASCII. The library takes some other characters for
  // spaces, and its test for them is undefined for most of the rest.
  void refuse_other_than_ascii() {
    const std::size_t length = utf8_length(text_.substr(at_));
    if (length > 1) {
      fail(fmt::format("the character {} may stand only in text in quotes and in comments",
                       quote(text_.substr(at_, length))));
    }
  }

  // Over a backslash and what belongs to it. In a multi-line string the library makes the same test after it,
  // and after the spaces and line ends that it takes away.
  void skip_escape(bool is_multi_line) {
    step();
    const std::size_t start = at_;
    while (is_multi_line && at_ < text_.size() && kSpaces.find(text_[at_]) != std::string_view::npos) step();
    if (is_multi_line) refuse_other_than_ascii();
    if (at_ == start) step();
  }

  // Over one character outside of strings and comments.
  void take(char c) {
    refuse_other_than_ascii();
    follow_values(c);
    if (c == '[' || c == '{') brackets_ += c;
    if ((c == ']' || c == '}') && !brackets_.empty()) brackets_.pop_back();
    if (c == '.') ++dots_;
    // A key ends at any of these, so the count of its dots starts again.
    if (c == '=' || c == ',' || c == '\n' || c == '[' || c == '{') dots_ = 0;
    if (brackets_.size() > kMaxNesting || dots_ > kMaxNesting) {
      fail(fmt::format("nested too deeply: at most {} levels are allowed", kMaxNesting));
    }
    step();
  }

  // Keeps track of where a value stands and whether `c` belongs to one without quotes (a number, a word).
  void follow_values(char c) {
    const bool is_end = std::string_view(" \t\r\n,]}").find(c) != std::string_view::npos;
    const bool is_nested = !in_bare_value_ && (c == '[' || c == '{');
    in_bare_value_ = at_value_ && !is_end && !is_nested;
    if (c == '=') at_value_ = true;
    if (c == '{' && is_nested) at_value_ = false;
    if (c == ',') at_value_ = !brackets_.empty() && brackets_.back() == '[';
    if (c == '\n' && brackets_.empty()) at_value_ = false;
  }

  bool at_triple(char quote_mark) const {
    return at_ + 2 < text_.size() && text_[at_] == quote_mark && text_[at_ + 1] == quote_mark &&
           text_[at_ + 2] == quote_mark;
  }

  void skip_string(char quote_mark) {
    // The library reads ahead to the end of a bare value, through quotes, with the test for spaces above.
    if (in_bare_value_) return fail("a quotation mark in the middle of a value: is a comma missing?");
    const bool is_multi_line = at_triple(quote_mark);
    for (int i = is_multi_line ? 3 : 1; i > 0; --i) step();
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\\' && quote_mark == '"') {
        skip_escape(is_multi_line);
      } else if (is_multi_line && at_triple(quote_mark)) {
        for (int i = 0; i < 3; ++i) step();
        // One or two more quotation marks here still belong to the string.
        for (int i = 0; i < 2 && at_ < text_.size() && text_[at_] == quote_mark; ++i) step();
        return;
      } else if (!is_multi_line && (c == quote_mark || c == '\n')) {
        step();
        return;
      } else {
        step();
      }
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Place place_;
  std::string brackets_;  // those that are open
  std::size_t dots_ = 0;  // of the key that is being read
  bool at_value_ = false;
  bool in_bare_value_ = false;
  std::optional<Problem> fault_;
};

}  // namespace

std::optional<Problem> text_fault(std::string_view text, const std::string& file) {
  return Scanner(text, file).scan();
}

}  // namespace weir::config
