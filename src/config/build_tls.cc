#include "config/build_tls.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/limits.h"
#include "config/server_names.h"
#include "config/text.h"

namespace weir::config {
namespace {

constexpr std::size_t kMostAlpn = 255;  // RFC 7301 section 3.1

TlsConfig build_tls(const Node& table, const std::string& path, Problems& problems) {
  TlsConfig out;
  out.place = table.place;
  TableReader reader(Section::kListenerTls, table, path, table.place, problems);
  reader.read_word("mode", out.mode);
  reader.read_word("no_route", out.no_route);
  reader.read_word("not_tls", out.not_tls);
  reader.finish();
  return out;
}

// Each text of a list; other items are problems.
void each_text(TableReader& reader, std::string_view name, const std::function<void(const Node&)>& take) {
  reader.each_item(name, [&](const Node& item) {
    if (item.kind == Kind::kString) return take(item);
    reader.fail(name, item.place, mismatch(*find_key(Section::kRoute, name), item));
  });
}

void read_server_names(TableReader& reader, RouteConfig& out) {
  each_text(reader, "server_names", [&](const Node& item) {
    auto name = parse_server_name(item.text);
    if (!name) return reader.fail("server_names", item.place, name.error());
    out.server_names.push_back({*std::move(name), item.place});
  });
}

void read_alpn(TableReader& reader, RouteConfig& out) {
  each_text(reader, "alpn", [&](const Node& item) {
    if (item.text.empty() || item.text.size() > kMostAlpn || !is_plain_text(item.text)) {
      return reader.fail("alpn", item.place,
                         fmt::format("{} is not a protocol: expected 1 to {} characters, such as \"h2\" or "
                                     "\"http/1.1\"",
                                     quote(item.text), kMostAlpn));
    }
    out.alpn.push_back(item.text);
  });
}

RouteConfig build_route(const Node& table, const std::string& path, Problems& problems) {
  RouteConfig out;
  out.place = table.place;
  TableReader reader(Section::kRoute, table, path, table.place, problems);
  read_server_names(reader, out);
  read_alpn(reader, out);
  reader.read_text("pool", out.pool);
  reader.finish();
  return out;
}

void read_routes(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems) {
  reader.each_item("routes", [&](const Node& item) {
    if (item.kind != Kind::kTable) {
      return reader.fail("routes", item.place, mismatch(*find_key(Section::kListener, "routes"), item));
    }
    out.routes.push_back(build_route(item, path + ".routes", problems));
  });
}

// Whether a client could be meant by both.
bool ask_for_the_same(const RouteConfig& a, const RouteConfig& b) {
  if (a.alpn.empty() || b.alpn.empty()) return a.alpn.empty() == b.alpn.empty();
  return std::any_of(a.alpn.begin(), a.alpn.end(), [&](const std::string& protocol) {
    return std::find(b.alpn.begin(), b.alpn.end(), protocol) != b.alpn.end();
  });
}

std::string where(const Place& place) { return fmt::format("line {}", place.line); }

// The second of two routes with the same name, and for the same protocols, would never be taken.
void check_same_names(const std::string& path, const std::vector<RouteConfig>& routes, Problems& problems) {
  for (std::size_t later = 0; later < routes.size(); ++later) {
    for (std::size_t first = 0; first < later; ++first) {
      const RouteConfig& a = routes[first];
      const RouteConfig& b = routes[later];
      if (!ask_for_the_same(a, b)) continue;
      if (a.server_names.empty() && b.server_names.empty()) {
        add_error(problems, b.place,
                  fmt::format("{}.routes: this route and that of {} are both for every name: give one of "
                              "them \"server_names\", or remove it",
                              path, where(a.place)));
      }
      for (const Placed<std::string>& name : b.server_names) {
        const auto same = std::find_if(a.server_names.begin(), a.server_names.end(),
                                       [&](const auto& other) { return other.value == name.value; });
        if (same == a.server_names.end()) continue;
        add_error(problems, name.place,
                  fmt::format("{}.routes: {} is in the route of {} too: a name belongs to one route, unless "
                              "they ask for different \"alpn\"",
                              path, quote(name.value), where(same->place)));
      }
    }
  }
}

}  // namespace

void read_tls(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems) {
  const Node* written = reader.written("tls");
  const Node& table = reader.nested("tls");
  if (written != nullptr && written->kind == Kind::kTable) {
    out.tls = build_tls(table, path + ".tls", problems);
  }
  read_routes(reader, path, out, problems);
  check_same_names(path, out.routes, problems);
  if (!out.routes.empty() && written == nullptr) {
    reader.fail_at_key("routes",
                       "clients are told apart by what they ask for in TLS, and this listener does not look "
                       "at it: add " +
                           fmt::format("[{}.tls] with mode = \"passthrough\"", path));
  }
}

}  // namespace weir::config
