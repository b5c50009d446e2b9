#include <array>

#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 1> kModeWords{"passthrough"};
constexpr std::array<std::string_view, 2> kOtherwiseWords{"pool", "refuse"};

const auto kTls = std::to_array<Key>({
    {.section = Section::kListenerTls,
     .name = "mode",
     .type = ValueType::kWord,
     .words = kModeWords,
     .presence = Presence::kRequired,
     .help = "`passthrough`: nothing is decrypted; the ClientHello is read, and passed on as it is, to send "
             "clients to pools by the name and the protocol that they ask for (`routes`)."},
    {.section = Section::kListenerTls,
     .name = "no_route",
     .type = ValueType::kWord,
     .default_value = "\"pool\"",
     .words = kOtherwiseWords,
     .help = "What becomes of a client whom no route is for, those that ask for no name among them: the "
             "listener's `pool` serves it, or it is turned away."},
    {.section = Section::kListenerTls,
     .name = "not_tls",
     .type = ValueType::kWord,
     .default_value = "\"refuse\"",
     .words = kOtherwiseWords,
     .help = "The same of a client that does not speak TLS. With `pool` one that says nothing for "
             "`preread_timeout` is served too."},
});

const auto kRoute = std::to_array<Key>({
    {.section = Section::kRoute,
     .name = "server_names",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "The names that clients ask for (SNI): `\"a.example\"`, or `\"*.b.example\"` for every name "
             "below that one. An exact name goes before a wildcard, a longer wildcard before a shorter one. "
             "Empty: every name, and clients that ask for none."},
    {.section = Section::kRoute,
     .name = "alpn",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "Only clients that offer one of these protocols (ALPN), for example `\"h2\"`. Empty: whatever "
             "they offer."},
    {.section = Section::kRoute,
     .name = "pool",
     .type = ValueType::kName,
     .presence = Presence::kRequired,
     .help = "The pool that serves them."},
});

}  // namespace

std::vector<Key> tls_keys() {
  std::vector<Key> keys(kTls.begin(), kTls.end());
  keys.insert(keys.end(), kRoute.begin(), kRoute.end());
  return keys;
}

}  // namespace weir::config
