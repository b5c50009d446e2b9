#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "base/roff.h"
#include "config/describe.h"
#include "config/schema.h"

namespace weir::config {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

// What stands in the page below one section's heading.
std::string below(Section section) {
  const std::string page = manual_page();
  const std::string heading = "\n.SS " + base::roff(title(section)) + "\n";
  const std::size_t start = page.find(heading);
  if (start == page.npos) return "";
  const std::size_t body = start + heading.size();
  return page.substr(body, page.find("\n.S", body) - body);
}

TEST(ManualPage, EverySectionHasItsKeysWithHelpAndDefaultInTheSchemasOrder) {
  for (const Section section : kAllSections) {
    const std::string text = below(section);
    EXPECT_THAT(text, StartsWith(base::roff_paragraph(help(section)))) << title(section);
    std::size_t at = 0;
    for (const Key* key : keys_of(section)) {
      at = text.find(".TP\n" + base::roff("`" + std::string(key->name) + "` = "), at);
      ASSERT_NE(at, text.npos) << title(section) << " " << key->name;
      const std::string entry = text.substr(at, text.find("\n.TP", at) - at) + "\n";
      EXPECT_THAT(entry, HasSubstr(base::roff_paragraph(key->help))) << key->name;
      EXPECT_THAT(entry, HasSubstr(base::roff(std::string(expected(*key))))) << key->name;
      if (key->presence == Presence::kRequired) {
        EXPECT_THAT(entry, HasSubstr("It must be set.")) << key->name;
      } else if (!key->default_value.empty()) {
        EXPECT_THAT(entry, HasSubstr(base::roff("Default: `" + std::string(key->default_value) + "`.")))
            << key->name;
      }
      EXPECT_EQ(entry.find("\\fBRestart\\fP.") != entry.npos, key->change == Change::kRestart) << key->name;
    }
  }
}

TEST(ManualPage, BeginsWithItsTitleAndName) {
  EXPECT_THAT(manual_page(), StartsWith(".TH WEIR.TOML 5 "));
  EXPECT_THAT(manual_page(), HasSubstr("\n.SH NAME\nweir.toml \\- "));
}

TEST(ManualPage, NoLineIsACommandOfRoffThatManDoesNotKnow) {
  std::istringstream text(manual_page());
  for (std::string line; std::getline(text, line);) {
    if (!line.starts_with('.')) continue;
    const std::string command = line.substr(0, line.find(' '));
    EXPECT_THAT(command, testing::AnyOf(".TH", ".SH", ".SS", ".TP", ".br", ".IP", ".PP", ".RS", ".RE", ".nf",
                                        ".fi", ".BR", ".nh", ".ad"))
        << line;
  }
}

}  // namespace
}  // namespace weir::config
