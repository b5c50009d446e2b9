#include "config/alpn_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "config/fallbacks.h"
#include "config/text.h"

namespace weir::config {
namespace {

using Protocols = std::vector<std::string>;

bool holds(const Protocols& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

std::string list_text(const Protocols& all) {
  std::string text;
  for (const std::string& one : all) text += (text.empty() ? "" : ", ") + quote(one);
  return "[" + text + "]";
}

// `name` as routes have it; null: none.
bool is_for(const RouteConfig& route, const std::string* name) {
  if (name == nullptr) return route.server_names.empty();
  return std::any_of(route.server_names.begin(), route.server_names.end(),
                     [&](const auto& own) { return own.value == *name; });
}

// The names of a route as above.
std::vector<const std::string*> names_of(const RouteConfig& route) {
  if (route.server_names.empty()) return {nullptr};
  std::vector<const std::string*> names;
  for (const auto& name : route.server_names) names.push_back(&name.value);
  return names;
}

// The routes of one listener, as `session/hello_routes` chooses among them.
class Routes {
 public:
  explicit Routes(const ListenerConfig& listener) : all_(listener.routes) {}

  // Whether a client of `route` that offers `protocol` too goes to another route of the same name: those that
  // ask for a protocol are looked at first, in their order.
  bool is_taken_before(const RouteConfig& route, const std::string& protocol) const {
    const auto names = names_of(route);
    return std::all_of(names.begin(), names.end(), [&](const std::string* name) {
      return std::any_of(all_.begin(), all_.end(), [&](const RouteConfig& other) {
        const bool is_before = route.alpn.empty() || &other < &route;
        return is_before && is_for(other, name) && holds(other.alpn, protocol);
      });
    });
  }

  // The same of clients that no route is for.
  bool is_taken(const std::string& protocol) const {
    return std::any_of(all_.begin(), all_.end(), [&](const RouteConfig& other) {
      return is_for(other, nullptr) && (other.alpn.empty() || holds(other.alpn, protocol));
    });
  }

 private:
  const std::vector<RouteConfig>& all_;
};

// One listener whose TLS ends here, or that of some of its routes.
class AlpnCheck {
 public:
  AlpnCheck(const Config& config, const ListenerConfig& listener, Problems& problems)
      : config_(config),
        listener_(listener),
        ours_(listener.tls->alpn),
        routes_(listener),
        problems_(problems) {}

  void check() {
    if (listener_.tls->mode == TlsMode::kTerminate && listener_.tls->no_route == Otherwise::kPool) {
      Protocols agreed = ours_;
      std::erase_if(agreed, [&](const std::string& one) { return routes_.is_taken(one); });
      check_pool(listener_.pool.value, agreed, fmt::format("listeners.{}", listener_.name));
    }
    for (const RouteConfig& route : listener_.routes) {
      if (route.mode == TlsMode::kTerminate) check_route(route);
    }
  }

 private:
  void check_route(const RouteConfig& route) {
    if (!are_agreed_on(route)) return;
    warn_of_better_ones(route);
    Protocols agreed = route.alpn.empty() ? ours_ : route.alpn;
    std::erase_if(agreed, [&](const std::string& one) { return routes_.is_taken_before(route, one); });
    check_pool(route.pool.value, agreed,
               fmt::format("a route of listeners.{} ({})", listener_.name, to_string(route.place)));
  }

  bool are_agreed_on(const RouteConfig& route) {
    const auto missing = std::find_if(route.alpn.begin(), route.alpn.end(),
                                      [&](const auto& one) { return !holds(ours_, one); });
    if (missing == route.alpn.end()) return true;
    add_error(problems_, route.place,
              fmt::format("listeners.{0}.routes.alpn: {1} is never agreed on with a client, since "
                          "listeners.{0}.tls.alpn {2}: write it there too, or remove it here",
                          listener_.name, quote(*missing),
                          ours_.empty() ? "is empty" : "has only " + list_text(ours_)));
    return false;
  }

  // A client that offers a protocol of the route and a better one would come to the route with the better
  // one.
  void warn_of_better_ones(const RouteConfig& route) {
    const auto last = std::find_if(ours_.rbegin(), ours_.rend(),
                                   [&](const std::string& one) { return holds(route.alpn, one); });
    for (auto better = ours_.begin(); last != ours_.rend() && better != last.base(); ++better) {
      if (holds(route.alpn, *better) || routes_.is_taken_before(route, *better)) continue;
      return add_warning(
          problems_, route.place,
          fmt::format(
              "listeners.{0}.routes.alpn: a client that offers {1} too comes to this route and speaks "
              "{1}, since listeners.{0}.tls.alpn has {1} before {2}: put a route for {1} with the same "
              "names before this one, write {1} here too, or put it behind {2} there",
              listener_.name, quote(*better), quote(*last)));
    }
  }

  // `agreed`: what may be agreed on with the clients that come there.
  void check_pool(const std::string& first, const Protocols& agreed, const std::string& from) {
    if (agreed.size() < 2) return;
    for (const std::string_view name : with_fallbacks(config_, first)) {
      const PoolConfig& pool = *config_.find_pool(name);
      if (!pool.encrypts() || pool.tls->alpn == agreed) continue;
      add_warning(
          problems_, pool.tls->place,
          fmt::format("pools.{}.tls.alpn: backends are offered {}, whatever was agreed on with a client, "
                      "and clients of {} may speak any of {}: give each protocol a route with \"alpn\" "
                      "and a pool of its own",
                      pool.name, pool.tls->alpn.empty() ? "no protocol" : list_text(pool.tls->alpn), from,
                      list_text(agreed)));
    }
  }

  const Config& config_;
  const ListenerConfig& listener_;
  const Protocols& ours_;
  const Routes routes_;
  Problems& problems_;
};

}  // namespace

void check_alpn(const Config& config, Problems& problems) {
  for (const ListenerConfig& listener : config.listeners) {
    if (listener.terminates()) AlpnCheck(config, listener, problems).check();
  }
}

}  // namespace weir::config
