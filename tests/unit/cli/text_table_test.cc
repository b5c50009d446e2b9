#include "cli/text_table.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

TEST(TextTable, PutsColumnsUnderEachOtherWithoutBlanksAtTheEnd) {
  TextTable table({{"NAME"}, {"SESSIONS", TextTable::Side::kRight}, {"REASON"}});
  table.add({"a", "12", ""});
  table.add({"a longer one", "1 234 567", "down"});
  EXPECT_EQ(table.text(Colours::kNone),
            "NAME           SESSIONS  REASON\n"
            "a                    12\n"
            "a longer one  1 234 567  down\n");
}

TEST(TextTable, CountsCharactersAndNotBytes) {
  TextTable table({{"NAME"}, {"B"}});
  table.add({"Zürich", "x"});
  table.add({"Zurich", "y"});
  EXPECT_EQ(table.text(Colours::kNone),
            "NAME    B\n"
            "Zürich  x\n"
            "Zurich  y\n");
}

TEST(TextTable, SaysNothingWithoutARow) { EXPECT_EQ(TextTable({{"NAME"}}).text(Colours::kTerminal), ""); }

TEST(TextTable, ColoursTakeNoRoomInItsColumns) {
  TextTable table({{"STATE"}, {"B"}});
  table.add({Cell("up", Tone::kGood), "x"});
  table.add({Cell("maintenance", Tone::kWarning), "y"});
  EXPECT_EQ(table.text(Colours::kTerminal),
            "\x1b[2mSTATE\x1b[0m        \x1b[2mB\x1b[0m\n"
            "\x1b[32mup\x1b[0m           x\n"
            "\x1b[33mmaintenance\x1b[0m  y\n");
}

}  // namespace
}  // namespace weir::cli
