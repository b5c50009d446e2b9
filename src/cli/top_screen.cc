#include "cli/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/units.h"
#include "cli/ctl_views.h"

namespace weir::cli {
namespace {

constexpr std::array<std::string_view, kPages> kPageNames{"backends", "listeners", "sessions", "clients",
                                                          "refusals"};

constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kKeys{{
    {"1-5, Tab", "the pages: backends, listeners, sessions, clients, refusals"},
    {"up, down", "select a row (also k and j, Page Up, Page Down)"},
    {"left, right", "sort by the next column; r: the other way round"},
    {"/", "show only rows with a text in them; Esc: all"},
    {"d", "drain the selected backend: no new sessions"},
    {"u", "the selected backend takes new sessions again"},
    {"m", "maintenance of the selected backend"},
    {"x", "close the selected session"},
    {"p", "hold still; p again goes on"},
    {"?", "this help"},
    {"q", "leave"},
    {"", "Whatever changes something asks first."},
}};

std::uint64_t whole(double value) { return static_cast<std::uint64_t>(std::llround(value)); }

ScreenLine head_line(const Reading& now, const TopState& state) {
  ScreenLine line;
  if (!now.process.is_object()) return {{{"weir"}}};
  const std::string version = now.process.value("version", "");
  const bool drains = now.process.value("state", "") == "draining";
  line.pieces.push_back({fmt::format("weir {}  process {}  ", version, now.process.value("pid", 0))});
  line.pieces.push_back({drains ? "draining" : "serving", drains ? Tone::kWarning : Tone::kGood});
  line.pieces.push_back(
      {fmt::format(" for {}", human_time(now.process.value("uptime_seconds", std::int64_t{0}) * 1000))});
  if (state.is_paused) line.pieces.push_back({"  held still", Tone::kWarning});
  if (now.process.value("syn_flood", false)) line.pieces.push_back({"  SYN flood", Tone::kBad});
  if (now.process.value("accept_overflow", false))
    line.pieces.push_back({"  accept queues overflow", Tone::kBad});
  return line;
}

ScreenLine totals_line(const Totals& totals) {
  ScreenLine line;
  line.pieces.push_back({fmt::format(
      "{}/s new  {}/s up  {}/s down  ", base::human_count(whole(totals.accepted)),
      base::human_bytes(whole(totals.upload_bytes)), base::human_bytes(whole(totals.download_bytes)))});
  line.pieces.push_back({fmt::format("{}/s refused", base::human_count(whole(totals.refused))),
                         totals.refused > 0 ? Tone::kBad : Tone::kPlain});
  line.pieces.push_back({fmt::format("  {}/{} backends up", totals.healthy, totals.backends),
                         totals.healthy < totals.backends ? Tone::kWarning : Tone::kPlain});
  if (totals.waiting > 0) {
    line.pieces.push_back({fmt::format("  {} wait", base::human_count(totals.waiting)), Tone::kWarning});
  }
  return line;
}

// How full Weir is, as a bar.
ScreenLine bar_line(const Totals& totals, std::size_t columns) {
  const std::string text = fmt::format(" {} of {} connections", base::human_count(totals.connections),
                                       base::human_count(totals.most));
  const std::size_t used = columns_of(text) + 2;
  const std::size_t width = columns > used + 10 ? std::min<std::size_t>(columns - used, 40) : 10;
  const double part =
      totals.most == 0 ? 0 : static_cast<double>(totals.connections) / static_cast<double>(totals.most);
  const std::size_t full = std::min<std::size_t>(width, whole(part * static_cast<double>(width)));
  const Tone tone = part > 0.9 ? Tone::kBad : part > 0.7 ? Tone::kWarning : Tone::kGood;
  return {{{"["}, {std::string(full, '#'), tone}, {std::string(width - full, ' ')}, {"]"}, {text}}};
}

ScreenLine tabs_line(const TopState& state) {
  ScreenLine line;
  for (std::size_t i = 0; i < kPages; ++i) {
    const bool is_this = static_cast<std::size_t>(state.page) == i;
    line.pieces.push_back(
        {fmt::format("{}{} {}{} ", is_this ? "[" : " ", i + 1, kPageNames[i], is_this ? "]" : " "),
         is_this ? Tone::kPlain : Tone::kDim});
  }
  if (!state.filter.empty() && !state.asks_for_filter)
    line.pieces.push_back({" /" + state.filter, Tone::kWarning});
  return line;
}

ScreenLine last_line(const TopState& state) {
  if (!state.question.empty()) return {{{state.question + " (y to do it)", Tone::kWarning}}};
  if (state.asks_for_filter) return {{{"/" + state.filter + "_"}}};
  if (!state.word.empty()) return {{{state.word, state.tone_of_word}}};
  return {{{"q leave  ? keys  / filter  arrows select and sort", Tone::kDim}}};
}

std::string padded(const std::string& text, std::size_t width, TextTable::Side side) {
  const std::string blanks(width - std::min(width, columns_of(text)), ' ');
  return side == TextTable::Side::kRight ? blanks + text : text + blanks;
}

using Columns = std::vector<TextTable::Column>;
using Widths = std::vector<std::size_t>;

Widths widths_of(const Columns& columns, const std::vector<Row>& rows) {
  Widths widths;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::size_t width = columns_of(columns[c].title) + 1;  // and the mark of the sorted one
    for (const Row& row : rows) width = std::max(width, columns_of(row.cells[c].text));
    widths.push_back(width);
  }
  return widths;
}

// `mark` is put beside the title of the column `marked`.
ScreenLine title_line(const Columns& columns, const Widths& widths, std::size_t marked, const char* mark) {
  ScreenLine title;
  title.is_title = true;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const std::string beside = c == marked ? mark : " ";
    const bool is_right = columns[c].side == TextTable::Side::kRight;
    const std::string text = is_right ? beside + columns[c].title : columns[c].title + beside;
    title.pieces.push_back({padded(text, widths[c], columns[c].side) + " ", Tone::kDim});
  }
  return title;
}

