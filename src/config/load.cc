#include "config/load.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <unordered_map>

#include "config/build.h"
#include "config/include.h"
#include "config/source.h"
#include "config/validate.h"

namespace weir::config {
namespace {

// In the order of reading: files as they were opened, then lines and columns.
void sort_problems(Problems& problems, const std::vector<std::string>& files) {
  std::unordered_map<std::string, std::size_t> order;
  for (std::size_t i = 0; i < files.size(); ++i) order.emplace(files[i], i);
  const auto rank = [&](const Problem& problem) {
    const auto at = order.find(problem.place.file);
    return std::tuple(at == order.end() ? files.size() : at->second, problem.place.line,
                      problem.place.column);
  };
  std::stable_sort(problems.begin(), problems.end(),
                   [&](const Problem& a, const Problem& b) { return rank(a) < rank(b); });
}

Environment noting_in(Secrets& secrets, const Environment& environment) {
  return [&](const std::string& name) {
    auto value = environment(name);
    if (value) secrets.note(name, *value);
    return value;
  };
}

}  // namespace

Loaded load_text(std::string_view text, const std::string& file_name, const Environment& environment) {
  Loaded loaded;
  Tree tree = build_tree(text, file_name, noting_in(loaded.secrets, environment), loaded.problems);
  loaded.config = build_config(tree.root, loaded.problems);
  loaded.config.files = std::move(tree.files);
  if (tree.is_whole) validate(loaded.config, loaded.problems);
  if (!has_error(loaded.problems)) loaded.settings = settings_of(tree.root);
  sort_problems(loaded.problems, loaded.config.files);
  loaded.secrets.hide(loaded.problems);
  return loaded;
}

Loaded load_file(const std::string& path, const Environment& environment) {
  const auto text = read_source(path);
  if (text) return load_text(*text, path, environment);
  Loaded loaded;
  loaded.config.files.push_back(path);
  add_error(loaded.problems, {path, 0, 0}, text.error());
  return loaded;
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

}  // namespace weir::config
