// The soak: mixed load with faults for as long as one likes. Backends die, hang, stop listening and come
// back; clients reset, close and vanish; single sessions are reset. Every byte is compared on both sides,
// every session is joined with Weir's line on it, and what went wrong must be explained by a fault that
// befell that session or its backend while it was open. Meanwhile the configuration is read again and again,
// with other workers, options and listeners, which explains nothing. Memory and descriptors stay flat.
//
//   WEIR_SOAK_SECONDS  how long, in rounds of a minute (default: one short round)
//   WEIR_SOAK_SEED     repeats the schedule of faults and the plans of the sessions
//   WEIR_SOAK_LOG      a file for a line on each fault and each session that was disturbed
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>

#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/soak_conversation.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using namespace soak;
using Port = SoakBackend::Port;

constexpr std::size_t kBackends = 6;
constexpr unsigned kWorkers = 2;
constexpr unsigned kMostWorkers = 3;
constexpr std::size_t kPipesEach = 16;  // Weir's default
constexpr Millis kLongestRound{60'000};
constexpr Millis kSampleInterval{250};
constexpr std::size_t kSamplesPerReload = 8;

// Those who come and go make most of the sessions, the others most of those that are open.
constexpr std::size_t kHasty = kSanitized ? 8 : 48;
constexpr std::size_t kSettled = kSanitized ? 40 : 200;
constexpr Millis kHastyThinks[] = {Millis(10), Millis(60)};
constexpr Millis kSettledThinks[] = {Millis(100), Millis(900)};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

struct Sample {
  std::uint64_t memory = 0;
  std::size_t descriptors = 0;
  std::size_t pipe_ends = 0;
};

// The median of a member over one of the run's three thirds, counted from 0.
template <class T>
T median_of_third(const std::vector<Sample>& samples, std::size_t third, T Sample::*member) {
  std::vector<T> values;
  for (std::size_t i = samples.size() * third / 3; i < samples.size() * (third + 1) / 3; ++i) {
    values.push_back(samples[i].*member);
  }
  std::ranges::sort(values);
  return values.at(values.size() / 2);
}

// A check, and an ejection that ends within the run.
std::string watched(const std::string& pool, const std::string& check) {
  return "[pools." + pool + ".health]\ninterval = \"1s\"\ntimeout = \"1s\"\n" + check +  //
         "[pools." + pool + ".outlier]\neject_time = \"2s\"\n";
}

// The `variant`th; the first is what Weir starts with.
Configuration configuration_of(const std::vector<std::unique_ptr<SoakBackend>>& backends,
                               std::size_t variant = 0) {
  const std::string idle = "idle_timeout = \"" + std::to_string(kIdleTimeout.count()) + "ms\"\n";
  const std::string exchange = "type = \"exchange\"\nexchange = { send = \"" + std::string(kCheck) +
                               "\", expect = \"" + std::string(kCheckAnswer) + "\" }\n";
  Configuration configuration;
  constexpr unsigned kTeams[] = {kWorkers, kMostWorkers, 1};
  configuration.workers = kTeams[variant % std::size(kTeams)];
  configuration.listener = idle + "backlog = " + std::to_string(1'024 + variant % 5) + "\n";
  if (variant % 2 == 1) configuration.pool = "policy = \"least_connections\"\n";
  std::string greeting;
  for (const auto& backend : backends) {
    configuration.backends.push_back(entry(backend->address(Port::kPlain), backend->name()));
    greeting += entry(backend->address(Port::kGreeting), backend->name()) + ", ";
  }
  configuration.rest = watched("web", exchange) +                                                      //
                       "[listeners.greeting]\nbind = \"127.0.0.1:0\"\npool = \"greeting\"\n" + idle +  //
                       "[pools.greeting]\nbackends = [" + greeting + "]\n" +                           //
                       watched("greeting", "type = \"tcp\"\n");
  if (variant % 4 == 3) {
    configuration.rest += "[listeners.more]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n";
  }
  return configuration;
}

class Soak {
 public:
  explicit Soak(std::uint64_t seed)
      : common_(seed),
        journal_(std::getenv("WEIR_SOAK_LOG")),
        backends_(make_backends()),
        weir_(std::make_unique<WeirProcess>(configuration_of(backends_))),
        entrances_{weir_->address("web"), weir_->address("greeting")} {
    // What it opens at the first use is no growth, and the sockets of the most workers stay.
    weir_->admin().metrics();
    reload(1);
    reload(0);
    expect_workers(kWorkers);
    at_rest_ = descriptors_but_pipes();
  }

  const Tally& tally() const { return all_; }
  const std::vector<Sample>& samples() const { return samples_; }
  WeirProcess& weir() { return *weir_; }

  void round(std::size_t number, Millis span) {
    FaultDriver faults(backends_, schedule_of(common_.seed, number, kBackends, span), journal_);
    const auto deadline = Clock::now() + span;
    std::vector<Background> clients;
    for (std::size_t i = 0; i < kHasty + kSettled; ++i) {
      clients.emplace_back([this, deadline, dice = Dice(common_.seed, (number << 16) + i),
                            hasty = i < kHasty] { come_again(deadline, dice, hasty); });
    }
    while (Clock::now() < deadline) {
      observe_for(kSampleInterval);
      const pid_t pid = weir_->pid();
      samples_.push_back({resident_bytes(pid), descriptor_count(pid), pipe_end_count(pid)});
      take_log();
      if (samples_.size() % kSamplesPerReload == 0) reload(samples_.size() / kSamplesPerReload);
    }
    const std::vector<Fault> done = faults.stop();
    clients.clear();
    reload(0);
    expect_rest();
    const Tally tally = common_.ledger.close(std::exchange(log_, {}), done, journal_);
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
      visit(common_, entrances_, ++last_number_, kind);
    }
  }

  void reload(std::size_t variant) {
    std::ofstream(weir_->config_path()) << configuration_of(backends_, variant).to_toml();
    const std::size_t before = reloads_;
    weir_->child().signal(SIGHUP);
    EXPECT_TRUE(eventually([&] {
      take_log();
      return reloads_ > before;
    })) << "no word of a reload";
  }

  // Those that have left end when their last session has.
  void expect_workers(std::size_t count) {
    EXPECT_TRUE(eventually([&] {
      std::size_t workers = 0;
      const std::string text = weir_->admin().get("/metrics").body;
      for (std::size_t at = 0; (at = text.find("weir_worker_sessions_open{", at)) != std::string::npos;
           ++at) {
        ++workers;
      }
      return workers == count;
    }));
  }

  std::size_t descriptors_but_pipes() const {
    return descriptor_count(weir_->pid()) - pipe_end_count(weir_->pid());
  }

  // The log is taken as it comes, so that it does not fill the test's memory in a long run.
  void take_log() {
    for (std::string& text : weir_->child().take_lines()) {
      const auto line = parse_log_line(text);
      if (line && line->event == "session") {
        log_.push_back(std::move(text));
      } else if (line && line->event == "reload") {
        ++reloads_;
        EXPECT_EQ(line->level, "info") << text;
      } else if (!line || line->event == "log_lost") {
        ADD_FAILURE() << "Weir printed: " << text;
      }
    }
  }

  // Nobody is there: all is over, all is logged, and what was opened is closed.
  void expect_rest() {
    const std::size_t sessions = common_.ledger.sessions();
    EXPECT_TRUE(eventually([&] { return common_.ledger.open_at_backends() == 0; }))
        << "backends are not done";
    EXPECT_TRUE(
        eventually([&] { return weir_->admin().sum("weir_process_connections") == 0; }, kIdleTimeout * 2));
    EXPECT_TRUE(eventually([&] {
      take_log();
      return log_.size() >= sessions;
    })) << "Weir has logged "
        << log_.size() << " of " << sessions << " sessions";
    expect_workers(kWorkers);
    // Checks come and go.
    EXPECT_TRUE(eventually([&] { return descriptors_but_pipes() <= at_rest_; }))
        << descriptors_but_pipes() << " descriptors, and " << at_rest_ << " before the first session";
    EXPECT_LE(pipe_end_count(weir_->pid()), 2 * kPipesEach * kMostWorkers + 2 * kMostWorkers);
  }

  void report(std::size_t number, const Tally& tally) const {
    std::fprintf(stderr, "round %zu: %s; %.1f MiB of memory, %zu descriptors\n", number + 1,
                 tally.to_string().c_str(), static_cast<double>(samples_.back().memory) / (1 << 20),
                 descriptor_count(weir_->pid()));
  }

  Common common_;
  Journal journal_;
  std::vector<std::unique_ptr<SoakBackend>> backends_;
  std::unique_ptr<WeirProcess> weir_;
  Entrances entrances_;
  std::size_t at_rest_ = 0;
  std::atomic<std::uint64_t> last_number_{0};
  std::vector<std::string> log_;
  std::size_t reloads_ = 0;
  std::vector<Sample> samples_;
  Tally all_;
};

void expect_all_explained(const Tally& tally) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < std::min(tally.unexplained.size(), kShown); ++i) {
    ADD_FAILURE() << tally.unexplained[i];
  }
  EXPECT_EQ(tally.unexplained.size(), 0u) << "losses that no fault explains";
}

