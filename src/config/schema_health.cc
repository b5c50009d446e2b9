#include <array>

#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 4> kTypeWords{"tcp", "http", "exchange", "tls"};
constexpr std::array<std::string_view, 2> kInitialWords{"up", "down"};

constexpr std::int64_t kHour = 3'600'000;

const auto kKeys = std::to_array<Key>({
    {.section = Section::kHealth,
     .name = "type",
     .type = ValueType::kWord,
     .words = kTypeWords,
     .presence = Presence::kRequired,
     .help =
         "How a backend is asked. `tcp`: a connection is opened and closed. `http`: an HTTP/1.1 request, "
         "see `http`. `exchange`: bytes are sent and an answer is waited for, see `exchange`. `tls`: a TLS "
         "handshake is done. With `[pools.NAME.tls]` all but `tcp` speak TLS as it says; without it a "
         "check of type `tls` takes any certificate."},
    {.section = Section::kHealth,
     .name = "interval",
     .type = ValueType::kDuration,
     .default_value = "\"2s\"",
     .least = 100,
     .most = kHour,
     .help =
         "The time from one check of a backend to the next. It is shorter while the outcome is changing."},
    {.section = Section::kHealth,
     .name = "timeout",
     .type = ValueType::kDuration,
     .default_value = "\"1s\"",
     .least = 10,
     .most = kHour,
     .help = "How long a check may take as a whole, at most the `interval`."},
    {.section = Section::kHealth,
     .name = "rise",
     .type = ValueType::kCount,
     .default_value = "2",
     .least = 1,
     .most = 100,
     .help = "Checks that must pass in a row before a backend that was down is used again."},
    {.section = Section::kHealth,
     .name = "fall",
     .type = ValueType::kCount,
     .default_value = "3",
     .least = 1,
     .most = 100,
     .help = "Checks that must fail in a row before a backend is no longer used."},
    {.section = Section::kHealth,
     .name = "jitter",
     .type = ValueType::kDecimal,
     .default_value = "0.1",
     .least = 0,
     .most = 500,
     .help = "Each interval is longer or shorter by up to this share of it, at random, so that the checks of "
             "many backends and of several Weirs do not come at once."},
    {.section = Section::kHealth,
     .name = "port",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 1,
     .most = 65535,
     .help = "The port that is asked. `auto` is the backend's own."},
    {.section = Section::kHealth,
     .name = "initial",
     .type = ValueType::kWord,
     .default_value = "\"up\"",
     .words = kInitialWords,
     .help = "What a backend counts as until its checks have told. `down` sends it nothing before."},
    {.section = Section::kHealth,
     .name = "server_name",
     .type = ValueType::kHostName,
     .default_value = "\"\"",
     .help =
         "The name that is asked for in a check's TLS (SNI), and that the certificate must be for. Empty: "
         "the one in `server_name` of `[pools.NAME.tls]`, else the backend's host name."},

    {.section = Section::kHealthHttp,
     .name = "path",
     .type = ValueType::kText,
     .default_value = "\"/health\"",
     .help = "What is asked for by `GET`, with the query if there is one."},
    {.section = Section::kHealthHttp,
     .name = "host",
     .type = ValueType::kText,
     .default_value = "\"\"",
     .help =
         "The `Host` of the request. Empty: the backend's host name, or its address where it has none, with "
         "the port that is asked."},
    {.section = Section::kHealthHttp,
     .name = "status",
     .type = ValueType::kStatusList,
     .default_value = "[\"2xx\"]",
     .help = "The answers that are good: single statuses, hundreds and ranges."},
    {.section = Section::kHealthHttp,
     .name = "body_contains",
     .type = ValueType::kText,
     .default_value = "\"\"",
     .help =
         "Text that must stand in the body of the answer, in its first 64 KiB. Empty: any body is good. In "
         "both cases the answer must come to its end (or to those 64 KiB) within `timeout`: one that hangs "
         "in the middle is none."},

    {.section = Section::kHealthExchange,
     .name = "send",
     .type = ValueType::kBytes,
     .default_value = "\"\"",
     .help = "What is sent once the connection stands, at most 1024 bytes. Empty: nothing, for servers that "
             "speak "
             "first."},
    {.section = Section::kHealthExchange,
     .name = "expect",
     .type = ValueType::kBytes,
     .default_value = "\"\"",
     .help = "What the answer must begin with, at most 1024 bytes. It cannot be left empty with `type = "
             "\"exchange\"`."},
    {.section = Section::kHealthExchange,
     .name = "hex",
     .type = ValueType::kFlag,
     .default_value = "false",
     .help = "Whether `send` and `expect` are written as hexadecimal digits, two for each byte, e.g. "
             "`\"00 00 00 08\"`. Needed for bytes from 80 up, since text is UTF-8."},
});

}  // namespace

std::vector<Key> health_keys() { return {kKeys.begin(), kKeys.end()}; }

}  // namespace weir::config