ScreenLine row_line(const Columns& columns, const Widths& widths, const Row& row) {
  ScreenLine line;
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Cell& cell = row.cells[c];
    line.pieces.push_back({padded(cell.text, widths[c], columns[c].side) + " ", cell.tone});
  }
  return line;
}

void add_table(std::vector<ScreenLine>& lines, const PageView& view, TopState& state, std::size_t room) {
  const Widths widths = widths_of(view.columns, view.rows);
  lines.push_back(title_line(view.columns, widths, state.is_sorted ? state.column : view.columns.size(),
                             state.is_reversed ? "^" : "v"));
  const std::size_t shown = room > 1 ? room - 1 : 0;
  state.fit = std::max<std::size_t>(shown, 1);
  state.selected = view.rows.empty() ? 0 : std::min(state.selected, view.rows.size() - 1);
  state.first = std::min(state.first, state.selected);
  if (shown > 0 && state.selected >= state.first + shown) state.first = state.selected - shown + 1;
  for (std::size_t r = state.first; r < std::min(view.rows.size(), state.first + shown); ++r) {
    lines.push_back(row_line(view.columns, widths, view.rows[r]));
    lines.back().is_selected = r == state.selected;
  }
}

// At most half of the room, with a blank line at its end; where that is too little there is none of it.
void add_table_above(std::vector<ScreenLine>& lines, const PageView& view, std::size_t room) {
  constexpr std::size_t kAround = 2;  // its titles and the blank line
  const std::size_t fit = room / 2 > kAround ? room / 2 - kAround : 0;
  if (view.rows_above.empty() || fit < 2) return;
  const Widths widths = widths_of(view.columns_above, view.rows_above);
  lines.push_back(title_line(view.columns_above, widths, view.columns_above.size(), ""));
  const std::size_t all = view.rows_above.size();
  const std::size_t shown = all <= fit ? all : fit - 1;
  for (std::size_t r = 0; r < shown; ++r)
    lines.push_back(row_line(view.columns_above, widths, view.rows_above[r]));
  if (shown < all) lines.push_back({{{fmt::format("and {} more: / filters", all - shown), Tone::kDim}}});
  lines.emplace_back();
}

// The first `columns` characters.
void cut(ScreenLine& line, std::size_t columns) {
  for (Piece& piece : line.pieces) {
    std::size_t end = 0;
    while (end < piece.text.size() && columns > 0) {
      --columns;
      do ++end;
      while (end < piece.text.size() && (static_cast<unsigned char>(piece.text[end]) & 0xc0) == 0x80);
    }
    piece.text.resize(end);
  }
}

}  // namespace

std::vector<ScreenLine> screen_lines(const Reading& now, const Totals& totals, const PageView& view,
                                     TopState& state, const ScreenSize& size) {
  std::vector<ScreenLine> lines{
      head_line(now, state), totals_line(totals), bar_line(totals, size.columns), {}, tabs_line(state)};
  if (state.shows_help) {
    for (const auto& [key, text] : kKeys)
      lines.push_back({{{fmt::format("  {:<12}", key)}, {std::string(text)}}});
  } else {
    const auto room = [&] { return size.lines > lines.size() + 1 ? size.lines - lines.size() - 1 : 0; };
    add_table_above(lines, view, room());
    add_table(lines, view, state, room());
    if (view.rows.empty()) lines.push_back({{{"nothing to show", Tone::kDim}}});
  }
  if (size.lines > 0) lines.resize(size.lines - 1);
  lines.push_back(last_line(state));
  for (ScreenLine& line : lines) cut(line, size.columns);
  return lines;
}

}  // namespace weir::cli
