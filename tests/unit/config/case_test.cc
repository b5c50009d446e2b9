// Configurations as files: each in cases/ has the exact lines of its problems in a file beside it, each in
// good/ has none. With WEIR_UPDATE=1 in the environment the expected files are written anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "config/load.h"

namespace weir::config {
namespace {

namespace fs = std::filesystem;

const fs::path kHere = fs::path(WEIR_SOURCE_DIR) / "tests/unit/config";

std::optional<std::string> variable(const std::string& name) {
  static const std::map<std::string, std::string> kVariables{
      {"WORKERS", "4"}, {"PORT", "8080"}, {"TEXT", "many"}, {"EMPTY", ""}, {"BROKEN", "a\xff"}};
  const auto at = kVariables.find(name);
  return at == kVariables.end() ? std::nullopt : std::optional(at->second);
}

std::vector<std::string> cases(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kHere / folder)) {
    if (entry.path().extension() == ".toml" && entry.is_regular_file()) {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

// One line for each problem, with the folder's name taken out wherever it stands.
std::string problem_lines(const std::string& folder, const std::string& name) {
  const std::string prefix = (kHere / folder).string() + "/";
  std::string lines;
  for (const Problem& problem : load_file(prefix + name + ".toml", variable).problems) {
    lines += to_string(problem) + "\n";
  }
  for (std::size_t at = 0; (at = lines.find(prefix, at)) != std::string::npos;)
    lines.erase(at, prefix.size());
  return lines;
}

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string name_of(const testing::TestParamInfo<std::string>& param) { return param.param; }

class BadConfiguration : public testing::TestWithParam<std::string> {};

TEST_P(BadConfiguration, GivesExactlyTheExpectedProblems) {
  const std::string found = problem_lines("cases", GetParam());
  const fs::path expected = kHere / "cases" / (GetParam() + ".expected");
  if (std::getenv("WEIR_UPDATE") != nullptr) std::ofstream(expected) << found;
  ASSERT_TRUE(fs::exists(expected)) << expected << " is missing; what was found:\n" << found;
  EXPECT_EQ(found, text_of(expected));
  EXPECT_NE(found, "") << "a case without problems belongs in good/";
}

INSTANTIATE_TEST_SUITE_P(Cases, BadConfiguration, testing::ValuesIn(cases("cases")), name_of);

class GoodConfiguration : public testing::TestWithParam<std::string> {};

TEST_P(GoodConfiguration, LoadsWithoutAProblem) { EXPECT_EQ(problem_lines("good", GetParam()), ""); }

INSTANTIATE_TEST_SUITE_P(Cases, GoodConfiguration, testing::ValuesIn(cases("good")), name_of);

}  // namespace
}  // namespace weir::config
