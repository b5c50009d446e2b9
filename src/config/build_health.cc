#include "config/build_health.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "config/limits.h"
#include "config/pool_scalars.h"
#include "config/table_reader.h"
#include "config/text.h"
#include "config/tls_scalars.h"

namespace weir::config {
namespace {

void read_statuses(TableReader& reader, std::vector<StatusRange>& out) {
  Node fallback;
  const Node* node = reader.take_or_default("status", fallback);
  if (node == nullptr) return;
  const Key& key = *find_key(Section::kHealthHttp, "status");
  if (node->kind != Kind::kList) {
    const bool is_one = parse_status(key, *node).has_value();
    return reader.fail("status", node->place,
                       mismatch(key, *node).append(is_one ? "; put it in brackets" : ""));
  }
  if (node->items.empty()) {
    return reader.fail(
        "status", node->place,
        "the list is empty, so no answer would be good and every backend would be down: write the "
        "statuses of a healthy one, e.g. [\"2xx\"]");
  }
  std::vector<StatusRange> statuses;
  for (const Node& item : node->items) {
    if (item.kind == Kind::kFaulty) continue;
    if (const auto status = parse_status(key, item)) {
      statuses.push_back(*status);
    } else {
      reader.fail("status", item.place, status.error());
    }
  }
  if (!statuses.empty()) out = std::move(statuses);
}

// Neither blanks nor anything beyond ASCII; control characters were refused before.
bool is_visible_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

HttpCheckConfig build_http(const Node& table, const std::string& path, Problems& problems) {
  HttpCheckConfig out;
  TableReader reader(Section::kHealthHttp, table, path, table.place, problems);
  Placed<std::string> request{out.path, {}};
  Placed<std::string> host;
  Placed<std::string> body;
  reader.read_text("path", request);
  reader.read_text("host", host);
  read_statuses(reader, out.statuses);
  reader.read_text("body_contains", body);
  reader.finish();
  if (!request.value.starts_with('/')) {
    reader.fail("path", request.place,
                fmt::format("found {}, expected a path that begins with \"/\", e.g. \"/health\"",
                            quote(request.value)));
  } else if (!is_visible_ascii(request.value)) {
    reader.fail("path", request.place,
                fmt::format("found {}, which has a space or a letter beyond ASCII in it: write it as \"%20\"",
                            quote(request.value)));
  }
  if (!is_visible_ascii(host.value) || host.value.find_first_of("/@") != std::string::npos) {
    reader.fail("host", host.place,
                fmt::format("found {}, expected a host name alone, e.g. \"app.example\"", quote(host.value)));
  }
  out.path = std::move(request.value);
  out.host = std::move(host.value);
  out.body_contains = std::move(body.value);
  return out;
}

// What `text` stands for, or the text as it is when that is a problem.
std::string exchanged(TableReader& reader, std::string_view name, const Placed<std::string>& text,
                      bool is_hex) {
  std::string bytes = text.value;
  if (is_hex) {
    auto parsed = parse_hex(text.value);
    if (!parsed) {
      reader.fail(name, text.place, parsed.error());
      return bytes;
    }
    bytes = *std::move(parsed);
  }
  if (bytes.size() > kMaxExchangeBytes) {
    reader.fail(name, text.place,
                fmt::format("found {} bytes, at most {} are allowed", bytes.size(), kMaxExchangeBytes));
  }
  return bytes;
}

ExchangeCheckConfig build_exchange(const Node& table, const std::string& path, Problems& problems) {
  ExchangeCheckConfig out;
  TableReader reader(Section::kHealthExchange, table, path, table.place, problems);
  Placed<std::string> send;
  Placed<std::string> expect;
  bool is_hex = false;
  reader.read_text("send", send);
  reader.read_text("expect", expect);
  reader.read_flag("hex", is_hex);
  reader.finish();
  out.send = exchanged(reader, "send", send, is_hex);
  out.expect = exchanged(reader, "expect", expect, is_hex);
  return out;
}

void check_times(TableReader& reader, const HealthConfig& health) {
  if (health.timeout <= health.interval) return;
  reader.fail_at_key(
      reader.written("timeout") != nullptr ? "timeout" : "interval",
      fmt::format("the timeout {} is longer than the interval {}, so a check would be due before the last "
                  "one is over: write a timeout of at most {}, or a longer interval",
                  base::to_string(health.timeout), base::to_string(health.interval),
                  base::to_string(health.interval)));
}

// Tables that say something for another type than the one that is written.
void check_type(TableReader& reader, const HealthConfig& health) {
  const HttpCheckConfig http;
  const bool is_http_given = health.http.path != http.path || health.http.host != http.host ||
                             health.http.statuses != http.statuses ||
                             health.http.body_contains != http.body_contains;
  const bool is_exchange_given = !health.exchange.send.empty() || !health.exchange.expect.empty();
  const std::string_view type =
      find_key(Section::kHealth, "type")->words[static_cast<std::size_t>(health.type)];
  const auto warn = [&](std::string_view table) {
    reader.warn_at_key(table,
                       fmt::format("it is not used, since type is {}: write type = {}, or remove this table",
                                   quote(type), quote(table)));
  };
  if (is_http_given && health.type != CheckType::kHttp) warn("http");
  if (is_exchange_given && health.type != CheckType::kExchange) warn("exchange");
}

void check_expect(TableReader& reader, const HealthConfig& health) {
  if (health.type != CheckType::kExchange || !health.exchange.expect.empty()) return;
  reader.fail_at_key(
      "exchange",
      "with type = \"exchange\" expected an answer to wait for: write exchange = { send = "
      "\"PING\\r\\n\", expect = \"+PONG\" }, or type = \"tcp\" when a connection is proof enough");
}

void read_name(TableReader& reader, HealthConfig& health) {
  constexpr std::string_view kFromClient = "from_client";
  health.server_name = read_server_name(reader, kFromClient);
  if (health.server_name != kFromClient) return;
  health.server_name.clear();
  reader.fail_at_key(
      "server_name",
      "a check has no client: write the name that is to be asked for, or leave it empty for the "
      "backend's own");
}

void check_name(TableReader& reader, const HealthConfig& health) {
  if (health.type != CheckType::kTcp || health.server_name.empty()) return;
  reader.fail_at_key("server_name",
                     "it has no effect with type = \"tcp\", which speaks no TLS: write type = \"tls\", or "
                     "remove this key");
}

}  // namespace

HealthConfig build_health(const Node& table, const std::string& path, Problems& problems) {
  enum class Initial { kUp, kDown };
  HealthConfig out;
  out.place = table.place;
  Initial initial = Initial::kUp;
  TableReader reader(Section::kHealth, table, path, table.place, problems);
  // What one mistake would only entail is not told beside it.
  const std::size_t before_type = problems.size();
  reader.read_word("type", out.type);
  const std::size_t before_times = problems.size();
  reader.read_duration("interval", out.interval);
  reader.read_duration("timeout", out.timeout);
  const bool is_type_known = before_times == before_type;
  const bool are_times_known = problems.size() == before_times;
  reader.read_count("rise", out.rise);
  reader.read_count("fall", out.fall);
  reader.read_decimal("jitter", out.jitter);
  reader.read_count("port", out.port);
  reader.read_word("initial", initial);
  out.initially_up = initial == Initial::kUp;
  read_name(reader, out);
  out.http = build_http(reader.nested("http"), path + ".http", problems);
  out.exchange = build_exchange(reader.nested("exchange"), path + ".exchange", problems);
  reader.finish();
  if (are_times_known) check_times(reader, out);
  if (is_type_known) check_type(reader, out);
  if (is_type_known) check_expect(reader, out);
  if (is_type_known) check_name(reader, out);
  return out;
}

}  // namespace weir::config
