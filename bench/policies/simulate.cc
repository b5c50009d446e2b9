// Compares the balancing policies in a simulation: prints a table, or with --csv what draw.py draws.
#include <charconv>
#include <cstdio>
#include <string_view>
#include <vector>

#include "policies/simulation.h"

namespace weir::policies {
namespace {

const std::vector<Scenario> kScenarios{
    {"exponential", Service::kExponential},
    {"heavy-tailed", Service::kLognormal},
    {"exponential, one slow", Service::kExponential, 3},
    {"heavy-tailed, one slow", Service::kLognormal, 3},
};

std::vector<Contender> contenders(const Load& load) {
  return {
      {"round_robin", balance::PolicyName::kRoundRobin},
      {"least_connections", balance::PolicyName::kLeastConnections},
      {"random_two", balance::PolicyName::kRandomTwo},
      {"fastest", balance::PolicyName::kFastest},
      {"source_hash", balance::PolicyName::kSourceHash},
      {"source_hash 1.25", balance::PolicyName::kSourceHash, 1.25},
      // It needs a maximum to go on to the next: what a backend serves at once, and as many again that wait.
      {"first", balance::PolicyName::kFirst, {}, 2 * load.places}};
}

struct Options {
  Load load;
  bool as_csv = false;
};

bool parse_number(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

bool parse_options(const std::vector<std::string_view>& arguments, Options& options) {
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool has_value = i + 1 < arguments.size();
    if (arguments[i] == "--csv") {
      options.as_csv = true;
    } else if (arguments[i] == "--seed" && has_value) {
      if (!parse_number(arguments[++i], options.load.seed)) return false;
    } else if (arguments[i] == "--sessions" && has_value) {
      if (!parse_number(arguments[++i], options.load.sessions) || options.load.sessions < 100) return false;
    } else {
      return false;
    }
  }
  return true;
}

void run(const Options& options) {
  if (options.as_csv) std::puts("scenario,policy,most_over_mean,mean_wait,p99_wait");
  for (const Scenario& scenario : kScenarios) {
    if (!options.as_csv) {
      std::printf("\n%-24s %14s %12s %12s\n", scenario.name.c_str(), "most over mean", "mean wait",
                  "p99 wait");
    }
    for (const Contender& contender : contenders(options.load)) {
      const Outcome outcome = simulate(scenario, contender, options.load);
      std::printf(options.as_csv ? "\"%s\",\"%s\",%.4f,%.5f,%.5f\n" : "%.0s  %-22s %14.2f %12.3f %12.2f\n",
                  scenario.name.c_str(), contender.name.c_str(), outcome.most_over_mean, outcome.mean_wait,
                  outcome.p99_wait);
    }
  }
}

}  // namespace
}  // namespace weir::policies

int main(int count, char** arguments) {
  weir::policies::Options options;
  if (!weir::policies::parse_options({arguments + 1, arguments + count}, options)) {
    std::fputs("usage: simulate_policies [--csv] [--seed N] [--sessions N, 100 or more]\n", stderr);
    return 2;
  }
  weir::policies::run(options);
  return 0;
}
