#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "config/describe.h"
#include "config/load.h"
#include "config/schema.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr auto kSections = kAllSections;

std::vector<std::string> lines() {
  std::istringstream text(reference_markdown());
  std::vector<std::string> out;
  for (std::string line; std::getline(text, line);) out.push_back(line);
  return out;
}

// The cells of a row, between bars that are not escaped.
std::vector<std::string> cells(const std::string& row) {
  std::vector<std::string> out(1);
  for (std::size_t i = 1; i < row.size(); ++i) {
    if (row[i] == '|' && row[i - 1] != '\\') {
      out.emplace_back();
    } else {
      out.back() += row[i];
    }
  }
  out.pop_back();  // after the last bar
  return out;
}

// The cells of the rows below the heading that has `title` in it, without the table's own head.
std::vector<std::vector<std::string>> rows_below(const std::string& title) {
  std::vector<std::vector<std::string>> rows;
  bool is_below = false;
  for (const std::string& line : lines()) {
    if (line.starts_with("## ")) is_below = line == "## " + title || line == "## `" + title + "`";
    if (is_below && line.starts_with("| `")) rows.push_back(cells(line));
  }
  return rows;
}

TEST(Reference, EverySectionHasOneRowForEachOfItsKeysInTheSchemasOrder) {
  for (const Section section : kSections) {
    const auto rows = rows_below(std::string(title(section)));
    const auto keys = keys_of(section);
    ASSERT_EQ(rows.size(), keys.size()) << title(section);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(rows[i].at(0), " `" + std::string(keys[i]->name) + "` ");
    }
  }
}

TEST(Reference, NoKeyIsLeftOut) {
  std::size_t count = 0;
  for (const Section section : kSections) count += keys_of(section).size();
  EXPECT_EQ(count, all_keys().size()) << "a section is missing from this test and perhaps from the reference";
}

TEST(Reference, EveryRowHasFourCellsWhateverIsWrittenInThem) {
  for (const Section section : kSections) {
    for (const auto& row : rows_below(std::string(title(section)))) EXPECT_EQ(row.size(), 4u) << row.at(0);
  }
}

TEST(Reference, ARowSaysTheDefaultOrThatTheKeyIsRequired) {
  for (const Section section : kSections) {
    const auto rows = rows_below(std::string(title(section)));
    const auto keys = keys_of(section);
    ASSERT_EQ(rows.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const bool is_required = keys[i]->presence == Presence::kRequired;
      EXPECT_EQ(rows[i].at(1) == " required ", is_required) << keys[i]->name;
      if (is_required || keys[i]->default_value.empty()) continue;
      EXPECT_EQ(rows[i].at(1), " `" + std::string(keys[i]->default_value) + "` ");
    }
  }
}

TEST(Reference, ExactlyTheKeysThatNeedARestartSaySo) {
  for (const Section section : kSections) {
    const auto rows = rows_below(std::string(title(section)));
    const auto keys = keys_of(section);
    ASSERT_EQ(rows.size(), keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      EXPECT_EQ(rows[i].at(3).ends_with(" *restart* "), keys[i]->change == Change::kRestart) << keys[i]->name;
    }
  }
}

TEST(Reference, TheShortestUsefulFileInItLoadsWithoutAProblem) {
  const std::string text = reference_markdown();
  const std::string open = "```toml\n";
  const std::size_t start = text.find(open) + open.size();
  const std::string file = text.substr(start, text.find("```", start) - start);
  const Loaded loaded = load_text(file, "shortest.toml", no_variables);
  EXPECT_THAT(lines_of(loaded.problems), IsEmpty());
  EXPECT_EQ(loaded.config.listeners.size(), 1u);
}

TEST(Reference, SaysThatItIsMadeAndFromWhat) {
  EXPECT_THAT(lines().front(), HasSubstr("edit src/config/schema_table.cc instead"));
}

}  // namespace
}  // namespace weir::config
