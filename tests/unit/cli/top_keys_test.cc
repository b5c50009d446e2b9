#include "cli/top_keys.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

PageView backend_view(std::size_t rows) {
  PageView view;
  view.columns = {{"POOL"}, {"BACKEND"}, {"STATE"}};
  for (std::size_t i = 0; i < rows; ++i) {
    Row row;
    row.cells = {"site", "b" + std::to_string(i), "up"};
    row.values = {0, 0, 0};
    row.pool = "site";
    row.name = "b" + std::to_string(i) + "@[::1]:80";
    view.rows.push_back(row);
  }
  return view;
}

class PressedKeys : public testing::Test {
 protected:
  TopKeys::Next press(int key) { return keys.press(key, view, state, 10); }
  PageView view = backend_view(30);
  TopState state;
  TopKeys keys;
};

TEST_F(PressedKeys, NothingIsChangedWithoutAYes) {
  for (const int answer : {static_cast<int>('n'), static_cast<int>(kEnter), static_cast<int>('q')}) {
    press('d');
    EXPECT_EQ(state.question, "drain: backend b0 of pool site?");
    EXPECT_EQ(press(answer), TopKeys::Next::kGoOn);
    EXPECT_EQ(state.question, "");
    EXPECT_FALSE(keys.take_wanted().has_value());
    EXPECT_EQ(state.word, "nothing was changed");
  }
}

TEST_F(PressedKeys, AYesAsksTheDoorOnceForTheSelectedRow) {
  press(kDown);
  press('d');
  press('y');
  const auto wanted = keys.take_wanted();
  ASSERT_TRUE(wanted.has_value());
  EXPECT_EQ(wanted->request.method, "PATCH");
  EXPECT_EQ(wanted->request.target, "/v1/pools/site/backends/b1%40%5B%3A%3A1%5D%3A80");
  EXPECT_EQ(wanted->request.body, "{\"state\": \"drain\"}");
  EXPECT_FALSE(keys.take_wanted().has_value());
}

TEST_F(PressedKeys, EachStateHasAKey) {
  const std::pair<int, std::string> modes[] = {{'u', "up"}, {'m', "maintenance"}, {'d', "drain"}};
  for (const auto& [key, mode] : modes) {
    press(key);
    press('y');
    EXPECT_EQ(keys.take_wanted()->request.body, "{\"state\": \"" + mode + "\"}");
  }
}

TEST_F(PressedKeys, WhatIsNotSelectableIsNotAskedFor) {
  press('x');
  EXPECT_EQ(state.question, "");
  EXPECT_EQ(state.word, "select a session for that (page 3)");
  press('3');
  EXPECT_EQ(state.page, Page::kSessions);
  press('d');
  EXPECT_EQ(state.word, "select a backend for that (page 1)");
  view.rows.clear();
  press('x');
  EXPECT_EQ(state.question, "");
}

TEST_F(PressedKeys, ASessionIsClosedByItsId) {
  press('3');
  view.rows[0].name = "000000000000001c";
  view.rows[0].cells[0].text = "000000000000001c";
  press('x');
  EXPECT_EQ(state.question, "close session 000000000000001c?");
  press('Y');
  const auto wanted = keys.take_wanted();
  EXPECT_EQ(wanted->request.method, "DELETE");
  EXPECT_EQ(wanted->request.target, "/v1/sessions/000000000000001c");
}

TEST_F(PressedKeys, TheSelectionStaysWithinTheRows) {
  press(kUp);
  EXPECT_EQ(state.selected, 0u);
  press(kPageDown);
  EXPECT_EQ(state.selected, 10u);
  press(kEnd);
  EXPECT_EQ(state.selected, 29u);
  press('j');
  EXPECT_EQ(state.selected, 29u);
  press(kHome);
  EXPECT_EQ(state.selected, 0u);
  view.rows.clear();
  press(kEnd);
  press(kDown);
  EXPECT_EQ(state.selected, 0u);
}

TEST_F(PressedKeys, ArrowsSortByOneColumnAfterTheOtherAndBack) {
  press(kRight);
  EXPECT_TRUE(state.is_sorted);
  EXPECT_EQ(state.column, 0u);
  press(kRight);
  press(kRight);
  EXPECT_EQ(state.column, 2u);
  press(kRight);
  EXPECT_EQ(state.column, 0u);
  press(kLeft);
  EXPECT_EQ(state.column, 2u);
  press('r');
  EXPECT_TRUE(state.is_reversed);
  press(kTab);
  EXPECT_EQ(state.page, Page::kListeners);
  EXPECT_FALSE(state.is_sorted);
}

TEST_F(PressedKeys, AFilterTakesLettersThatAreKeysElsewhere) {
  press('/');
  for (const char c : {'q', 'd', '1', 'x'}) EXPECT_EQ(press(c), TopKeys::Next::kGoOn);
  EXPECT_EQ(state.filter, "qd1x");
  press(kErase);
  press(kEnter);
  EXPECT_FALSE(state.asks_for_filter);
  EXPECT_EQ(state.filter, "qd1");
  press(kEscape);
  EXPECT_EQ(state.filter, "");
}

TEST_F(PressedKeys, HelpGoesByAnyKeyAndQLeaves) {
  press('?');
  EXPECT_TRUE(state.shows_help);
  EXPECT_EQ(press('q'), TopKeys::Next::kGoOn);
  EXPECT_FALSE(state.shows_help);
  EXPECT_EQ(press('q'), TopKeys::Next::kLeave);
  press('p');
  EXPECT_TRUE(state.is_paused);
}

}  // namespace
}  // namespace weir::cli
