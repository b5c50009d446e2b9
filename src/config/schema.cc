#include "config/schema.h"

#include <fmt/format.h>

#include "base/units.h"
#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

std::string expected_duration(const Key& key) {
  using base::Millis;
  constexpr std::int64_t kSecond = 1000;
  return fmt::format("a duration {}from {} to {}, e.g. \"30s\"",
                     key.step == kSecond ? "in whole seconds " : "", base::to_string(Millis(key.least)),
                     base::to_string(Millis(key.most)));
}

// With a point, so that it shows that there may be one: 0.0, 1.05.
std::string decimal_text(std::int64_t thousandths) {
  const std::string text = fmt::format("{}", static_cast<double>(thousandths) / 1000);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

std::string expected_value(const Key& key) {
  switch (key.type) {
    case ValueType::kCount:
      return fmt::format("a whole number from {} to {}", key.least, key.most);
    case ValueType::kDuration:
      return expected_duration(key);
    case ValueType::kFlag:
      return "true or false";
    case ValueType::kWord:
      return join_quoted(key.words, "or");
    case ValueType::kText:
      return "text in quotes, without control characters";
    case ValueType::kName:
      return fmt::format("a name of 1 to {} letters, digits, \"_\", \"-\"{}", kMaxNameLength,
                         key.section == Section::kBackend ? ", \".\" or \":\"" : " or \".\"");
    case ValueType::kFileMode:
      return "permissions in octal and in quotes, from \"0000\" to \"0777\", e.g. \"0660\"";
    case ValueType::kLogOutput:
      return "\"stderr\", \"stdout\" or an absolute path, e.g. \"/var/log/weir.log\"";
    case ValueType::kAdminAddress:
      return "\"IPV4:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\", e.g. \"127.0.0.1:9900\"";
    case ValueType::kListenAddresses:
      return "\"IPV4:PORT\", \"[IPV6]:PORT\", either with a range \"FROM-TO\" as the port, \"unix:/PATH\", "
             "or a list of these";
    case ValueType::kEndpoint:
      return "\"HOST:PORT\", \"IPV4:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\"";
    case ValueType::kBackendList:
      return "a list of \"HOST:PORT\", \"IPV4:PORT\", \"[IPV6]:PORT\", \"unix:/PATH\" or "
             "{ address = \"...\", name = \"...\", weight = 1 }";
    case ValueType::kPatternList:
      return "a list of file names or patterns, e.g. [\"conf.d/*.toml\"]";
    case ValueType::kRate:
      return "a rate per s, min or h, e.g. \"2000/s\"";
    case ValueType::kByteRate:
      return "bytes per s, min or h, e.g. \"1MiB/s\"";
    case ValueType::kClientList:
      return "a list of networks, addresses and \"unix\", e.g. [\"10.0.0.0/8\", \"2001:db8::/32\"]";
    case ValueType::kHostName:
      return "a host name, e.g. \"app.example\"";
    case ValueType::kPath:
      return "the name of a file";
    case ValueType::kPathList:
      return "a list of file names, e.g. [\"a.txt\", \"b.txt\"]";
    case ValueType::kDecimal:
      return fmt::format("a number from {} to {}", decimal_text(key.least), decimal_text(key.most));
    case ValueType::kStatusList:
      return "a list of HTTP statuses from 200 to 599, e.g. [\"200\", \"3xx\", \"400-404\"]";
    case ValueType::kHashKey:
      return "\"client\", \"client_prefix/N\" with N from 1 to 128, e.g. \"client_prefix/24\", or "
             "\"server_name\"";
    case ValueType::kFate:
      return fmt::format(
          "\"keep\", \"close\" or \"drain TIME\" with a time from {} to {}, e.g. \"drain 30s\"",
          base::to_string(base::Millis(key.least)), base::to_string(base::Millis(key.most)));
    case ValueType::kAddressList:
      return "a list of IP addresses without ports, e.g. [\"10.0.0.5\", \"2001:db8::5\"]";
    case ValueType::kServerList:
      return "a list of IP addresses with or without a port, e.g. [\"127.0.0.1:8600\", \"10.0.0.53\"]";
    case ValueType::kTextList:
      return "a list of texts in quotes";
    case ValueType::kRouteList:
      return "tables [[listeners.NAME.routes]], or a list of { server_names = [\"a.example\"], pool = \"a\" "
             "}";
    case ValueType::kCertificateList:
      return "a list of { chain = \"site.pem\", key = \"site.key\" }";
    case ValueType::kWordList:
      return fmt::format("a list of {}", join_quoted(key.words, "and"));
    case ValueType::kBytes:
      return "text in quotes, with TOML's escapes for other characters, e.g. \"PING\\r\\n\"";
  }
  return "";
}

}  // namespace

std::vector<const Key*> keys_of(Section section) {
  std::vector<const Key*> keys;
  for (const Key& key : all_keys()) {
    if (key.section == section) keys.push_back(&key);
  }
  return keys;
}

const Key* find_key(Section section, std::string_view name) {
  for (const Key& key : all_keys()) {
    if (key.section == section && key.name == name) return &key;
  }
  return nullptr;
}

