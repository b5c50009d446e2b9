#include "support/pool_facts.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <stdexcept>

namespace weir::test {
namespace {

using Json = nlohmann::json;

Json named(const Json& list, const std::string& name) {
  for (const Json& one : list) {
    if (one.at("name") == name) return one;
  }
  throw std::runtime_error("nothing is called " + name + " in " + list.dump());
}

Json pool_json(const WeirProcess& weir, const std::string& pool) {
  return named(Json::parse(weir.admin().get("/v1/pools").body).at("pools"), pool);
}

}  // namespace

BackendFacts facts_of(const WeirProcess& weir, const std::string& backend, const std::string& pool) {
  const Json json = named(pool_json(weir, pool).at("backends"), backend);
  BackendFacts facts;
  facts.state = json.at("state");
  facts.state_reason = json.value("state_reason", "");
  facts.weight_ratio = json.at("weight_ratio");
  facts.in_flight = json.at("in_flight");
  facts.sessions = json.at("sessions_total");
  facts.attempts = json.at("connect_attempts_total");
  facts.failures = json.at("connect_failures_total");
  facts.early_resets = json.at("early_resets_total");
  facts.ejections = json.at("ejections_total");
  facts.checks_passed = json.at("checks_passed_total");
  facts.checks_failed = json.at("checks_failed_total");
  facts.warm = json.at("warm_connections");
  facts.warm_used = json.at("warm_used_total");
  facts.warm_given_up = json.at("warm_given_up_total");
  facts.warm_failed = json.at("warm_failed_total");
  return facts;
}

std::map<std::string, PortFacts> ports_of(const WeirProcess& weir, const std::string& backend,
                                          const std::string& pool) {
  std::map<std::string, PortFacts> facts;
  const Json shown = named(pool_json(weir, pool).at("backends"), backend);
  for (const Json& json : shown.at("ports")) {
    const auto number = [&](const char* key) {
      return json.at(key).is_null() ? std::int64_t{-1} : json.at(key).get<std::int64_t>();
    };
    facts[json.at("source")] = {number("held"),   number("time_wait"), number("free"),
                                number("usable"), number("dry_in"),    number("dry_total")};
  }
  return facts;
}

PoolFacts pool_facts(const WeirProcess& weir, const std::string& pool) {
  const Json json = pool_json(weir, pool);
  PoolFacts facts;
  facts.healthy = json.at("healthy");
  facts.waiting = json.at("waiting");
  facts.retries = json.at("retries_total");
  facts.retries_denied = json.at("retries_denied_total");
  facts.fallbacks = json.at("fallbacks_total");
  facts.panic = json.at("panic");
  return facts;
}

bool becomes(const WeirProcess& weir, const std::string& backend, const std::string& state, Millis patience) {
  return eventually([&] { return facts_of(weir, backend).state == state; }, patience);
}

bool waiting_become(const WeirProcess& weir, std::uint64_t sessions) {
  return eventually([&] { return pool_facts(weir).waiting == sessions; });
}

std::vector<LogLine> events_of(const WeirProcess& weir, const std::string& event,
                               const std::string& backend) {
  std::vector<LogLine> found = weir.events(event);
  std::erase_if(found, [&](const LogLine& line) { return line.text("backend") != backend; });
  return found;
}

LogLine wait_for_event_of(const WeirProcess& weir, const std::string& event, const std::string& backend,
                          std::size_t count) {
  std::vector<LogLine> found;
  const bool came = eventually([&] {
    found = events_of(weir, event, backend);
    return found.size() >= count;
  });
  EXPECT_TRUE(came) << "only " << found.size() << " of " << count << " " << event << " of " << backend
                    << " were logged";
  return found.empty() ? LogLine{} : found.back();
}

}  // namespace weir::test
