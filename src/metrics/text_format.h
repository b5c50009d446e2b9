// Writes the Prometheus text exposition format, version 0.0.4: families with HELP and TYPE, samples with
// labels. Pure text; owns nothing but the string it grows. Names follow weir_<noun>_<unit>[_total]; times are
// written in seconds, as decimals that lose nothing of their microseconds.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "metrics/histogram.h"

namespace weir::metrics {

enum class FamilyType { kCounter, kGauge, kHistogram };

using Label = std::pair<std::string_view, std::string_view>;

class TextFormat {
 public:
  // Opens a family; the samples that follow belong to it. A family is opened once in a document.
  void family(std::string_view name, FamilyType type, std::string_view help);

  void sample(std::initializer_list<Label> labels, std::uint64_t value);
  void sample(std::uint64_t value) { sample({}, value); }
  void seconds_sample(std::initializer_list<Label> labels, HistogramTime value);
  // All samples of one histogram, with the buckets added up.
  void histogram(std::initializer_list<Label> labels, const HistogramReading& reading);

  // The document so far.
  const std::string& text() const { return text_; }
  // The same; the object is good for nothing any more.
  std::string take() && { return std::move(text_); }

 private:
  // The name, with `suffix`, and the labels of a sample; `bound` is a bucket's, empty for none.
  void labelled(std::initializer_list<Label> labels, std::string_view suffix = {},
                std::string_view bound = {});
  void label(const Label& label, bool is_first);

  std::string text_;
  std::string name_;
};

}  // namespace weir::metrics
