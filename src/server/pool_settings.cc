#include "server/pool_settings.h"

#include "server/random_seed.h"

namespace weir::server {
namespace {

balance::PolicyName policy_of(config::PolicyKind kind) {
  switch (kind) {
    case config::PolicyKind::kRoundRobin:
      return balance::PolicyName::kRoundRobin;
    case config::PolicyKind::kLeastConnections:
      return balance::PolicyName::kLeastConnections;
    case config::PolicyKind::kRandomTwo:
      return balance::PolicyName::kRandomTwo;
    case config::PolicyKind::kFastest:
      return balance::PolicyName::kFastest;
    case config::PolicyKind::kSourceHash:
      return balance::PolicyName::kSourceHash;
    case config::PolicyKind::kFirst:
      return balance::PolicyName::kFirst;
  }
  return balance::PolicyName::kRoundRobin;
}

pool::HealthRules health_of(const std::optional<config::HealthConfig>& from) {
  pool::HealthRules rules;
  if (!from) return rules;
  rules.is_checked = true;
  rules.rise = from->rise;
  rules.fall = from->fall;
  rules.initially_up = from->initially_up;
  return rules;
}

}  // namespace

pool::PoolSettings pool_settings(const config::PoolConfig& from) {
  pool::PoolSettings settings;
  settings.name = from.name;
  settings.connect_timeout = from.connect_timeout;
  settings.retries = from.retries;
  settings.queue_length = from.queue_length;
  settings.queue_timeout = from.queue_timeout;
  settings.client_hash = {from.hash_key.ipv4_bits, from.hash_key.ipv6_bits};
  settings.roster.policy = policy_of(from.policy);
  settings.roster.policy_options = {random_seed(), from.hash_balance};
  settings.roster.health = health_of(from.health);
  settings.roster.ejection = {from.outlier.consecutive_failures, from.outlier.eject_time,
                              from.outlier.max_ejected, from.outlier.observe_resets};
  settings.roster.slow_start = from.slow_start;
  settings.roster.panic_threshold = from.panic_threshold;
  return settings;
}

}  // namespace weir::server
