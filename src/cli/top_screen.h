// The lines of `weir top` for a terminal of some size: what stands where, not how it is put there. Pure.
#pragma once

#include <string>
#include <vector>

#include "cli/top_model.h"

namespace weir::cli {

struct Piece {
  std::string text;
  Tone tone = Tone::kPlain;
};

struct ScreenLine {
  std::vector<Piece> pieces;
  bool is_selected = false;
  bool is_title = false;
};

// What the keys have brought about.
struct TopState {
  Page page = Page::kBackends;
  std::size_t selected = 0;  // row, of those that the filter leaves
  std::size_t first = 0;     // row that is shown first
  std::size_t fit = 1;       // rows that there is room for
  std::size_t column = 0;    // that it is sorted by
  bool is_sorted = false;    // by it; otherwise in the door's order
  bool is_reversed = false;
  bool is_paused = false;
  bool asks_for_filter = false;
  std::string filter;
  std::string question;  // that waits for "y"; empty: none
  std::string word;      // what the last action came to, or why there is no reading
  Tone tone_of_word = Tone::kPlain;
  bool shows_help = false;
};

struct ScreenSize {
  std::size_t lines = 24;
  std::size_t columns = 80;
};

// As many lines as fit; moves `state.selected` and `state.first` so that the selected row is there and is
// shown, and says how many rows `fit`. `view` is arranged already.
std::vector<ScreenLine> screen_lines(const Reading& now, const Totals& totals, const PageView& view,
                                     TopState& state, const ScreenSize& size);

}  // namespace weir::cli
