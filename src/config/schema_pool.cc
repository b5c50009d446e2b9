#include <array>

#include "config/schema_rows.h"
#include "pool/backend_mode.h"

namespace weir::config {
namespace {

// In the order of the enums of config/model.h.
constexpr std::array<std::string_view, 6> kPolicyWords{"round_robin", "least_connections", "random_two",
                                                       "fastest",     "source_hash",       "first"};
constexpr std::array<std::string_view, 2> kUseWords{"a", "srv"};
constexpr std::array<std::string_view, 3> kSendProxyWords{"off", "v1", "v2"};
constexpr std::array<std::string_view, 5> kProxyDetailWords{"authority", "alpn", "unique_id", "crc32c",
                                                            "ssl"};

constexpr std::int64_t kSecond = 1000;
constexpr std::int64_t kHour = 3600 * kSecond;
constexpr std::int64_t kDay = 24 * kHour;

const auto kPool = std::to_array<Key>({
    {.section = Section::kPool,
     .name = "policy",
     .type = ValueType::kWord,
     .default_value = "\"round_robin\"",
     .words = kPolicyWords,
     .help =
         "How a backend is chosen. `round_robin`: in turn. `least_connections`: the one with the fewest "
         "connections. `random_two`: the less loaded of two taken at random. `fastest`: of two taken at "
         "random "
         "the one that connects faster and has less to do. `source_hash`: the same client goes to the same "
         "backend. `first`: the first in the list until it has its `max_connections`, then the next. All but "
         "`first` go by weight."},
    {.section = Section::kPool,
     .name = "backends",
     .type = ValueType::kBackendList,
     .presence = Presence::kRequired,
     .help = "The servers of the pool. Each address that a host name has is a backend, called NAME@ADDRESS; "
             "names "
             "are looked up at start and again and again (`resolve`)."},
    {.section = Section::kPool,
     .name = "connect_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"3s\"",
     .least = 1,
     .most = kHour,
     .help = "How long one attempt to connect to a backend may take."},
    {.section = Section::kPool,
     .name = "retries",
     .type = ValueType::kCount,
     .default_value = "2",
     .least = 0,
     .most = 7,
     .help =
         "How many other backends are tried when connecting fails, within a budget: half as many retries as "
         "there are first attempts, with 100 saved up and ten a second in any case."},
    {.section = Section::kPool,
     .name = "slow_start",
     .type = ValueType::kDuration,
     .default_value = "\"off\"",
     .special = "off",
     .least = 100,
     .most = kHour,
     .help =
         "A backend that comes back gets its full share of new connections only after so long; until then "
         "the share grows evenly. `source_hash` and `first` do not follow it."},
    {.section = Section::kPool,
     .name = "panic_threshold",
     .type = ValueType::kDecimal,
     .default_value = "0.0",
     .least = 0,
     .most = 1000,
     .help = "When less than this share of the backends is healthy, all of them are used, the sick ones too: "
             "better some failures than the whole load on a few. It is told in the log. 0 never does that."},
    {.section = Section::kPool,
     .name = "queue_length",
     .type = ValueType::kCount,
     .default_value = "0",
     .least = 0,
     .most = 1'000'000,
     .help = "Clients that may wait, first come first served, when every backend has its `max_connections`. "
             "0: they are turned away at once."},
    {.section = Section::kPool,
     .name = "queue_timeout",
     .type = ValueType::kDuration,
     .default_value = "\"5s\"",
     .least = 1,
     .most = kHour,
     .help = "How long a client may wait there before it is turned away."},
    {.section = Section::kPool,
     .name = "hash_key",
     .type = ValueType::kHashKey,
     .default_value = "\"client\"",
     .help = "What `source_hash` takes for one client: its address, or only the leading bits of it. "
             "`client_prefix/24` puts IPv4 clients whose first 24 bits agree together, and IPv6 clients by "
             "their /64. N above 32 is for IPv6 alone: IPv4 clients then count by their whole address. "
             "`server_name` is the name that a client asks for, where it is known; clients without one count "
             "by their address."},
    {.section = Section::kPool,
     .name = "hash_balance",
     .type = ValueType::kDecimal,
     .default_value = "\"off\"",
     .special = "off",
     .least = 1050,
     .most = 10'000,
     .help = "A backend that has this many times its fair share of connections passes new clients of "
             "`source_hash` on to others. `off` keeps every client with its backend however uneven that "
             "is, and the same on several Weirs."},
    {.section = Section::kPool,
     .name = "fallback_pool",
     .type = ValueType::kText,
     .default_value = "\"\"",
     .help = "The pool that serves the clients while every backend of this one is down or fails, not while "
             "they are full. "
             "Empty: they are turned away."},
    {.section = Section::kPool,
     .name = "source",
     .type = ValueType::kAddressList,
     .default_value = "[]",
     .help = "Addresses of this host from which backends are connected to, and checked, in turn. Each allows "
             "about 28 000 connections to a backend, as many as the kernel has ports for it "
             "(`net.ipv4.ip_local_port_range`). Empty: the kernel takes one."},
    {.section = Section::kPool,
     .name = "transparent",
     .type = ValueType::kFlag,
     .default_value = "false",
     .help =
         "Connects from the client's own address, so that the backend sees it. A backend's answers must be "
         "routed back through this host, and a client can use only backends of its own family (IPv4 or "
         "IPv6). Takes the right CAP_NET_RAW (or CAP_NET_ADMIN)."},
    {.section = Section::kPool,
     .name = "interface",
     .type = ValueType::kText,
     .default_value = "\"\"",
     .help =
         "The network interface through which backends are connected to, whatever the routes say. Empty: as "
         "the routes say."},
    {.section = Section::kPool,
     .name = "warm_connections",
     .type = ValueType::kCount,
     .default_value = "0",
     .least = 0,
     .most = 1000,
     .help =
         "Connections to each backend that are kept open and unused, so that a new client need not wait for "
         "one; the workers share them. Each serves one client and is never used again. Not for servers that "
         "speak first, or that soon close a connection on which nothing is sent. With `tls` the handshake "
         "comes when a client has the connection. 0: none."},
    {.section = Section::kPool,
     .name = "send_proxy",
     .type = ValueType::kWord,
     .default_value = "\"off\"",
     .words = kSendProxyWords,
     .help =
         "Tells backends who the client is: each connection begins with the header of the PROXY protocol, "
         "as text (`v1`) or binary (`v2`), and checks send one too. All backends of the pool must expect "
         "it."},
    {.section = Section::kPool,
     .name = "proxy_tlvs",
     .type = ValueType::kWordList,
     .default_value = "[]",
     .words = kProxyDetailWords,
     .help = "What `v2` says besides, as far as it is known. `authority`: the name that the client asks for. "
             "`alpn`: its protocol. `unique_id`: the session's id, as in Weir's log. `crc32c`: a checksum of "
             "the header. `ssl`: the client's TLS and certificate. Where its TLS ends here, `alpn` and `ssl` "
             "are what Weir has agreed on with it; else what a trusted proxy has told (`accept_proxy`)."},
});

const auto kBackend = std::to_array<Key>({
    {.section = Section::kBackend,
     .name = "address",
     .type = ValueType::kEndpoint,
     .presence = Presence::kRequired,
     .help = "Where the backend listens."},
    {.section = Section::kBackend,
     .name = "name",
     .type = ValueType::kName,
     .help = "What logs and metrics call it. Without it: the address as written."},
    {.section = Section::kBackend,
     .name = "weight",
     .type = ValueType::kCount,
     .default_value = "1",
     .least = 0,
     .most = 256,
     .help = "Its share of new connections, in proportion to the other weights of the pool. 0 is the same as "
             "`state = \"drain\"`."},
    {.section = Section::kBackend,
     .name = "max_connections",
     .type = ValueType::kCount,
     .default_value = "\"off\"",
     .special = "off",
     .least = 1,
     .most = 10'000'000,
     .help = "Connections that it may have at the same time, exact over all workers. Each address of a host "
             "name may have so many."},
    {.section = Section::kBackend,
     .name = "backup",
     .type = ValueType::kFlag,
     .default_value = "false",
     .help = "Used only while no backend that is not a backup is up. One that is up and full is waited for."},
    {.section = Section::kBackend,
     .name = "state",
     .type = ValueType::kWord,
     .default_value = "\"up\"",
     .words = pool::kBackendModeWords,
     .help = "`drain`: no new connections, those that it has stay. `maintenance`: no new ones either, and "
             "`on_maintenance` of `[pools.NAME.sessions]` says what becomes of the others."},
});

constexpr Key fate(std::string_view name, std::string_view default_value, std::string_view help) {
  return {.section = Section::kPoolSessions,
          .name = name,
          .type = ValueType::kFate,
          .default_value = default_value,
          .least = 1,
          .most = 365 * kDay,
          .help = help};
}

const auto kSessions = std::to_array<Key>({
    fate("on_down", "\"keep\"",
         "The backend failed its checks. A check that fails does not prove that running sessions are lost, "
         "and "
         "one that is lost ends by itself or at its time limit."),
    fate("on_removed", "\"drain 30s\"",
         "The backend is no longer in the configuration, or no longer in the answer for its name."),
    fate("on_maintenance", "\"drain 30s\"", "The backend's state became `maintenance`."),
});

const auto kOutlier = std::to_array<Key>({
    {.section = Section::kOutlier,
     .name = "consecutive_failures",
     .type = ValueType::kCount,
     .default_value = "5",
     .least = 0,
     .most = 1000,
     .help = "So many failed connections in a row (refused, unreachable, timed out) eject a backend: it gets "
             "no new ones for `eject_time`. Right after that time one is enough. 0: none is ever ejected."},
    {.section = Section::kOutlier,
     .name = "eject_time",
     .type = ValueType::kDuration,
     .default_value = "\"30s\"",
     .least = 100,
     .most = kDay,
     .help = "How long the first time; each further time it is longer by as much."},
    {.section = Section::kOutlier,
     .name = "max_ejected",
     .type = ValueType::kDecimal,
     .default_value = "0.5",
     .least = 0,
     .most = 1000,
     .help = "The largest share of the pool's backends that may be ejected at the same time. Others whose "
             "connects fail are then passed over: used only when no other is left."},
    {.section = Section::kOutlier,
     .name = "observe_resets",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "Whether a backend that resets a connection before it has sent anything failed as well."},
});

const auto kResolve = std::to_array<Key>({
    {.section = Section::kResolve,
     .name = "interval",
     .type = ValueType::kDuration,
     .default_value = "\"ttl\"",
     .special = "ttl",
     .least = kSecond,
     .most = kDay,
     .help = "How often a name is looked up again. `ttl`: when the answer says that it may have changed."},
    {.section = Section::kResolve,
     .name = "hold_last_good",
     .type = ValueType::kFlag,
     .default_value = "true",
     .help = "Whether the backends of the last answer are kept while no new one can be had, also when the "
             "name is said not to exist. With `false` they go at once when the name does not exist, and else "
             "when a question fails after the answer's TTL is over. What the system's resolver found at the "
             "start counts for a minute."},
    {.section = Section::kResolve,
     .name = "use",
     .type = ValueType::kWord,
     .default_value = "\"a\"",
     .words = kUseWords,
     .help =
         "`a`: names stand for addresses (A and AAAA). `srv`: they are service names without a port, such as "
         "`\"_http._tcp.app.internal\"`; hosts, ports, weights and backups come from the answer (SRV). "
         "Addresses among the backends are taken as they are."},
    {.section = Section::kResolve,
     .name = "servers",
     .type = ValueType::kServerList,
     .default_value = "[]",
     .help =
         "The name servers that are asked, in this order, each at port 53 when it has none; names are then "
         "taken as they are, without a search list. Empty: those of `/etc/resolv.conf`."},
});

}  // namespace

std::vector<Key> pool_keys() {
  std::vector<Key> keys(kPool.begin(), kPool.end());
  keys.insert(keys.end(), kBackend.begin(), kBackend.end());
  keys.insert(keys.end(), kSessions.begin(), kSessions.end());
  keys.insert(keys.end(), kOutlier.begin(), kOutlier.end());
  keys.insert(keys.end(), kResolve.begin(), kResolve.end());
  return keys;
}

}  // namespace weir::config
