#include <array>

#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enum of config/model.h.
constexpr std::array<std::string_view, 2> kOldestVersionWords{"1.2", "1.3"};

const auto kPoolTls = std::to_array<Key>({
    {.section = Section::kPoolTls,
     .name = "enabled",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "With `false` it is as if this table were not there."},
    {.section = Section::kPoolTls,
     .name = "verify",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "Whether a backend must show a certificate of an authority in `ca`, for the name of "
             "`server_name`. With `false` whoever answers is believed to be the backend."},
    {.section = Section::kPoolTls,
     .name = "ca",
     .type = ValueType::kPath,
     .default_value = "\"system\"",
     .special = "system",
     .help = "A PEM file with the authorities whose certificates are good. A relative name stands beside the "
             "configuration. `system`: those of this host."},
    {.section = Section::kPoolTls,
     .name = "server_name",
     .type = ValueType::kHostName,
     .default_value = "\"\"",
     .special = "from_client",
     .help = "The name that backends are asked for (SNI) and that their certificates must be for. Empty: the "
             "host name of each, as it is written in `backends`; one that is written as an IP address is "
             "asked for no name, and its certificate must be for that address. `from_client`: the name that "
             "the client has asked for."},
    {.section = Section::kPoolTls,
     .name = "certificate",
     .type = ValueType::kPath,
     .default_value = "\"\"",
     .help = "Weir's own certificate, for backends that ask for one: a PEM file with it and those that lead "
             "to its authority. Empty: none."},
    {.section = Section::kPoolTls,
     .name = "key",
     .type = ValueType::kPath,
     .default_value = "\"\"",
     .help = "The private key of `certificate`, not encrypted. May be the same file."},
    {.section = Section::kPoolTls,
     .name = "alpn",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help = "The protocols that backends may choose from (ALPN), the best first, for example `[\"h2\"]`. "
             "Empty: none is agreed on. A check of type `http` offers `http/1.1` instead."},
    {.section = Section::kPoolTls,
     .name = "min_version",
     .type = ValueType::kWord,
     .default_value = "\"1.2\"",
     .words = kOldestVersionWords,
     .help = "The oldest version of TLS that is spoken with backends."},
});

}  // namespace

std::vector<Key> pool_tls_keys() { return {kPoolTls.begin(), kPoolTls.end()}; }

}  // namespace weir::config
