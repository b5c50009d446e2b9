#include "server/pool_settings.h"

#include <algorithm>

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

pool::ProxySending sending_of(const config::PoolConfig& from) {
  pool::ProxySending sending;
  switch (from.send_proxy) {
    case config::SendProxy::kOff:
      return sending;
    case config::SendProxy::kV1:
      sending.version = pool::ProxyVersion::kV1;
      break;
    case config::SendProxy::kV2:
      sending.version = pool::ProxyVersion::kV2;
      break;
  }
  const auto says = [&](config::ProxyDetail detail) {
    return std::find(from.proxy_tlvs.begin(), from.proxy_tlvs.end(), detail) != from.proxy_tlvs.end();
  };
  sending.authority = says(config::ProxyDetail::kAuthority);
  sending.alpn = says(config::ProxyDetail::kAlpn);
  sending.unique_id = says(config::ProxyDetail::kUniqueId);
  sending.crc32c = says(config::ProxyDetail::kCrc32c);
  sending.ssl = says(config::ProxyDetail::kSsl);
  return sending;
}

}  // namespace

pool::PoolSettings pool_settings(const config::PoolConfig& from) {
  pool::PoolSettings settings;
  settings.name = from.name;
  settings.connect_timeout = from.connect_timeout;
  settings.retries = from.retries;
  settings.queue_length = from.queue_length;
  settings.queue_timeout = from.queue_timeout;
  settings.client_hash = {from.hash_key.ipv4_bits, from.hash_key.ipv6_bits, from.hash_key.by_server_name};
  settings.send_proxy = sending_of(from);
  settings.transparent = from.transparent;
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
