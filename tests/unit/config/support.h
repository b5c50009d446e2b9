// What the tests of the configuration share: trees from TOML text, and problems as the lines that people see.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "config/problem.h"
#include "config/toml_reader.h"

namespace weir::config {

// An environment without variables.
inline std::optional<std::string> no_variables(const std::string&) { return std::nullopt; }

// The tree of `text`, which must be TOML; its places name `file`.
inline Node tree_of(std::string_view text, const std::string& file = "t") {
  auto tree = parse_tree(text, file);
  if (tree) return *std::move(tree);
  ADD_FAILURE() << to_string(tree.error());
  return {};
}

// The value of `value`, written as in a file.
inline Node value_of(const std::string& value) { return tree_of("k = " + value).entries.at(0).value; }

// A string that came out of ${...}.
inline Node expanded_value(const std::string& text) {
  Node node;
  node.kind = Kind::kString;
  node.text = text;
  node.is_expanded = true;
  return node;
}

inline std::vector<std::string> lines_of(const Problems& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems) lines.push_back(to_string(problem));
  return lines;
}

inline std::string text_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// Tests with a folder of their own.
class InFolder : public testing::Test {
 protected:
  InFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "weir-config-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~InFolder() override { std::filesystem::remove_all(folder_); }

  // Writes a file, and the folders that it stands in; returns its path.
  std::string write(const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
    return path.string();
  }

  std::filesystem::path folder_;
};

}  // namespace weir::config
