#include "load/tally.h"

#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace weir::load {
namespace {

double micros(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

}  // namespace

std::string Tally::to_json() const {
  std::string out;
  const auto to = std::back_inserter(out);
  fmt::format_to(to, R"({{"requests": {}, "bytes": {}, "seconds": {:.6f}, "cpu_seconds": {:.3f}, )", requests,
                 bytes, seconds, cpu_seconds);
  fmt::format_to(to, R"("connect_errors": {}, "read_errors": {}, "status_errors": {}, "timeouts": {}, )",
                 connect_errors, read_errors, status_errors, timeouts);
  fmt::format_to(to, R"("unanswered": {})", unanswered);
  for (const auto& [name, quantile] : {std::pair("p50", 0.5), {"p99", 0.99}, {"p999", 0.999}, {"max", 1.0}})
    fmt::format_to(to, R"(, "{}_us": {:.1f})", name, micros(latency.quantile(quantile)));
  return out + "}";
}

}  // namespace weir::load
