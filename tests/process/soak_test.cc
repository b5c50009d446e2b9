// The soak: mixed load with faults for as long as one likes. Backends die, hang, stop listening and come
// back; clients reset, close and vanish; single sessions are reset. Every byte is compared on both sides,
// every session is joined with Weir's line on it, and what went wrong must be explained by a fault that
// befell that session or its backend while it was open. Meanwhile the configuration is read again and again,
// with other workers, options, listeners and backends, sometimes with a mistake, and new processes take over:
// that explains nothing. Memory and descriptors stay flat, and each process's numbers are those of its log.
//
//   WEIR_SOAK_SECONDS  how long, in rounds of a minute (default: one short round)
//   WEIR_SOAK_SEED     repeats the schedule of faults and the plans of the sessions
//   WEIR_SOAK_LOG      a file for a line on each fault and each session that was disturbed
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/parallel.h"
#include "support/soak_conversation.h"
#include "support/soak_samples.h"
#include "support/soak_weir.h"
#include "support/soak_world.h"

namespace weir::test {
namespace {

using namespace soak;
using Port = SoakBackend::Port;

constexpr std::size_t kBackends = 6;
constexpr Millis kLongestRound{60'000};
constexpr Millis kSampleInterval{250};
constexpr std::size_t kSamplesPerReload = 8;
// A new process takes over in the first round and in each so many more, between two reloads.
constexpr std::size_t kRoundsPerUpgrade = 4;
constexpr std::size_t kSamplesBeforeUpgrade = 12;

// Those who come and go make most of the sessions, the others most of those that are open.
constexpr std::size_t kHasty = kSanitized ? 8 : 48;
constexpr std::size_t kSettled = kSanitized ? 40 : 200;
constexpr Millis kHastyThinks[] = {Millis(10), Millis(60)};
constexpr Millis kSettledThinks[] = {Millis(100), Millis(900)};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class Soak {
 public:
  explicit Soak(std::uint64_t seed)
      : common_(seed),
        journal_(std::getenv("WEIR_SOAK_LOG")),
        backends_(make_backends()),
        world_(backends_),
        weir_(world_, journal_) {}

  const Tally& tally() const { return all_; }
  const Samples& samples() const { return samples_; }
  SoakWeir& weir() { return weir_; }

  void round(std::size_t number, Millis span) {
    FaultDriver faults(backends_, schedule_of(common_.seed, number, kBackends, span), journal_);
    const auto deadline = Clock::now() + span;
    std::vector<Background> clients;
    for (std::size_t i = 0; i < kHasty + kSettled; ++i) {
      clients.emplace_back([this, deadline, dice = Dice(common_.seed, (number << 16) + i),
                            hasty = i < kHasty] { come_again(deadline, dice, hasty); });
    }
    for (std::size_t sample = 1; Clock::now() < deadline; ++sample) {
      observe_for(kSampleInterval);
      samples_.add(weir_.pid());
      weir_.look();
      if (sample % kSamplesPerReload == 0) reload();
      if (sample == kSamplesBeforeUpgrade && number % kRoundsPerUpgrade == 0) upgrade();
    }
    const std::vector<Fault> done = faults.stop();
    clients.clear();
    weir_.reload(0);
    expect_rest();
    const Tally tally = common_.ledger.close(weir_.take_sessions(), done, journal_);
    report(number, tally);
    all_.add(tally);
  }

 private:
  std::vector<std::unique_ptr<SoakBackend>> make_backends() {
    std::vector<std::unique_ptr<SoakBackend>> backends;
    for (std::size_t i = 0; i < kBackends; ++i) {
      const std::string number = std::to_string(i + 1);
      backends.push_back(std::make_unique<SoakBackend>(
          "b" + number, "127.0.2." + number, [this](SoakBackend& backend, Socket& socket, Port port) {
            serve(common_, backend, socket, port);
          }));
    }
    return backends;
  }

  void come_again(Clock::time_point deadline, Dice dice, bool hasty) {
    const auto& thinks = hasty ? kHastyThinks : kSettledThinks;
    while (Clock::now() < deadline) {
      observe_for(dice.between(thinks[0], thinks[1]));
      const Kind kind = hasty ? Kind::kTiny : static_cast<Kind>(dice.between(1, kKinds - 1));
      visit(common_, weir_.entrances(), ++last_number_, kind);
    }
  }

  void reload() {
    ++variant_;
    if (variant_ % 3 == 0) weir_.reload_badly(variant_);
    weir_.reload(variant_);
  }

  void upgrade() {
    ++variant_;
    weir_.upgrade_badly(variant_);
    weir_.upgrade(variant_);
  }

  // Nobody is there: all is over, and all is logged.
  void expect_rest() {
    EXPECT_TRUE(eventually([&] { return common_.ledger.open_at_backends() == 0; }))
        << "backends are not done";
    weir_.expect_rest(common_.ledger.sessions());
  }

  void report(std::size_t number, const Tally& tally) const {
    std::fprintf(stderr, "round %zu: %s; so far %s; %.1f MiB of memory\n", number + 1,
                 tally.to_string().c_str(), weir_.to_string().c_str(),
                 static_cast<double>(samples_.last_memory()) / (1 << 20));
  }

  Common common_;
  Journal journal_;
  std::vector<std::unique_ptr<SoakBackend>> backends_;
  SoakWorld world_;
  SoakWeir weir_;
  std::size_t variant_ = 0;
  std::atomic<std::uint64_t> last_number_{0};
  Samples samples_;
  Tally all_;
};

void expect_all_explained(const Tally& tally) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(tally.unexplained.size(), kShown); ++i) {
    ADD_FAILURE() << tally.unexplained[i];
  }
  EXPECT_EQ(tally.unexplained.size(), 0u) << "losses that no fault explains";
}

TEST(Soak, LosesNothingThatNoFaultExplains) {
  const std::uint64_t seed = number_from("WEIR_SOAK_SEED", std::random_device{}());
  const Millis total(1000 * number_from("WEIR_SOAK_SECONDS", 12));
  std::fprintf(stderr, "WEIR_SOAK_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const auto rounds = static_cast<std::size_t>((total + kLongestRound - Millis(1)) / kLongestRound);
  Soak soak(seed);
  for (std::size_t i = 0; i < rounds; ++i) soak.round(i, total / rounds);

  expect_all_explained(soak.tally());
  soak.samples().expect_flat();
  std::fprintf(stderr, "in all: %s\n", soak.tally().to_string().c_str());
  // It has shown something.
  EXPECT_EQ(soak.tally().faults.size(), kFaultKinds);
  EXPECT_EQ(soak.tally().kinds.size(), kKinds);
  EXPECT_GE(soak.tally().explained.size(), 3u);
  EXPECT_GT(soak.samples().most_pipe_ends(), 4u) << "nothing was spliced";
  EXPECT_EQ(soak.weir().stop(), kClean);
}

}  // namespace
}  // namespace weir::test
