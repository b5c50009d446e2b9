#include "config/build_pool.h"

#include <fmt/format.h>

#include "config/build_backend.h"
#include "config/build_health.h"
#include "config/build_name_servers.h"
#include "config/build_pool_tls.h"
#include "config/build_proxy.h"
#include "config/build_source.h"
#include "config/limits.h"
#include "config/pool_scalars.h"
#include "config/table_reader.h"

namespace weir::config {
namespace {

void read_backends(TableReader& reader, PoolConfig& out, Problems& problems) {
  const Node* node = reader.take("backends");
  if (node == nullptr) return;
  const Key& key = *find_key(Section::kPool, "backends");
  if (node->kind != Kind::kList) {
    const std::string_view advice = node->kind == Kind::kString ? "; put it in brackets" : "";
    return reader.fail("backends", node->place, mismatch(key, *node).append(advice));
  }
  if (node->items.empty()) {
    return reader.fail("backends", node->place, "the list is empty: a pool needs at least one backend");
  }
  if (node->items.size() > kMaxBackends) {
    return reader.fail(
        "backends", node->place,
        fmt::format("found {} backends, at most {} are allowed in a pool", node->items.size(), kMaxBackends));
  }
  for (const Node& item : node->items) {
    auto backend = build_backend(item, "pools." + out.name + ".backends", out.resolve.use, problems);
    if (backend) out.backends.push_back(*std::move(backend));
  }
}

ResolveConfig build_resolve(const Node& table, const std::string& path, Problems& problems) {
  ResolveConfig out;
  out.place = table.place;
  TableReader reader(Section::kResolve, table, path, table.place, problems);
  reader.read_duration("interval", out.interval);
  reader.read_flag("hold_last_good", out.hold_last_good);
  reader.read_word("use", out.use);
  read_name_servers(reader, out.servers);
  reader.finish();
  return out;
}

PoolSessionsConfig build_sessions(const Node& table, const std::string& path, Problems& problems) {
  PoolSessionsConfig out;
  TableReader reader(Section::kPoolSessions, table, path, table.place, problems);
  reader.read_value("on_down", parse_fate, out.on_down);
  reader.read_value("on_removed", parse_fate, out.on_removed);
  reader.read_value("on_maintenance", parse_fate, out.on_maintenance);
  reader.finish();
  return out;
}

OutlierConfig build_outlier(const Node& table, const std::string& path, Problems& problems) {
  OutlierConfig out;
  const OutlierConfig usual;
  TableReader reader(Section::kOutlier, table, path, table.place, problems);
  reader.read_count("consecutive_failures", out.consecutive_failures);
  reader.read_duration("eject_time", out.eject_time);
  reader.read_decimal("max_ejected", out.max_ejected);
  reader.read_flag("observe_resets", out.observe_resets);
  reader.finish();
  const bool is_off = out.consecutive_failures == 0;
  const auto warn = [&](bool is_usual, std::string_view name) {
    if (!is_usual)
      reader.warn_at_key(name, "it says nothing with consecutive_failures = 0, which ejects nobody");
  };
  if (is_off) {
    warn(out.eject_time == usual.eject_time, "eject_time");
    warn(out.max_ejected == usual.max_ejected, "max_ejected");
    warn(out.observe_resets == usual.observe_resets, "observe_resets");
  } else if (out.max_ejected == 0) {
    reader.warn_at_key("max_ejected",
                       "0 means that no backend is ever ejected: those whose connects fail are used only "
                       "when no other is left, and those that reset are used on; write a larger share, or "
                       "consecutive_failures = 0 for neither");
  }
  return out;
}

void read_warm_connections(TableReader& reader, PoolConfig& out) {
  reader.read_count("warm_connections", out.warm_connections);
  if (out.warm_connections == 0 || !out.transparent) return;
  reader.fail_at_key(
      "warm_connections",
      "with transparent = true a connection comes from its client's address, so none can be made "
      "before the client is there: write 0, or transparent = false");
}

// Only a check of type "tls" speaks TLS where the pool does not.
void check_name_of_checks(const Node& health, const std::string& path, const PoolConfig& pool,
                          Problems& problems) {
  const Entry* entry = health.find("server_name");
  const CheckType type = pool.health->type;
  const bool follows_pool = type == CheckType::kHttp || type == CheckType::kExchange;
  if (entry == nullptr || pool.health->server_name.empty() || !follows_pool || pool.encrypts()) return;
  const std::string advice =
      pool.tls ? fmt::format("write enabled = true in [{}.tls]", path) : fmt::format("add [{}.tls]", path);
  add_error(problems, entry->value.place,
            fmt::format("{}.health.server_name: it has no effect, since these checks speak no TLS: {}, or "
                        "remove this key",
                        path, advice));
}

// What was changed and has no effect, since what it belongs to is off.
void warn_of_idle(TableReader& reader, const PoolConfig& pool) {
  const PoolConfig usual;
  const auto warn = [&](bool is_usual, std::string_view name, std::string_view text) {
    if (!is_usual) reader.warn_at_key(name, text);
  };
  if (pool.policy != PolicyKind::kSourceHash) {
    constexpr std::string_view kNoHash = "it says nothing without policy = \"source_hash\"";
    warn(pool.hash_key == usual.hash_key, "hash_key", kNoHash);
    warn(pool.hash_balance == usual.hash_balance, "hash_balance", kNoHash);
  } else if (pool.slow_start) {
    reader.warn_at_key("slow_start",
                       "it has no effect with policy = \"source_hash\": a backend that comes back has its "
                       "clients at once, since each belongs to one backend");
  }
  if (pool.queue_length == 0) {
    warn(pool.queue_timeout == usual.queue_timeout, "queue_timeout",
         "it says nothing with queue_length = 0: nobody waits, a client that finds every backend full is "
         "turned away");
  }
}

}  // namespace

PoolConfig build_pool(const Entry& entry, Problems& problems) {
  PoolConfig out;
  out.name = entry.key;
  out.place = entry.place;
  TableReader reader(Section::kPool, entry.value, "pools." + entry.key, entry.place, problems);
  reader.read_word("policy", out.policy);
  // First, since it says what the names among the backends are.
  out.resolve = build_resolve(reader.nested("resolve"), "pools." + entry.key + ".resolve", problems);
  read_backends(reader, out, problems);
  reader.read_duration("connect_timeout", out.connect_timeout);
  reader.read_count("retries", out.retries);
  reader.read_duration("slow_start", out.slow_start);
  reader.read_decimal("panic_threshold", out.panic_threshold);
  reader.read_count("queue_length", out.queue_length);
  reader.read_duration("queue_timeout", out.queue_timeout);
  reader.read_value("hash_key", parse_hash_key, out.hash_key);
  reader.read_decimal("hash_balance", out.hash_balance);
  reader.read_text("fallback_pool", out.fallback_pool);
  read_source(reader, out);
  read_warm_connections(reader, out);
  read_send_proxy(reader, out);
  const std::string path = "pools." + entry.key;
  read_pool_tls(reader, path, out, problems);
  const Node* health = reader.written("health");
  const Node& health_table = reader.nested("health");
  if (health != nullptr && health->kind == Kind::kTable) {
    out.health = build_health(health_table, path + ".health", problems);
    check_name_of_checks(health_table, path, out, problems);
  }
  out.sessions = build_sessions(reader.nested("sessions"), path + ".sessions", problems);
  out.outlier = build_outlier(reader.nested("outlier"), path + ".outlier", problems);
  reader.finish();
  warn_of_idle(reader, out);
  return out;
}

}  // namespace weir::config
