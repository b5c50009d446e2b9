#include "cli/text_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace weir::cli {
namespace {

// ECMA-48, "select graphic rendition".
std::string_view code_of(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "32";
    case Tone::kWarning:
      return "33";
    case Tone::kBad:
      return "31";
    case Tone::kDim:
      return "2";
    case Tone::kPlain:
      break;
  }
  return "";
}

}  // namespace

std::string toned(std::string_view text, Tone tone, Colours colours) {
  if (colours == Colours::kNone || tone == Tone::kPlain || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code_of(tone), text);
}

std::size_t columns_of(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

std::string TextTable::text(Colours colours) const {
  if (rows_.empty()) return "";
  std::vector<std::vector<Cell>> lines;
  std::vector<Cell>& titles = lines.emplace_back();
  for (const Column& column : columns_) titles.emplace_back(column.title, Tone::kDim);
  lines.insert(lines.end(), rows_.begin(), rows_.end());
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], columns_of(line[i].text));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string blanks;  // to the next text, if there is one
    for (std::size_t i = 0; i < line.size(); ++i) {
      const std::string missing(widths[i] - columns_of(line[i].text), ' ');
      const bool is_right = columns_[i].side == Side::kRight;
      if (is_right) blanks += missing;
      if (!line[i].text.empty())
        out += std::exchange(blanks, "") + toned(line[i].text, line[i].tone, colours);
      if (!is_right) blanks += missing;
      blanks += "  ";
    }
    out += '\n';
  }
  return out;
}

}  // namespace weir::cli
