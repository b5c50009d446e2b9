#include "metrics/text_format.h"

#include <fmt/format.h>

#include <cstdlib>
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
  append_escaped(text_, help, "\\\n");
  text_ += fmt::format("\n# TYPE {} {}\n", name, word(type));
}

void TextFormat::label(const Label& label, bool is_first) {
  text_ += is_first ? '{' : ',';
  text_ += label.first;
  text_ += "=\"";
  append_escaped(text_, label.second, "\\\n\"");
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
  fmt::format_to(std::back_inserter(text_), " {}\n", value);
}

void TextFormat::seconds_sample(std::initializer_list<Label> labels, HistogramTime value) {
  labelled(labels);
  fmt::format_to(std::back_inserter(text_), " {}\n", in_seconds(value));
}

void TextFormat::histogram(std::initializer_list<Label> labels, const HistogramReading& reading) {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < reading.buckets.size(); ++i) {
    count += reading.buckets[i];
    labelled(labels, "_bucket", i < reading.bounds.size() ? in_seconds(reading.bounds[i]) : "+Inf");
    fmt::format_to(std::back_inserter(text_), " {}\n", count);
  }
  labelled(labels, "_sum");
  const HistogramTime sum(static_cast<std::int64_t>(reading.microseconds));
  fmt::format_to(std::back_inserter(text_), " {}\n", in_seconds(sum));
  labelled(labels, "_count");
  fmt::format_to(std::back_inserter(text_), " {}\n", count);
}

}  // namespace weir::metrics
