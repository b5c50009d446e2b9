#include "support/soak_world.h"

#include <array>

#include "support/soak_plan.h"

namespace weir::test::soak {
namespace {

using Port = SoakBackend::Port;

constexpr std::array<unsigned, 3> kTeams{kWorkers, kMostWorkers, 1};
constexpr std::array<const char*, 3> kPolicies{"round_robin", "least_connections", "random_two"};

// A check, an ejection that ends within the run, and sessions that stay when their backend is taken away.
std::string watched(const std::string& pool, const std::string& check) {
  return "[pools." + pool + ".health]\ninterval = \"1s\"\ntimeout = \"1s\"\n" + check +  //
         "[pools." + pool + ".outlier]\neject_time = \"2s\"\n" +                         //
         "[pools." + pool + ".sessions]\non_removed = \"keep\"\n";
}

std::string listener(const std::string& name, const std::string& bind, const std::string& pool) {
  return "[listeners." + name + "]\nbind = \"" + bind + "\"\npool = \"" + pool + "\"\n";
}

}  // namespace

Configuration SoakWorld::configuration(std::size_t variant) const {
  const std::string idle = "idle_timeout = \"" + std::to_string(kIdleTimeout.count()) + "ms\"\n";
  const std::string options = idle + "backlog = " + std::to_string(1'024 + variant % 5) + "\n";
  const std::string exchange = "type = \"exchange\"\nexchange = { send = \"" + std::string(kCheck) +
                               "\", expect = \"" + std::string(kCheckAnswer) + "\" }\n";
  const std::string policy = "policy = \"" + std::string(kPolicies[variant / 2 % kPolicies.size()]) + "\"\n";
  // One of the backends is not there now and then.
  const std::size_t missing = variant % 4 == 2 ? variant / 4 % backends_.size() : backends_.size();
  Configuration configuration;
  configuration.workers = kTeams[variant % kTeams.size()];
  configuration.listener = options;
  configuration.pool = policy;
  std::string greeting;
  for (std::size_t i = 0; i < backends_.size(); ++i) {
    if (i == missing) continue;
    const SoakBackend& backend = *backends_[i];
    configuration.backends.push_back(entry(backend.address(Port::kPlain), backend.name()));
    greeting += entry(backend.address(Port::kGreeting), backend.name()) + ", ";
  }
  configuration.rest = watched("web", exchange) + listener("greeting", "127.0.0.1:0", "greeting") + options +
                       "[pools.greeting]\nbackends = [" + greeting + "]\n" + policy +
                       watched("greeting", "type = \"tcp\"\n");
  if (variant % 4 == 3) configuration.rest += listener("more", "127.0.0.1:0", "web");
  return configuration;
}

std::string SoakWorld::broken(std::size_t variant) const {
  Configuration configuration = this->configuration(variant);
  switch (variant % 3) {
    case 0:
      return configuration.to_toml().substr(0, 40) + "\n[[[";
    case 1:
      configuration.pool += "retries = 99\n";
      return configuration.to_toml();
    default:
      // Found out last, when all the rest is there.
      configuration.workers = kMostWorkers;
      configuration.rest += listener("taken", taken_.address().to_string(), "web");
      return configuration.to_toml();
  }
}

}  // namespace weir::test::soak
