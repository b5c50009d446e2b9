#include <array>
#include <vector>

#include "config/model.h"
#include "config/schema.h"
#include "config/schema_rows.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 2> kWhenFullWords{"wait", "refuse"};
constexpr std::array<std::string_view, 2> kFormatWords{"text", "json"};
constexpr std::array<std::string_view, 3> kAcceptProxyWords{"off", "required", "optional"};
constexpr std::array<std::string_view, 3> kSessionWords{"all", "errors", "none"};
constexpr std::array<std::string_view, 2> kOutputWords{"stderr", "stdout"};

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kYear = 365 * kDay;

// TCP_KEEPIDLE is at most 32767 seconds; 9 hours is the last round value below (tcp(7), net/tcp.h).
constexpr std::int64_t kMostKeepalive = 9 * kHour;
// TCP_USER_TIMEOUT is milliseconds in an int (tcp(7)).
constexpr std::int64_t kMostUserTimeout = 24 * kDay;

const auto kKeys = std::to_array<Key>({
    {.section = Section::kRoot,
     .name = "include",
     .type = ValueType::kPatternList,
     .default_value = "[]",
     .help = "More files to read, beside this one unless absolute; patterns with `*`, `?` and `[...]` are "
             "read in the order of their names. An included file cannot include others."},

    {.section = Section::kProcess,
     .name = "workers",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 1,
     .most = 256,
     .help =
         "Threads that carry connections. `auto` is one for each CPU that the process may use, and no more "
         "than a quota of them allows, rounded up (`cpu.max` of control groups, version 2)."},
    {.section = Section::kProcess,
     .name = "max_connections",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 1,
     .most = 10'000'000,
     .help = "Client connections held at the same time. `auto` works it out from the limit of open files "
             "and prints the sum at start."},
    {.section = Section::kProcess,
     .name = "when_full",
     .type = ValueType::kWord,
     .default_value = "\"wait\"",
     .words = kWhenFullWords,
     .help = "At `max_connections`: `wait` leaves new clients in the kernel's queue until there is room, "
             "`refuse` resets them at once."},
    {.section = Section::kProcess,
     .name = "drain_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"30s\"",
     .least = 0,
     .most = kYear,
     .help = "How long running connections may go on after SIGTERM or SIGINT before they are closed."},
    {.section = Section::kProcess,
     .name = "drain_delay",
     .type = ValueType::kDuration,
     .default_value = "\"0s\"",
     .least = 0,
     .most = kHour,
     .help =
         "How long connections are still accepted after SIGTERM or SIGINT, while `/ready` says 503 already: "
         "the time that a balancer or a service registry in front of this one takes to notice. "
         "`drain_timeout` begins after it."},
    {.section = Section::kProcess,
     .name = "upgrade_drain_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"1h\"",
     .special = "off",
     .least = 0,
     .most = kYear,
     .help = "How long the process before an upgrade keeps the connections that it has; `off`: as long as "
             "they last. SIGTERM to that process then means `drain_timeout`."},
    {.section = Section::kProcess,
     .name = "busy_poll",
     .type = ValueType::kCount,
     .default_value = "0",
     .least = 0,
     .most = 1'000,
     .help = "Microseconds for which a worker that had something to do goes on looking for more before it "
             "sleeps. With 50 or 100 bytes are passed on sooner, since nobody has to wake it, and a worker "
             "under load takes a whole processor. For machines whose processors have nothing else to do; "
             "an idle worker sleeps in any case."},
    {.section = Section::kProcess,
     .name = "splice_pipes",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 0,
     .most = 100'000,
     .help = "Pipes of the kernel through which bulk is moved without being copied, of all workers together; "
             "each takes two descriptors. A connection has one only while bytes are in it, and copies when "
             "there is none. `auto`: 16 for each worker, fewer where the limit of open files is small. 0: "
             "always copy."},
    {.section = Section::kProcess,
     .name = "user",
     .type = ValueType::kText,
     .default_value = "\"\"",
     .change = Change::kRestart,
     .help = "The user to become before anything is opened, when started as root. Empty: stay as started."},

    {.section = Section::kLog,
     .name = "level",
     .type = ValueType::kWord,
     .default_value = "\"info\"",
     .words = kLogLevelWords,
     .help = "The least important messages that are still written; none is below `info` so far."},
    {.section = Section::kLog,
     .name = "format",
     .type = ValueType::kWord,
     .default_value = "\"text\"",
     .words = kFormatWords,
     .help = "`text` for people, `json` (one object a line) for programs."},
    {.section = Section::kLog,
     .name = "output",
     .type = ValueType::kLogOutput,
     .default_value = "\"stderr\"",
     .words = kOutputWords,
     .help = "Where the log goes. A file is appended to."},
    {.section = Section::kLog,
     .name = "sessions",
     .type = ValueType::kWord,
     .default_value = "\"all\"",
     .words = kSessionWords,
     .help =
         "Which closed connections get a line: `all`, those that ended with `errors`, or `none`. It alone "
         "decides that, whatever `level` is."},

    {.section = Section::kAdmin,
     .name = "bind",
     .type = ValueType::kAdminAddress,
     .default_value = "\"off\"",
     .special = "off",
     .change = Change::kRestart,
     .help = "Where the admin door listens: a unix socket, where its file's rights say who may come in, or a "
             "loopback address; with `token_file` any address. Port 0 takes a free port."},
    {.section = Section::kAdmin,
     .name = "token_file",
     .type = ValueType::kPath,
     .default_value = "\"\"",
     .help =
         "A file with the secret, 16 bytes at least, that who comes by TCP must have to change something "
         "(`Authorization: Bearer`), and from another machine to read anything but `/ready`. Empty: by TCP "
         "there is nothing to be changed. The file is read again with the configuration."},
    {.section = Section::kAdmin,
     .name = "hosts",
     .type = ValueType::kTextList,
     .default_value = "[]",
     .help =
         "Further names that the admin door is called by, for example `[\"weir\"]` in a container network. "
         "Requests for a host that is neither an address nor `localhost` nor one of these are refused, "
         "since a web page may have named it."},

    {.section = Section::kListener,
     .name = "bind",
     .type = ValueType::kListenAddresses,
     .presence = Presence::kRequired,
     .help = "Where clients connect to. Port 0 takes a free port, which is printed at start."},
    {.section = Section::kListener,
     .name = "v6only",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "Whether `[::]` takes IPv6 clients only. `false` makes it take IPv4 clients too."},
    {.section = Section::kListener,
     .name = "socket_mode",
     .type = ValueType::kFileMode,
     .default_value = "\"0660\"",
     .most = 0777,
     .help = "The permissions of the unix sockets in `bind`, in octal: who may connect."},
    {.section = Section::kListener,
     .name = "pool",
     .type = ValueType::kName,
     .presence = Presence::kRequired,
     .help = "The pool that serves this listener's clients."},
    {.section = Section::kListener,
     .name = "backlog",
     .type = ValueType::kCount,
     .default_value = "\"auto\"",
     .special = "auto",
     .least = 1,
     .most = 1'000'000,
     .help = "New connections that the kernel keeps ready to be taken. `auto` is the kernel's own limit, "
             "`net.core.somaxconn`, which also cuts a larger number."},
    {.section = Section::kListener,
     .name = "idle_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"10m\"",
     .least = 1,
     .most = kYear,
     .help = "Closes a connection on which nothing moved in either direction for so long. Both sides see a "
             "reset, as they do at every time limit, so that what was cut does not look whole."},
    {.section = Section::kListener,
     .name = "half_close_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"1m\"",
     .least = 1,
     .most = kYear,
     .help = "The same once one side has ended its stream, counted from the last byte of the other, or from "
             "the end of the stream when that came later."},
    {.section = Section::kListener,
     .name = "max_lifetime",
     .type = ValueType::kDuration,
     .default_value = "\"off\"",
     .special = "off",
     .least = 1,
     .most = kYear,
     .help = "Closes a connection of that age, busy or not, or up to a tenth earlier so that many do not end "
             "together."},
    {.section = Section::kListener,
     .name = "keepalive",
     .type = ValueType::kDuration,
     .default_value = "\"30s\"",
     .special = "off",
     .least = kSecond,
     .most = kMostKeepalive,
     .step = kSecond,
     .help = "Asks a silent peer whether it is still there after that time. Whole seconds, since the "
             "kernel counts in seconds."},
    {.section = Section::kListener,
     .name = "user_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"off\"",
     .special = "off",
     .least = 100,
     .most = kMostUserTimeout,
     .help = "Gives a connection up when sent bytes stay unconfirmed by the peer's kernel for so long "
             "(TCP_USER_TIMEOUT). `off` leaves it to the kernel, about 15 minutes."},
    {.section = Section::kListener,
     .name = "reset_linger",
     .type = ValueType::kDuration,
     .default_value = "\"5s\"",
     .least = 0,
     .most = kHour,
     .help =
         "When one side resets, the reset is passed on once the other has received what was sent before, or "
         "has received nothing more of it for so long."},

    {.section = Section::kListener,
     .name = "defer_accept",
     .type = ValueType::kDuration,
     .default_value = "\"off\"",
     .special = "off",
     .least = kSecond,
     .most = kHour,
     .step = kSecond,
     .help = "Leaves a new connection with the kernel until the client has sent something, or for about so "
             "long: the "
             "kernel rounds it to the steps in which it repeats its answer, and the real value is printed at "
             "start. "
             "Not for protocols in which the server speaks first."},
    {.section = Section::kListener,
     .name = "fast_open",
     .type = ValueType::kCount,
     .default_value = "0",
     .least = 0,
     .most = 65535,
     .help = "TCP Fast Open requests that may wait; 0 is off. The kernel must allow it too "
             "(`net.ipv4.tcp_fastopen`)."},
    {.section = Section::kListener,
     .name = "accept_proxy",
     .type = ValueType::kWord,
     .default_value = "\"off\"",
     .words = kAcceptProxyWords,
     .help = "Whether a proxy in front of Weir says who the client is, by the header of the PROXY protocol "
             "(v1 or v2). `required`: every connection must begin with it, and others than the proxies in "
             "`proxy_trust` are turned away. `optional`: those proxies may send it, all others are clients; "
             "no proxy may be among them that passes on what strangers send without a header of its own. "
             "Access and limits then apply to the client that it names, which is also the one in the log."},
    {.section = Section::kListener,
     .name = "proxy_trust",
     .type = ValueType::kClientList,
     .default_value = "[]",
     .help = "The proxies whose word is taken for who a client is. A network from which clients come as well "
             "lets them take any address."},
    {.section = Section::kListener,
     .name = "preread_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"3s\"",
     .least = 1,
     .most = kHour,
     .help = "How long a client may take, from accept on, until all has come that is read before it has a "
             "backend: the header of `accept_proxy`, and the ClientHello with `tls`. Where these need not "
             "come, one who has sent nothing by then is a client that waits for the server."},
    {.section = Section::kListener,
     .name = "routes",
     .type = ValueType::kRouteList,
     .help = "Which pools serve clients by what they ask for in TLS; `pool` serves the others. See "
             "`[[listeners.NAME.routes]]`."},
});

}  // namespace

std::span<const Key> all_keys() {
  static const std::vector<Key> kAll = [] {
    std::vector<Key> all(kKeys.begin(), kKeys.end());
    for (const std::vector<Key>& more :
         {tls_keys(), pool_keys(), pool_tls_keys(), health_keys(), admission_keys()}) {
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace weir::config
