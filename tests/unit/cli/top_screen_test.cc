#include "cli/top_screen.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

std::string text_of(const ScreenLine& line) {
  std::string text;
  for (const Piece& piece : line.pieces) text += piece.text;
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

Reading now() {
  Reading reading;
  reading.process = {{"version", "1.2.3"}, {"pid", 42}, {"state", "serving"}, {"uptime_seconds", 65}};
  return reading;
}

PageView rows(std::size_t count) {
  PageView view;
  view.columns = {{"NAME"}, {"OPEN", TextTable::Side::kRight}};
  for (std::size_t i = 0; i < count; ++i) {
    Row row;
    row.cells = {"b" + std::to_string(i), std::to_string(i * 10)};
    row.values = {0, static_cast<double>(i)};
    view.rows.push_back(row);
  }
  return view;
}

TEST(TopScreen, FillsTheTerminalExactlyWhateverItsSize) {
  for (const std::size_t lines : {1u, 2u, 5u, 7u, 24u, 100u}) {
    for (const std::size_t columns : {1u, 10u, 80u}) {
      TopState state;
      const auto screen = screen_lines(now(), {}, rows(50), state, {lines, columns});
      EXPECT_EQ(screen.size(), lines);
      for (const ScreenLine& line : screen) {
        std::string text;
        for (const Piece& piece : line.pieces) text += piece.text;
        EXPECT_LE(columns_of(text), columns);
      }
    }
  }
}

TEST(TopScreen, SaysWhatMattersAtTheTop) {
  Totals totals;
  totals.accepted = 1234.4;
  totals.upload_bytes = 2048;
  totals.connections = 50;
  totals.most = 100;
  totals.healthy = 2;
  totals.backends = 3;
  TopState state;
  const auto screen = screen_lines(now(), totals, rows(1), state, {24, 100});
  EXPECT_EQ(text_of(screen[0]), "weir 1.2.3  process 42  serving for 1 min 5 s");
  EXPECT_EQ(text_of(screen[1]), "1 234/s new  2.0 KiB/s up  0 B/s down  0/s refused  2/3 backends up");
  EXPECT_EQ(text_of(screen[2]), "[####################                    ] 50 of 100 connections");
  EXPECT_EQ(text_of(screen[5]), "NAME   OPEN");
  EXPECT_EQ(text_of(screen[6]), "b0        0");
  EXPECT_TRUE(screen[6].is_selected);
}

TEST(TopScreen, KeepsTheSelectedRowInSight) {
  TopState state;
  state.selected = 40;
  auto screen = screen_lines(now(), {}, rows(50), state, {12, 80});
  const auto selected = [&] {
    std::vector<std::string> texts;
    for (const ScreenLine& line : screen) {
      if (line.is_selected) texts.push_back(text_of(line));
    }
    return texts;
  };
  EXPECT_EQ(selected(), std::vector<std::string>{"b40     400"});
  state.selected = 3;
  screen = screen_lines(now(), {}, rows(50), state, {12, 80});
  EXPECT_EQ(selected(), std::vector<std::string>{"b3       30"});
  state.selected = 1000;  // rows have gone
  screen = screen_lines(now(), {}, rows(5), state, {12, 80});
  EXPECT_EQ(selected(), std::vector<std::string>{"b4       40"});
}

TEST(TopScreen, TheLastLineIsAQuestionBeforeEverythingElse) {
  TopState state;
  const auto last = [&] { return text_of(screen_lines(now(), {}, rows(1), state, {24, 80}).back()); };
  EXPECT_EQ(last(), "q leave  ? keys  / filter  arrows select and sort");
  state.word = "done";
  EXPECT_EQ(last(), "done");
  state.asks_for_filter = true;
  state.filter = "ab";
  EXPECT_EQ(last(), "/ab_");
  state.question = "drain?";
  EXPECT_EQ(last(), "drain? (y to do it)");
}

TEST(TopScreen, MarksTheColumnThatItIsSortedBy) {
  TopState state;
  state.is_sorted = true;
  state.column = 1;
  EXPECT_EQ(text_of(screen_lines(now(), {}, rows(1), state, {24, 80})[5]), "NAME  vOPEN");
  state.is_reversed = true;
  EXPECT_EQ(text_of(screen_lines(now(), {}, rows(1), state, {24, 80})[5]), "NAME  ^OPEN");
}

// So many rows above another table.
PageView with_rows_above(PageView view, std::size_t count) {
  PageView above = rows(count);
  for (Row& row : above.rows) row.cells[0].text.insert(0, "above ");
  view.columns_above = above.columns;
  view.rows_above = above.rows;
  return view;
}

std::vector<std::string> texts(const std::vector<ScreenLine>& screen) {
  std::vector<std::string> out;
  for (std::size_t i = 5; i + 1 < screen.size(); ++i) out.push_back(text_of(screen[i]));
  return out;
}

TEST(TopScreen, ATableAboveAnotherIsNeitherSelectedNorMarked) {
  TopState state;
  state.is_sorted = true;
  const auto screen = screen_lines(now(), {}, with_rows_above(rows(9), 2), state, {16, 80});
  EXPECT_EQ(texts(screen), (std::vector<std::string>{"NAME      OPEN", "above b0     0", "above b1    10", "",
                                                     "NAMEv  OPEN", "b0        0", "b1       10",
                                                     "b2       20", "b3       30", "b4       40"}));
  EXPECT_TRUE(screen[10].is_selected);
  EXPECT_FALSE(screen[6].is_selected);
  EXPECT_EQ(state.fit, 5u);
}

TEST(TopScreen, ATableAboveAnotherTakesNoMoreThanHalfOfTheRoom) {
  TopState state;
  const auto screen = screen_lines(now(), {}, with_rows_above(rows(9), 30), state, {16, 80});
  EXPECT_EQ(texts(screen),
            (std::vector<std::string>{"NAME       OPEN", "above b0      0", "above b1     10",
                                      "and 28 more: / filters", "", "NAME   OPEN", "b0        0",
                                      "b1       10", "b2       20", "b3       30"}));
  for (const std::size_t lines : {1u, 5u, 9u, 12u}) {
    EXPECT_EQ(screen_lines(now(), {}, with_rows_above(rows(9), 30), state, {lines, 80}).size(), lines);
  }
}

TEST(TopScreen, SaysThatThereIsNothing) {
  TopState state;
  EXPECT_EQ(text_of(screen_lines(now(), {}, rows(0), state, {24, 80})[6]), "nothing to show");
}

}  // namespace
}  // namespace weir::cli
