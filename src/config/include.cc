#include "config/include.h"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "config/expand.h"
#include "config/limits.h"
#include "config/merge.h"
#include "config/source.h"
#include "config/text.h"
#include "config/toml_reader.h"

namespace weir::config {
namespace {

class TreeBuilder {
 public:
  TreeBuilder(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  Tree build(std::string_view text, const std::string& file) {
    main_identity_ = identity(file);
    seen_.insert(main_identity_);
    tree_.files.push_back(file);
    if (auto root = parse(text, file)) {
      tree_.root = *std::move(root);
      // A copy, since merging changes the table in which the list stands.
      const Entry* entry = tree_.root.find("include");
      const Node list = entry != nullptr ? entry->value : Node();
      for (const Node& item : list.items) include(file, item);
    }
    return std::move(tree_);
  }

 private:
  std::optional<Node> parse(std::string_view text, const std::string& file) {
    auto root = parse_tree(text, file);
    if (!root) {
      fail(root.error().place, root.error().text);
      return std::nullopt;
    }
    expand_tree(*root, environment_, problems_);
    return *std::move(root);
  }

  // What is no string or no file name is reported when the tree is built.
  void include(const std::string& file, const Node& item) {
    if (item.kind != Kind::kString || item.text.empty() || !is_plain_text(item.text)) return;
    if (!is_pattern(item.text)) return include_named(beside(file, item.text), item.place);
    const auto paths = match_sources(file, item.text);
    if (!paths) return fail(item.place, fmt::format("include: {}", paths.error()));
    if (paths->empty()) {
      add_warning(problems_, item.place,
                  fmt::format("include: no file matches {}", quote(beside(file, item.text))));
    }
    for (const std::string& path : *paths) include_matched(path, item.place);
  }

  void include_named(const std::string& path, const Place& place) {
    if (identity(path) == main_identity_) {
      return fail(place, fmt::format("include: {} is this file itself", quote(path)));
    }
    include_matched(path, place);
  }

  // A file that several patterns match is read once; a pattern may also match the file it stands in.
  void include_matched(const std::string& path, const Place& place) {
    if (!is_plain_text(path)) {
      return fail(place, fmt::format("include: the file name {} has control characters in it", quote(path)));
    }
    if (!seen_.insert(identity(path)).second) return;
    if (tree_.files.size() >= kMaxFiles) {
      if (!std::exchange(has_too_many_, true)) {
        fail(place, fmt::format("include: more than {} files: the rest is not read", kMaxFiles));
      }
      return;
    }
    const auto text = read_source(path);
    if (!text) return fail(place, fmt::format("include: {}: {}", quote(path), text.error()));
    tree_.files.push_back(path);
    auto root = parse(*text, path);
    if (!root) return;
    if (const Entry* nested = root->find("include")) {
      fail(nested->place,
           fmt::format("an included file cannot include others: move this line to {}", tree_.files.front()));
    }
    merge(tree_.root, *std::move(root), problems_);
  }

  void fail(const Place& place, std::string text) {
    add_error(problems_, place, std::move(text));
    tree_.is_whole = false;
  }

  const Environment& environment_;
  Problems& problems_;
  std::string main_identity_;
  std::set<std::string> seen_;
  bool has_too_many_ = false;
  Tree tree_;
};

}  // namespace

Tree build_tree(std::string_view text, const std::string& file, const Environment& environment,
                Problems& problems) {
  return TreeBuilder(environment, problems).build(text, file);
}

}  // namespace weir::config
