#include "config/expand.h"

#include <fmt/format.h>

#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

using Text = tl::expected<std::string, std::string>;

bool is_variable_name(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (const char c : name) {
    const bool known = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!known) return false;
  }
  return true;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

// `inside` is what stands between the braces.
Text value_of(std::string_view inside, const Environment& environment) {
  const std::size_t separator = inside.find(":-");
  const std::string name(inside.substr(0, separator));
  if (!is_variable_name(name)) {
    return tl::unexpected(
        fmt::format("{} is not the name of a variable: expected ${{NAME}} or ${{NAME:-default}}, with "
                    "letters, digits and underscores; write $${{ for a plain ${{",
                    quote(name)));
  }
  const std::optional<std::string> value = environment(name);
  if (separator != std::string_view::npos && (!value || value->empty())) {
    return std::string(inside.substr(separator + 2));
  }
  if (!value) {
    return tl::unexpected(fmt::format(
        "the environment variable {} is not set: set it, or give a default as ${{{}:-default}}", name, name));
  }
  if (!is_utf8(*value)) {
    return tl::unexpected(fmt::format("the environment variable {} holds bytes that are not UTF-8", name));
  }
  return *value;
}

class Expander {
 public:
  Expander(const Environment& environment, Problems& problems)
      : environment_(environment), problems_(problems) {}

  void expand(Node& node) {
    for (Node& item : node.items) expand(item);
    for (Entry& entry : node.entries) expand(entry.value);
    if (node.kind != Kind::kString || node.text.find("${") == std::string::npos) return;
    auto text = expand_text(node.text, environment_);
    if (!text) {
      fail(node, text.error());
      return;
    }
    used_ += text->size();
    if (used_ > kMaxExpandedBytes) {
      fail(node, fmt::format("environment variables make this file larger than the {} MiB that are allowed",
                             kMaxExpandedBytes >> 20));
      return;
    }
    node.text = *std::move(text);
    node.is_expanded = true;
  }

 private:
  void fail(Node& node, std::string text) {
    add_error(problems_, node.place, std::move(text));
    node.kind = Kind::kFaulty;
  }

  const Environment& environment_;
  Problems& problems_;
  std::size_t used_ = 0;
};

}  // namespace

Text expand_text(std::string_view text, const Environment& environment) {
  std::string out;
  while (!text.empty()) {
    if (text.starts_with("$${")) {
      out += "${";
      text.remove_prefix(3);
      continue;
    }
    if (!text.starts_with("${")) {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    const std::size_t end = text.find('}');
    if (end == std::string_view::npos) {
      return tl::unexpected(
          fmt::format("{} has no closing brace: expected ${{NAME}} or ${{NAME:-default}}; write $${{ for a "
                      "plain ${{",
                      quote(text)));
    }
    auto value = value_of(text.substr(2, end - 2), environment);
    if (!value) return value;
    out += *value;
    if (out.size() > kMaxExpandedBytes) {
      return tl::unexpected(
          fmt::format("environment variables make this string larger than {} MiB", kMaxExpandedBytes >> 20));
    }
    text.remove_prefix(end + 1);
  }
  return out;
}

void expand_tree(Node& root, const Environment& environment, Problems& problems) {
  Expander(environment, problems).expand(root);
}

}  // namespace weir::config
