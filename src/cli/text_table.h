// Text for people at a terminal: columns that stand under each other, and colours where somebody sees them.
// Pure; whoever prints knows whether there is a terminal.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::cli {

enum class Colours { kNone, kTerminal };
enum class Tone : std::uint8_t { kPlain, kGood, kWarning, kBad, kDim };

struct Cell {
  // So that a row is a list of texts, most of which are plain.
  // NOLINTBEGIN(google-explicit-constructor)
  Cell(std::string of, Tone in = Tone::kPlain) : text(std::move(of)), tone(in) {}
  Cell(const char* of, Tone in = Tone::kPlain) : text(of), tone(in) {}
  // NOLINTEND(google-explicit-constructor)
  std::string text;
  Tone tone;
};

// A text in a tone; as it is without colours.
std::string toned(std::string_view text, Tone tone, Colours colours);

// How many columns of a terminal it takes: one for each character of UTF-8.
std::size_t columns_of(std::string_view text);

class TextTable {
 public:
  enum class Side { kLeft, kRight };
  struct Column {
    std::string title;
    Side side = Side::kLeft;
  };

  explicit TextTable(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // One cell for each column. What strangers have written should be harmless already.
  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  // The titles and the rows, each with its line end; no blanks at the ends of lines. Without a row: nothing.
  std::string text(Colours colours) const;

 private:
  const std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace weir::cli
