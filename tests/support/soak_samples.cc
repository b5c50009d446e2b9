#include "support/soak_samples.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <optional>

#include "support/process_facts.h"

namespace weir::test::soak {
namespace {

// A shorter life says nothing, and of one that is not a longer one the beginning is a part, in which memory
// grows.
constexpr std::size_t kLeastSamples = 20;
constexpr std::size_t kManySamples = 100;

double mebibytes(std::uint64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

// A twentieth, and what a small process may come by: workers that come and go have the library's arenas in
// turn, each of which keeps a mebibyte or two once it was busy.
std::uint64_t with_slack(std::uint64_t bytes) { return bytes + bytes / 20 + (3u << 20); }

// Sessions and their pipes come and go by chance, and what is open at the most of them is not what is left
// over: that expect_rest looks at.
std::size_t with_sessions(std::size_t descriptors) { return descriptors + descriptors / 2 + 64; }

}  // namespace

void Samples::add(pid_t pid) {
  if (lives_.empty() || lives_.back().pid != pid) lives_.push_back({pid, {}});
  lives_.back().samples.push_back({resident_bytes(pid), descriptor_count(pid)});
  most_pipe_ends_ = std::max(most_pipe_ends_, pipe_end_count(pid));
  ++count_;
}

template <class T>
T Samples::median_of_third(const Life& life, std::size_t third, T Sample::*member) {
  std::vector<T> values;
  for (std::size_t i = life.samples.size() * third / 3; i < life.samples.size() * (third + 1) / 3; ++i) {
    values.push_back(life.samples[i].*member);
  }
  std::ranges::sort(values);
  return values.at(values.size() / 2);
}

void Samples::expect_flat() const {
  std::optional<std::uint64_t> of_first;
  for (const Life& life : lives_) {
    if (life.samples.size() < kLeastSamples) continue;
    const auto memory = [&](std::size_t third) { return median_of_third(life, third, &Sample::memory); };
    const auto descriptors = [&](std::size_t third) {
      return median_of_third(life, third, &Sample::descriptors);
    };
    std::fprintf(
        stderr,
        "process %d, %zu samples, in thirds: %.2f, %.2f, %.2f MiB of memory; %zu, %zu, %zu descriptors\n",
        life.pid, life.samples.size(), mebibytes(memory(0)), mebibytes(memory(1)), mebibytes(memory(2)),
        descriptors(0), descriptors(1), descriptors(2));
    EXPECT_LE(descriptors(2), with_sessions(descriptors(1))) << "Weir has more and more descriptors open";
    if (kSanitized) continue;  // its memory means nothing there
    EXPECT_LE(memory(2), with_slack(memory(1))) << "Weir's memory grows";
    if (life.samples.size() < kManySamples) continue;
    of_first = of_first.value_or(memory(2));
    EXPECT_LE(memory(2), with_slack(*of_first)) << "processes have more memory than those before";
  }
}

}  // namespace weir::test::soak
