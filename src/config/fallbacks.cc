#include "config/fallbacks.h"

namespace weir::config {

std::set<std::string_view> with_fallbacks(const Config& config, const std::string& first) {
  std::set<std::string_view> pools;
  const PoolConfig* pool = config.find_pool(first);
  while (pool != nullptr && pools.insert(pool->name).second) {
    pool = config.find_pool(pool->fallback_pool.value);
  }
  return pools;
}

}  // namespace weir::config
