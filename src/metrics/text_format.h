// Writes the Prometheus text exposition format, version 0.0.4: families with HELP and TYPE, samples with
// labels. Pure text; owns nothing but the string it grows. Names follow weir_<noun>_<unit>[_total].
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace weir::metrics {

enum class FamilyType { kCounter, kGauge };

using Label = std::pair<std::string_view, std::string_view>;

class TextFormat {
 public:
  // Opens a family; the samples that follow belong to it. A family is opened once in a document.
  void family(std::string_view name, FamilyType type, std::string_view help);

  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  void sample(std::uint64_t value) { sample({}, value); }
  // Of a gauge that may be below 0.
  void signed_sample(std::initializer_list<Label> labels, std::int64_t value);

  // The document so far.
  const std::string& text() const { return text_; }

 private:
  // The name and the labels of a sample.
  void labelled(std::initializer_list<Label> labels);

  std::string text_;
  std::string name_;
};

}  // namespace weir::metrics
