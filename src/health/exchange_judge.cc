#include "health/exchange_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "health/excerpt.h"

namespace weir::health {
namespace {
constexpr std::size_t kShownBytes = 64;
}  // namespace

Finding ExchangeJudge::on_bytes(std::string_view bytes) {
  const std::size_t most = std::max(expected_.size(), kShownBytes + 1);
  answer_ += bytes.substr(0, most - answer_.size());
  const std::size_t length = std::min(answer_.size(), expected_.size());
  if (answer_.compare(0, length, expected_, 0, length) != 0) {
    // The first line says it, as servers' protocols go; the byte that differs may come after it.
    const std::string_view answer = answer_;
    const std::size_t line = answer.find_first_of("\r\n");
    const bool line_differs = line != std::string_view::npos && line > 0 &&
                              answer.substr(0, line) != std::string_view(expected_).substr(0, line);
    return {Judgement::kFailed,
            fmt::format("the answer {}, expected {}",
                        excerpt(line_differs ? answer.substr(0, line) : answer, kShownBytes),
                        excerpt(expected_, kShownBytes))};
  }
  return {length == expected_.size() ? Judgement::kPassed : Judgement::kUndecided, {}};
}

}  // namespace weir::health
