#include "metrics/text_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace weir::metrics {
namespace {

// The format's escapes: backslash and line feed everywhere, the quote in label values only.
bool is_special(char c) { return c == '\\' || c == '\n'; }
bool is_special_in_label(char c) { return is_special(c) || c == '"'; }

template <class IsSpecial>
void append_escaped(std::string& out, std::string_view text, IsSpecial is_one) {
  // Hardly any text has one, and there are tens of thousands of texts in a document.
  for (auto at = text.begin(); at != text.end(); ++at) {
    const auto special = std::find_if(at, text.end(), is_one);
    out.append(at, special);
    if (special == text.end()) return;
    out += '\\';
    out += *special == '\n' ? 'n' : *special;
    at = special;
  }
}

void append_value(std::string& out, std::string_view value) {
  out += ' ';
  out += value;
  out += '\n';
}

std::string_view digits(const fmt::format_int& number) { return {number.data(), number.size()}; }

std::string_view word(FamilyType type) {
  switch (type) {
    case FamilyType::kCounter:
      return "counter";
    case FamilyType::kGauge:
      return "gauge";
    case FamilyType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

// "0.0025", "1", "-0.5": no more digits than it takes.
std::string in_seconds(HistogramTime time) {
  constexpr std::int64_t kSecond = 1'000'000;
  const std::int64_t all = time.count();
  std::string text = fmt::format("{}{}", all < 0 ? "-" : "", std::abs(all / kSecond));
  if (all % kSecond == 0) return text;
  text += fmt::format(".{:06}", std::abs(all % kSecond));
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

void TextFormat::family(std::string_view name, FamilyType type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {} ", name);
  append_escaped(text_, help, [](char c) { return is_special(c); });
  text_ += fmt::format("\n# TYPE {} {}\n", name, word(type));
}

void TextFormat::label(const Label& label, bool is_first) {
  text_ += is_first ? '{' : ',';
  text_ += label.first;
  text_ += "=\"";
  append_escaped(text_, label.second, [](char c) { return is_special_in_label(c); });
  text_ += '"';
}

void TextFormat::labelled(std::initializer_list<Label> labels, std::string_view suffix,
                          std::string_view bound) {
  text_ += name_;
  text_ += suffix;
  for (const Label& one : labels) label(one, &one == labels.begin());
  if (!bound.empty()) label({"le", bound}, labels.size() == 0);
  if (labels.size() > 0 || !bound.empty()) text_ += '}';
}

void TextFormat::sample(std::initializer_list<Label> labels, std::uint64_t value) {
  labelled(labels);
  append_value(text_, digits(fmt::format_int(value)));
}

void TextFormat::seconds_sample(std::initializer_list<Label> labels, HistogramTime value) {
  labelled(labels);
  append_value(text_, in_seconds(value));
}

void TextFormat::histogram(std::initializer_list<Label> labels, const HistogramReading& reading) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    count += reading.buckets[i];
    labelled(labels, "_bucket", i < reading.bounds.size() ? in_seconds(reading.bounds[i]) : "+Inf");
    append_value(text_, digits(fmt::format_int(count)));
  }
  labelled(labels, "_sum");
  const HistogramTime sum(static_cast<std::int64_t>(reading.microseconds));
  append_value(text_, in_seconds(sum));
  labelled(labels, "_count");
  append_value(text_, digits(fmt::format_int(count)));
}

}  // namespace weir::metrics
