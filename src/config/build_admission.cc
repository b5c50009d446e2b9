#include "config/build_admission.h"

#include <fmt/format.h>

#include "config/text.h"

namespace weir::config {
namespace {

// What was changed and has no effect, since what it belongs to is off.
void warn_of_idle(TableReader& reader, const LimitsConfig& limits) {
  const LimitsConfig usual;
  const auto warn = [&](bool is_usual, std::string_view name, std::string_view needed) {
    if (!is_usual) reader.warn(name, limits.place, fmt::format("it says nothing without {}", needed));
  };
  if (limits.when_exceeded != WhenExceeded::kTarpit) {
    constexpr std::string_view kTarpit = "when_exceeded = \"tarpit\"";
    warn(limits.tarpit_time == usual.tarpit_time, "tarpit_time", kTarpit);
    warn(limits.tarpit_max == usual.tarpit_max, "tarpit_max", kTarpit);
  }
  if (!limits.limits_clients()) {
    constexpr std::string_view kClients = "client_max_connections or client_connection_rate";
    warn(limits.client_prefix_ipv4 == usual.client_prefix_ipv4, "client_prefix_ipv4", kClients);
    warn(limits.client_prefix_ipv6 == usual.client_prefix_ipv6, "client_prefix_ipv6", kClients);
    warn(limits.client_table_size == usual.client_table_size, "client_table_size", kClients);
    warn(limits.table_full == usual.table_full, "table_full", kClients);
  }
}

void read_limits(TableReader& reader, LimitsConfig& out) {
  reader.read_count("max_connections", out.max_connections);
  out.connection_rate = read_connection_rate(reader);
  reader.read_count("client_max_connections", out.client_max_connections);
  out.client_connection_rate = read_connection_rate(reader, "client_");
  reader.read_count("client_prefix_ipv4", out.client_prefix_ipv4);
  reader.read_count("client_prefix_ipv6", out.client_prefix_ipv6);
  reader.read_count("client_table_size", out.client_table_size);
  reader.read_word("table_full", out.table_full);
  reader.read_rate("upload_rate", out.upload_rate);
  reader.read_rate("download_rate", out.download_rate);
  reader.read_word("when_exceeded", out.when_exceeded);
  reader.read_duration("tarpit_time", out.tarpit_time);
  reader.read_count("tarpit_max", out.tarpit_max);
  reader.read_flag("dry_run", out.dry_run);
  warn_of_idle(reader, out);
}

}  // namespace

std::optional<ConnectionRate> read_connection_rate(TableReader& reader, const std::string& prefix) {
  std::optional<base::Rate> rate;
  Placed<std::optional<unsigned>> burst;
  reader.read_rate(prefix + "connection_rate", rate);
  reader.read_count(prefix + "connection_burst", burst);
  if (rate) return ConnectionRate{*rate, burst.value.value_or(base::default_burst(*rate))};
  if (burst.value) {
    reader.warn(prefix + "connection_burst", burst.place,
                fmt::format("it says nothing without {}connection_rate", prefix));
  }
  return std::nullopt;
}

AccessConfig build_access(const Node& table, const std::string& path, Problems& problems) {
  AccessConfig out;
  out.place = table.place;
  TableReader reader(Section::kListenerAccess, table, path, table.place, problems);
  reader.read_clients("allow", out.allow);
  reader.read_clients("deny", out.deny);
  reader.read_paths("allow_files", out.allow.files);
  reader.read_paths("deny_files", out.deny.files);
  reader.read_flag("kernel_drop", out.kernel_drop);
  reader.finish();
  if (out.kernel_drop && !out.is_given()) {
    add_warning(problems, table.place,
                fmt::format("{}.kernel_drop: nobody is denied, so nothing is dropped", path));
  }
  return out;
}

void build_listener_limits(const Node& table, const std::string& path, ListenerConfig& out,
                           Problems& problems) {
  TableReader reader(Section::kListenerLimits, table, path, table.place, problems);
  out.limits.place = table.place;
  reader.read_text("shared", out.shared_limits);
  read_limits(reader, out.limits);
  reader.finish();
  if (out.shared_limits.value.empty()) return;
  for (const Entry& entry : table.entries) {
    if (entry.key == "shared" || find_key(Section::kListenerLimits, entry.key) == nullptr) continue;
    add_error(
        problems, entry.place,
        fmt::format("{}.{}: with \"shared\" all limits come from [limits.{}]: write it there, or remove "
                    "\"shared\"",
                    path, entry.key, key_text(out.shared_limits.value)));
  }
}

LimitsConfig build_limits(const Entry& entry, Problems& problems) {
  LimitsConfig out;
  out.name = entry.key;
  out.place = entry.place;
  TableReader reader(Section::kLimits, entry.value, "limits." + entry.key, entry.place, problems);
  read_limits(reader, out);
  reader.finish();
  return out;
}

}  // namespace weir::config
