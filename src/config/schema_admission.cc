#include <array>

#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 3> kWhenExceededWords{"reset", "close", "tarpit"};
constexpr std::array<std::string_view, 2> kTableFullWords{"admit", "refuse"};

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kMostConnections = 10'000'000;
constexpr std::int64_t kMostBurst = 1'000'000'000;

constexpr Key kRate{.section = Section::kLimits,
                    .name = "connection_rate",
                    .type = ValueType::kRate,
                    .default_value = "\"off\"",
                    .special = "off",
                    .help = "New connections in a time. Counted where they are admitted, to the exact one."};
constexpr Key kBurst{.section = Section::kLimits,
                     .name = "connection_burst",
                     .type = ValueType::kCount,
                     .default_value = "\"auto\"",
                     .special = "auto",
                     .least = 1,
                     .most = kMostBurst,
                     .help =
                         "How many may come at once after a quiet time. `auto` is one second's worth of "
                         "`connection_rate`, at least one."};

constexpr Key in(Section section, Key key) {
  key.section = section;
  return key;
}

const auto kAccess = std::to_array<Key>({
    {.section = Section::kListenerAccess,
     .name = "allow",
     .type = ValueType::kClientList,
     .default_value = "[]",
     .help = "Clients that may come in."},
    {.section = Section::kListenerAccess,
     .name = "deny",
     .type = ValueType::kClientList,
     .default_value = "[]",
     .help = "Clients that may not."},
    {.section = Section::kListenerAccess,
     .name = "allow_files",
     .type = ValueType::kPathList,
     .default_value = "[]",
     .help = "Files of more clients that may come in: one network or address a line, `#` begins a comment. A "
             "relative "
             "name stands beside the configuration. A file that changes is read again while Weir runs; one "
             "with a "
             "mistake leaves the old list in force."},
    {.section = Section::kListenerAccess,
     .name = "deny_files",
     .type = ValueType::kPathList,
     .default_value = "[]",
     .help = "Files of more clients that may not."},
    {.section = Section::kListenerAccess,
     .name = "kernel_drop",
     .type = ValueType::kFlag,
     .default_value = "false",
     .help = "Drops the packets of denied clients in the kernel, before a connection exists: they get no "
             "answer at "
             "all."},
});

const auto kLimits = std::to_array<Key>({
    {.section = Section::kLimits,
     .name = "max_connections",
     .type = ValueType::kCount,
     .default_value = "\"off\"",
     .special = "off",
     .least = 1,
     .most = kMostConnections,
     .help = "Connections held at the same time."},
    kRate,
    kBurst,
    {.section = Section::kLimits,
     .name = "client_max_connections",
     .type = ValueType::kCount,
     .default_value = "\"off\"",
     .special = "off",
     .least = 1,
     .most = kMostConnections,
     .help = "Connections that each client may hold at the same time."},
    {.section = Section::kLimits,
     .name = "client_connection_rate",
     .type = ValueType::kRate,
     .default_value = "\"off\"",
     .special = "off",
     .help = "New connections of each client in a time."},
    {.section = Section::kLimits,
     .name = "client_connection_burst",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 1,
     .most = kMostBurst,
     .help = "How many of them may come at once after a quiet time. `auto` is one second's worth of "
             "`client_connection_rate`, at least one."},
    {.section = Section::kLimits,
     .name = "client_prefix_ipv4",
     .type = ValueType::kCount,
     .default_value = "32",
     .least = 1,
     .most = 32,
     .help = "IPv4 addresses that agree in so many leading bits are one client."},
    {.section = Section::kLimits,
     .name = "client_prefix_ipv6",
     .type = ValueType::kCount,
     .default_value = "64",
     .least = 1,
     .most = 128,
     .help = "The same for IPv6, where one customer usually has a /64."},
    {.section = Section::kLimits,
     .name = "client_table_size",
     .type = ValueType::kCount,
     .default_value = "65536",
     .least = 16,
     .most = 16'777'216,
     .help = "Clients that can be remembered at the same time; the table has room for some more, so "
             "that each of its parts can hold its share. Its memory is taken at start and printed. A "
             "client is "
             "forgotten only when it has no connection and its burst is whole again."},
    {.section = Section::kLimits,
     .name = "table_full",
     .type = ValueType::kWord,
     .default_value = "\"admit\"",
     .words = kTableFullWords,
     .help = "What becomes of a new client when nobody can be forgotten: `admit` lets it in without limits "
             "of its own, "
             "`refuse` does not."},
    {.section = Section::kLimits,
     .name = "upload_rate",
     .type = ValueType::kByteRate,
     .default_value = "\"off\"",
     .special = "off",
     .help = "Bytes from the client in a time, for each connection."},
    {.section = Section::kLimits,
     .name = "download_rate",
     .type = ValueType::kByteRate,
     .default_value = "\"off\"",
     .special = "off",
     .help = "Bytes to the client in a time, for each connection."},
    {.section = Section::kLimits,
     .name = "when_exceeded",
     .type = ValueType::kWord,
     .default_value = "\"reset\"",
     .words = kWhenExceededWords,
     .help = "What a client that may not come in gets, denied ones included: a `reset`, an end of stream "
             "(`close`; a reset when it has sent more than 64 KiB by then), or "
             "nothing for a time (`tarpit`), which slows down those who try again and again."},
    {.section = Section::kLimits,
     .name = "tarpit_time",
     .type = ValueType::kDuration,
     .default_value = "\"10s\"",
     .least = 100,
     .most = kHour,
     .help = "How long `tarpit` holds a client before it resets it."},
    {.section = Section::kLimits,
     .name = "tarpit_max",
     .type = ValueType::kCount,
     .default_value = "1000",
     .least = 1,
     .most = 1'000'000,
     .help = "Clients held by `tarpit` at the same time; more are reset at once (`weir_tarpit_full_total`). "
             "Each keeps a descriptor, for which "
             "room is left at start."},
    {.section = Section::kLimits,
     .name = "dry_run",
     .type = ValueType::kFlag,
     .default_value = "false",
     .help =
         "Only counts what these limits would refuse, and admits it "
         "(`weir_connections_would_be_refused_total`); bandwidth is not limited. Access lists are in force "
         "all the same."},
});

}  // namespace

std::vector<Key> admission_keys() {
  std::vector<Key> keys(kAccess.begin(), kAccess.end());
  keys.push_back(
      {.section = Section::kListenerLimits,
       .name = "shared",
       .type = ValueType::kText,
       .default_value = "\"\"",
       .help = "The name of a table [limits.NAME] to keep instead of limits of its own. Then nothing else "
               "may stand here."});
  for (const Key& key : kLimits) keys.push_back(in(Section::kListenerLimits, key));
  keys.insert(keys.end(), kLimits.begin(), kLimits.end());
  keys.push_back(in(Section::kProcessLimits, kRate));
  keys.push_back(in(Section::kProcessLimits, kBurst));
  return keys;
}

}  // namespace weir::config