void expect_flat(const std::vector<Sample>& samples) {
  const std::uint64_t middle = median_of_third(samples, 1, &Sample::memory);
  const std::uint64_t last = median_of_third(samples, 2, &Sample::memory);
  std::fprintf(stderr, "memory in thirds: %.2f, %.2f, %.2f MiB; descriptors: %zu, %zu, %zu\n",
               static_cast<double>(median_of_third(samples, 0, &Sample::memory)) / (1 << 20),
               static_cast<double>(middle) / (1 << 20), static_cast<double>(last) / (1 << 20),
               median_of_third(samples, 0, &Sample::descriptors),
               median_of_third(samples, 1, &Sample::descriptors),
               median_of_third(samples, 2, &Sample::descriptors));
  if (kSanitized) return;  // its memory means nothing there
  EXPECT_LE(last, middle + middle / 20 + (1 << 20)) << "Weir's memory grows";
}

TEST(Soak, LosesNothingThatNoFaultExplains) {
  const std::uint64_t seed = number_from("WEIR_SOAK_SEED", std::random_device{}());
  const Millis total(1000 * number_from("WEIR_SOAK_SECONDS", 12));
  std::fprintf(stderr, "WEIR_SOAK_SEED=%llu\n", static_cast<unsigned long long>(seed));
  const auto rounds = static_cast<std::size_t>((total + kLongestRound - Millis(1)) / kLongestRound);
  Soak soak(seed);
  for (std::size_t i = 0; i < rounds; ++i) soak.round(i, total / rounds);

  expect_all_explained(soak.tally());
  expect_flat(soak.samples());
  EXPECT_EQ(soak.weir().admin().sum("weir_sessions_closed_total"), soak.tally().sessions);
  std::fprintf(stderr, "in all: %s\n", soak.tally().to_string().c_str());
  // It has shown something.
  EXPECT_EQ(soak.tally().faults.size(), kFaultKinds);
  EXPECT_EQ(soak.tally().kinds.size(), kKinds);
  EXPECT_GE(soak.tally().explained.size(), 3u);
  EXPECT_GT(std::ranges::max(soak.samples(), {}, &Sample::pipe_ends).pipe_ends, 4u) << "nothing was spliced";
  EXPECT_EQ(soak.weir().stop(), kClean);
}

}  // namespace
}  // namespace weir::test