std::span<const NestedTable> nested_tables() {
  static constexpr std::array kNested{
      NestedTable{Section::kProcess, "limits", Section::kProcessLimits},
      NestedTable{Section::kListener, "access", Section::kListenerAccess},
      NestedTable{Section::kListener, "limits", Section::kListenerLimits},
      NestedTable{Section::kListener, "tls", Section::kListenerTls},
      NestedTable{Section::kPool, "tls", Section::kPoolTls},
      NestedTable{Section::kPool, "health", Section::kHealth},
      NestedTable{Section::kPool, "sessions", Section::kPoolSessions},
      NestedTable{Section::kPool, "outlier", Section::kOutlier},
      NestedTable{Section::kPool, "resolve", Section::kResolve},
      NestedTable{Section::kHealth, "http", Section::kHealthHttp},
      NestedTable{Section::kHealth, "exchange", Section::kHealthExchange},
  };
  return kNested;
}

std::string_view title(Section section) {
  switch (section) {
    case Section::kRoot:
      return "the top of the file";
    case Section::kProcess:
      return "[process]";
    case Section::kProcessLimits:
      return "[process.limits]";
    case Section::kListenerAccess:
      return "[listeners.NAME.access]";
    case Section::kListenerLimits:
      return "[listeners.NAME.limits]";
    case Section::kListenerTls:
      return "[listeners.NAME.tls]";
    case Section::kCertificate:
      return "[[listeners.NAME.tls.certificates]]";
    case Section::kRoute:
      return "[[listeners.NAME.routes]]";
    case Section::kLimits:
      return "[limits.NAME]";
    case Section::kLog:
      return "[log]";
    case Section::kAdmin:
      return "[admin]";
    case Section::kListener:
      return "[listeners.NAME]";
    case Section::kPool:
      return "[pools.NAME]";
    case Section::kBackend:
      return "a backend";
    case Section::kPoolTls:
      return "[pools.NAME.tls]";
    case Section::kHealth:
      return "[pools.NAME.health]";
    case Section::kHealthHttp:
      return "[pools.NAME.health.http]";
    case Section::kHealthExchange:
      return "[pools.NAME.health.exchange]";
    case Section::kPoolSessions:
      return "[pools.NAME.sessions]";
    case Section::kOutlier:
      return "[pools.NAME.outlier]";
    case Section::kResolve:
      return "[pools.NAME.resolve]";
  }
  return "";
}

std::string_view help(Section section) {
  switch (section) {
    case Section::kRoot:
      return "Keys that stand before the first table.";
    case Section::kProcess:
      return "The process as a whole.";
    case Section::kProcessLimits:
      return "How fast connections may come to all listeners together.";
    case Section::kListenerAccess:
      return "Which clients may come in, by their addresses. The longest network that holds a client's "
             "address "
             "decides; one that is both allowed and denied is denied. With any allow entry or file everybody "
             "else is "
             "denied, without one everybody else is admitted.";
    case Section::kListenerLimits:
      return "How many connections may come in, how fast, from all clients and from each, and how fast bytes "
             "may "
             "move. All workers together keep each limit exactly.";
    case Section::kListenerTls:
      return "What is done with clients that speak TLS. Without this table their bytes are relayed like any "
             "others. The keys from `certificates` on are for TLS that ends here. Also written "
             "`tls = { mode = \"passthrough\" }`.";
    case Section::kCertificate:
      return "What Weir shows to clients whose TLS ends here, as PEM files. Mostly written `certificates = "
             "[{ chain = \"site.pem\", key = \"site.key\" }]`.";
    case Section::kRoute:
      return "Which pool serves clients by what they ask for in TLS; a table for each rule, as many as you "
             "like. Also written `routes = [{ server_names = [\"a.example\"], pool = \"a\" }]`.";
    case Section::kLimits:
      return "The same limits under a name, which several listeners can share: together they then keep one "
             "set.";
    case Section::kLog:
      return "What is written about what happens, and where.";
    case Section::kAdmin:
      return "The operator's door: metrics, state and readiness over HTTP.";
    case Section::kListener:
      return "Where clients connect, and the rules for their connections. One table for each listener; NAME "
             "is yours.";
    case Section::kPool:
      return "Servers that do the same work. One table for each pool; NAME is what listeners refer to.";
    case Section::kBackend:
      return "A backend with more than an address is a table in the list `backends`: "
             "`{ address = \"10.0.0.1:80\", name = \"a\", weight = 2 }`.";
    case Section::kPoolTls:
      return "Speaks TLS with the backends, and in the checks of them. Without this table they get the bytes "
             "as they are. Also written `tls = { server_name = \"app.example\" }`.";
    case Section::kHealth:
      return "Asks each backend at an interval whether it works, beside its connections. Without this table "
             "only what happens to real connections tells.";
    case Section::kHealthHttp:
      return "The request of `type = \"http\"` and the answer that is taken for good. Also written "
             "`http = { path = \"/health\" }`.";
    case Section::kHealthExchange:
      return "What `type = \"exchange\"` sends and what must come back. Also written "
             "`exchange = { send = \"PING\\r\\n\", expect = \"+PONG\" }`.";
    case Section::kPoolSessions:
      return "What becomes of the running sessions of a backend when it may get no new ones. `keep`: they go "
             "on. `drain 30s`: those that are left after so long are closed. `close`: they are closed at "
             "once; "
             "both sides see a reset.";
    case Section::kOutlier:
      return "What happens to real connections counts too: a backend that fails again and again gets no new "
             "ones for a time.";
    case Section::kResolve:
      return "How the names among the backends are looked up, at start and again and again. Also written "
             "`resolve = { interval = \"10s\" }`.";
  }
  return "";
}

std::string expected(const Key& key) {
  const std::string value = expected_value(key);
  return key.special.empty() ? value : fmt::format("{}, or {}", value, quote(key.special));
}

}  // namespace weir::config
