#include "config/pool_references.h"

#include <fmt/format.h>

#include <set>
#include <span>
#include <string_view>
#include <unordered_map>

#include "config/text.h"

namespace weir::config {
namespace {

// The names of the pools for a message, not more than people will read.
std::string known_pools(std::span<const std::string_view> names) {
  constexpr std::size_t kMost = 10;
  if (names.empty()) return "there are no pools: add a table [pools.NAME] with \"backends\"";
  if (names.size() <= kMost) return fmt::format("known are {}", join_quoted(names, "and"));
  std::string first;
  for (const std::string_view name : names.first(kMost)) first += (first.empty() ? "" : ", ") + quote(name);
  return fmt::format("known are {} and {} more", first, names.size() - kMost);
}

class ReferenceCheck {
 public:
  ReferenceCheck(const Config& config, Problems& problems) : config_(config), problems_(problems) {
    for (const PoolConfig& pool : config.pools) {
      names_.push_back(pool.name);
      by_name_.emplace(pool.name, &pool);
    }
  }

  void check() {
    bool is_every_use_known = !config_.listeners.empty();
    for (const ListenerConfig& listener : config_.listeners) {
      if (!exists("listeners." + listener.name + ".pool", listener.pool)) is_every_use_known = false;
      if (listener.pool.value.empty()) is_every_use_known = false;
      for (const RouteConfig& route : listener.routes) {
        if (!exists("listeners." + listener.name + ".routes.pool", route.pool)) is_every_use_known = false;
        if (route.pool.value.empty()) is_every_use_known = false;
      }
    }
    for (const PoolConfig& pool : config_.pools) {
      if (!exists("pools." + pool.name + ".fallback_pool", pool.fallback_pool, pool.name))
        is_every_use_known = false;
    }
    check_circles();
    // A pool may look unused only because its name is misspelt where it is used.
    if (is_every_use_known) warn_of_unused();
  }

 private:
  const PoolConfig* find(std::string_view name) const {
    const auto at = by_name_.find(name);
    return at == by_name_.end() ? nullptr : at->second;
  }

  // An empty name is none, or one whose problem is reported already.
  // The pool `own` cannot be meant.
  bool exists(const std::string& path, const Placed<std::string>& name, std::string_view own = "") {
    if (name.value.empty() || find(name.value) != nullptr) return true;
    std::vector<std::string_view> others = names_;
    std::erase(others, own);
    add_error(problems_, name.place,
              fmt::format("{}: pool {} does not exist: {}{}", path, quote(name.value), known_pools(names_),
                          did_you_mean(name.value, others)));
    return false;
  }

  // Each pool has one fallback at most, so a walk from it either ends or goes round.
  void check_circles() {
    std::set<const PoolConfig*> done;
    for (const PoolConfig& start : config_.pools) {
      std::vector<const PoolConfig*> walk;
      const PoolConfig* pool = &start;
      while (pool != nullptr && done.insert(pool).second) {
        walk.push_back(pool);
        pool = find(pool->fallback_pool.value);
      }
      const auto first = std::find(walk.begin(), walk.end(), pool);
      if (first != walk.end()) report_circle({first, walk.end()});
    }
  }

  void report_circle(const std::vector<const PoolConfig*>& circle) {
    const PoolConfig& pool = *circle.front();
    if (circle.size() == 1) {
      return add_error(problems_, pool.fallback_pool.place,
                       fmt::format("pools.{}.fallback_pool: a pool cannot be its own fallback: name another "
                                   "one, or remove the key",
                                   pool.name));
    }
    std::string names;
    for (const PoolConfig* one : circle) names += quote(one->name) + " -> ";
    add_error(
        problems_, pool.fallback_pool.place,
        fmt::format("pools.{}.fallback_pool: the fallbacks go round in a circle, {}{}: one of these pools "
                    "must do without a fallback",
                    pool.name, names, quote(pool.name)));
  }

  void warn_of_unused() {
    std::set<const PoolConfig*> used;
    const auto use = [&](const std::string& name) {
      const PoolConfig* pool = find(name);
      while (pool != nullptr && used.insert(pool).second) pool = find(pool->fallback_pool.value);
    };
    for (const ListenerConfig& listener : config_.listeners) {
      use(listener.pool.value);
      for (const RouteConfig& route : listener.routes) use(route.pool.value);
    }
    for (const PoolConfig& pool : config_.pools) {
      if (used.contains(&pool)) continue;
      add_warning(problems_, pool.place, fmt::format("pools.{}: no listener uses this pool", pool.name));
    }
  }

  const Config& config_;
  Problems& problems_;
  std::vector<std::string_view> names_;
  std::unordered_map<std::string_view, const PoolConfig*> by_name_;
};

}  // namespace

void check_pool_references(const Config& config, Problems& problems) {
  ReferenceCheck(config, problems).check();
}

}  // namespace weir::config
