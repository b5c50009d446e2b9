#include "config/build_route.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/server_names.h"
#include "config/text.h"
#include "config/tls_scalars.h"

namespace weir::config {
namespace {

void read_server_names(TableReader& reader, RouteConfig& out) {
  reader.each_text("server_names", [&](const Node& item) {
    auto name = parse_server_name(item.text);
    if (!name) return reader.fail("server_names", item.place, name.error());
    out.server_names.push_back({*std::move(name), item.place});
  });
}

// False when it could not be read.
bool read_mode(TableReader& reader, TlsMode listeners, TlsMode& out, const Problems& problems) {
  enum class Mode { kListeners, kTerminate, kPassthrough };
  Mode mode = Mode::kListeners;
  const std::size_t before = problems.size();
  reader.read_word("mode", mode);
  out = listeners;
  if (mode == Mode::kTerminate) out = TlsMode::kTerminate;
  if (mode == Mode::kPassthrough) out = TlsMode::kPassthrough;
  return problems.size() == before;
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

bool read_routes(TableReader& reader, const std::string& path, ListenerConfig& out, Problems& problems) {
  bool is_every_mode_known = true;
  const TlsMode listeners = out.tls ? out.tls->mode : TlsMode::kPassthrough;
  reader.each_item("routes", [&](const Node& item) {
    if (item.kind != Kind::kTable) {
      return reader.fail("routes", item.place, mismatch(*find_key(Section::kListener, "routes"), item));
    }
    RouteConfig route;
    route.place = item.place;
    TableReader keys(Section::kRoute, item, path + ".routes", item.place, problems);
    read_server_names(keys, route);
    read_alpn(keys, route.alpn);
    keys.read_text("pool", route.pool);
    if (!read_mode(keys, listeners, route.mode, problems)) is_every_mode_known = false;
    keys.finish();
    out.routes.push_back(std::move(route));
  });
  check_same_names(path, out.routes, problems);
  return is_every_mode_known;
}

}  // namespace weir::config
