// The SYN flood as a program, to be run inside a network namespace that a test made (`ip netns exec ...`):
//   weir_syn_flood ADDRESS PORT SYNS_PER_SECOND MILLISECONDS
// Prints "sent N in M ms". Exits with 2 when it is told something that it will not do (support/syn_flood.h),
// with 1 when it could not.
#include <arpa/inet.h>

#include <charconv>
#include <cstdio>
#include <cstring>
#include <optional>

#include "support/syn_flood.h"

namespace weir::test {
namespace {

template <class Number>
std::optional<Number> number(const char* text) {
  Number value = 0;
  const char* const end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, value);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(value) : std::nullopt;
}

std::optional<FloodPlan> parse_plan(char** words) {
  FloodPlan plan;
  const auto port = number<std::uint16_t>(words[1]);
  const auto per_second = number<unsigned>(words[2]);
  const auto millis = number<int>(words[3]);
  if (::inet_pton(AF_INET, words[0], &plan.target) != 1 || !port || !per_second || !millis)
    return std::nullopt;
  plan.port = *port;
  plan.per_second = *per_second;
  plan.duration = std::chrono::milliseconds(*millis);
  return plan;
}

int run(char** words) {
  const auto plan = parse_plan(words);
  if (!plan) {
    std::fputs("an IPv4 address and three numbers are expected\n", stderr);
    return 2;
  }
  if (const auto good = checked(*plan); !good) {
    std::fprintf(stderr, "%s\n", good.error().message().c_str());
    return 2;
  }
  const auto result = flood(*plan);
  if (!result) {
    std::fprintf(stderr, "%s\n", result.error().message().c_str());
    return 1;
  }
  std::printf("sent %llu in %lld ms\n", static_cast<unsigned long long>(result->sent),
              static_cast<long long>(result->took.count()));
  return 0;
}

}  // namespace
}  // namespace weir::test

int main(int argc, char** argv) {
  if (argc == 5) return weir::test::run(argv + 1);
  std::fputs("usage: weir_syn_flood ADDRESS PORT SYNS_PER_SECOND MILLISECONDS\n", stderr);
  return 2;
}
