// A pool under load in virtual time, to compare policies: sessions arrive at random, a policy from
// src/balance picks their backend, each backend serves so many at once and lets the others wait. No clock, no
// sockets; the same seed gives the same sessions (when they come, who they are, what they ask for) to every
// policy.
#pragma once

#include <cstdint>
#include <string>

#include "balance/factory.h"

namespace weir::policies {

enum class Service { kExponential, kLognormal };

// Times are in mean service times of a backend that is not slow.
struct Scenario {
  std::string name;
  Service service = Service::kExponential;
  double slowness =
      1;  // of the first backend: what it serves and how it connects takes so many times as long
};

struct Contender {
  std::string name;
  balance::PolicyName policy;
  std::optional<double> hash_balance{};
  std::uint32_t most = balance::Member::kNoMost;  // sessions of a backend
};

struct Load {
  std::uint64_t seed = 1;
  std::uint64_t sessions = 400'000;  // the first tenth is not counted
  std::uint32_t backends = 20;
  std::uint32_t places = 4;        // served at once by a backend
  double use = 0.8;                // arrivals over what all can serve, slow or not
  std::uint32_t clients = 10'000;  // number n comes in proportion to 1 / sqrt(n)
};

struct Outcome {
  double most_over_mean =
      0;                 // the fullest backend's sessions in flight over the mean, on average over arrivals
  double mean_wait = 0;  // until it is served, in mean service times
  double p99_wait = 0;
};

Outcome simulate(const Scenario& scenario, const Contender& contender, const Load& load);

}  // namespace weir::policies
