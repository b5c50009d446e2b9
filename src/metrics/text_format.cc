#include "metrics/text_format.h"

#include <fmt/format.h>

#include <iterator>

namespace weir::metrics {
namespace {

// The format's escapes: backslash and line feed everywhere, the quote in label values only.
void append_escaped(std::string& out, std::string_view text, std::string_view special) {
  for (const char c : text) {
    if (special.find(c) == std::string_view::npos) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += '\\';
      out += c;
    }
  }
}

}  // namespace

void TextFormat::family(std::string_view name, FamilyType type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} ", name);
  append_escaped(text_, help, "\\\n");
  text_ += fmt::format("\n# TYPE {} {}\n", name, type == FamilyType::kCounter ? "counter" : "gauge");
}

void TextFormat::labelled(std::initializer_list<Label> labels) {
  text_ += name_;
  const char* separator = "{";
  for (const auto& [key, label_value] : labels) {
    text_ += separator;
    text_ += key;
    text_ += "=\"";
    append_escaped(text_, label_value, "\\\n\"");
    text_ += '"';
    separator = ",";
  }
  if (labels.size() > 0) text_ += '}';
}

void TextFormat::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  labelled(labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void TextFormat::signed_sample(std::initializer_list<Label> labels, std::int64_t value) {
  labelled(labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

}  // namespace weir::metrics
