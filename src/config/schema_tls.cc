#include <array>

#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 2> kModeWords{"terminate", "passthrough"};
constexpr std::array<std::string_view, 3> kRouteModeWords{"", "terminate", "passthrough"};
constexpr std::array<std::string_view, 2> kOtherwiseWords{"pool", "refuse"};
constexpr std::array<std::string_view, 2> kVersionWords{"1.2", "1.3"};
constexpr std::array<std::string_view, 3> kClientVerifyWords{"off", "optional", "required"};

constexpr std::int64_t kLongestHandshake = 3'600'000;

const auto kTls = std::to_array<Key>({
    {.section = Section::kListenerTls,
     .name = "mode",
     .type = ValueType::kWord,
     .words = kModeWords,
     .presence = Presence::kRequired,
     .help = "`terminate`: TLS ends here, with a certificate of `certificates`, and backends get what was in "
             "it (encrypted anew with `[pools.NAME.tls]`). `passthrough`: nothing is decrypted; the "
             "ClientHello is passed on as it is. In both cases it is read first, and clients are sent to "
             "pools by the name and the protocol that they ask for (`routes`)."},
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
     .help = "The same of a client that does not speak TLS. With `pool` it is served, unencrypted, and one "
             "that says nothing for `preread_timeout` too."},
    {.section = Section::kListenerTls,
     .name = "certificates",
     .type = ValueType::kCertificateList,
     .help = "The certificates with their keys; at least one where TLS ends here. A client is shown the one "
             "for the name that it asks for. The first is for those that ask for no name, or for one that "
             "no certificate has."},
    {.section = Section::kListenerTls,
     .name = "min_version",
     .type = ValueType::kWord,
     .default_value = "\"1.2\"",
     .words = kVersionWords,
     .help = "The oldest version of TLS that clients may use."},
    {.section = Section::kListenerTls,
     .name = "alpn",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "The protocols that clients may choose from (ALPN), the best first, for example `[\"h2\", "
             "\"http/1.1\"]`: those that the backends speak. The first that a client offers is agreed on, "
             "whichever route the client takes. Empty: none is."},
    {.section = Section::kListenerTls,
     .name = "client_ca",
     .type = ValueType::kPath,
     .default_value = "\"\"",
     .help = "A PEM file with the authorities whose certificates clients may have; see `client_verify`. "
             "Empty: none."},
    {.section = Section::kListenerTls,
     .name = "client_verify",
     .type = ValueType::kWord,
     .default_value = "\"off\"",
     .words = kClientVerifyWords,
     .help = "Whether clients are asked for a certificate. `required`: one without is turned away. "
             "`optional`: it is served. One that sends a certificate of nobody in `client_ca` is turned away "
             "in both cases."},
    {.section = Section::kListenerTls,
     .name = "client_verify_depth",
     .type = ValueType::kCount,
     .default_value = "4",
     .least = 0,
     .most = 16,
     .help = "How many certificates may stand between a client's and one of `client_ca`."},
    {.section = Section::kListenerTls,
     .name = "ciphers",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "The cipher suites, by OpenSSL's names, the best first, for example "
             "`[\"ECDHE-ECDSA-AES128-GCM-SHA256\", \"TLS_AES_128_GCM_SHA256\"]`. The names of those of TLS "
             "1.3 begin with `TLS_`. Empty: Weir's own."},
    {.section = Section::kListenerTls,
     .name = "groups",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "The groups in which keys are agreed on, by OpenSSL's names, the best first, for example "
             "`[\"X25519\", \"prime256v1\"]`. Empty: Weir's own."},
    {.section = Section::kListenerTls,
     .name = "session_tickets",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "Whether clients get tickets, by which they come back with a shorter handshake."},
    {.section = Section::kListenerTls,
     .name = "ticket_key_file",
     .type = ValueType::kPath,
     .default_value = "\"\"",
     .help = "A file with the keys of these tickets, so that several Weirs take each other's. Empty: keys of "
             "its own, changed in time."},
    {.section = Section::kListenerTls,
     .name = "ocsp_files",
     .type = ValueType::kPathList,
     .default_value = "[]",
     .help = "Answers of OCSP responders (DER) that clients are sent with the certificate that each is "
             "about."},
    {.section = Section::kListenerTls,
     .name = "handshake_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"5s\"",
     .least = 1,
     .most = kLongestHandshake,
     .help = "How long a handshake with a client may take, from the whole ClientHello on."},
    {.section = Section::kListenerTls,
     .name = "max_handshakes",
     .type = ValueType::kCount,
     .default_value = "1000",
     .least = 1,
     .most = 1'000'000,
     .help = "Handshakes that may be under way at the same time in this listener, in all workers together. "
             "Clients beyond them get a reset."},
});

const auto kCertificate = std::to_array<Key>({
    {.section = Section::kCertificate,
     .name = "chain",
     .type = ValueType::kPath,
     .presence = Presence::kRequired,
     .help = "The certificate, and after it those that lead to its authority. A relative name stands beside "
             "the configuration."},
    {.section = Section::kCertificate,
     .name = "key",
     .type = ValueType::kPath,
     .presence = Presence::kRequired,
     .help = "Its private key, not encrypted. May be the same file as `chain`."},
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
     .help =
         "Only clients that offer one of these protocols (ALPN), for example `[\"h2\"]`. Which one is "
         "agreed on is not said here: where TLS ends here by `alpn` of `[listeners.NAME.tls]`, which must "
         "have these too. Empty: whatever they offer."},
    {.section = Section::kRoute,
     .name = "pool",
     .type = ValueType::kName,
     .presence = Presence::kRequired,
     .help = "The pool that serves them."},
    {.section = Section::kRoute,
     .name = "mode",
     .type = ValueType::kWord,
     .default_value = "\"\"",
     .words = kRouteModeWords,
     .help = "What is done with their TLS, as `mode` of `[listeners.NAME.tls]` has it. Empty: what that "
             "says."},
});

}  // namespace

std::vector<Key> tls_keys() {
  std::vector<Key> keys(kTls.begin(), kTls.end());
  keys.insert(keys.end(), kCertificate.begin(), kCertificate.end());
  keys.insert(keys.end(), kRoute.begin(), kRoute.end());
  return keys;
}

}  // namespace weir::config
