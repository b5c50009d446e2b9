#include "server/pool_alterations.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::server {
namespace {

// Null: the pool has no entry of that name.
const config::BackendConfig* find_entry(const config::PoolConfig& pool, const std::string& name) {
  const auto at =
      std::ranges::find_if(pool.backends, [&](const config::BackendConfig& one) { return one.name == name; });
  return at == pool.backends.end() ? nullptr : &*at;
}

base::Error refusal(std::string why) { return {base::ErrorSide::kConfiguration, std::move(why)}; }

}  // namespace

base::Result<void> PoolAlterations::add(const config::PoolConfig& pool, config::BackendConfig entry) {
  const OfPool its = of(pool.name);
  const bool is_written = find_entry(pool, entry.name) != nullptr;
  if (is_written && its.removed.contains(entry.name)) {
    return base::failure(refusal(
        fmt::format("the configuration has a backend \"{}\" that was removed here: only a reload after a "
                    "change of its entry brings it back, or another name",
                    entry.name)));
  }
  const auto has_name = [&](const config::BackendConfig& one) { return one.name == entry.name; };
  if (is_written || std::ranges::any_of(its.added, has_name)) {
    return base::failure(refusal(fmt::format("there is a backend \"{}\" already", entry.name)));
  }
  by_pool_[pool.name].added.push_back(std::move(entry));
  return {};
}

base::Result<void> PoolAlterations::remove(const config::PoolConfig& pool, const std::string& entry) {
  OfPool& its = by_pool_[pool.name];
  const auto has_name = [&](const config::BackendConfig& one) { return one.name == entry; };
  if (std::erase_if(its.added, has_name) > 0) return {};
  const config::BackendConfig* const written = find_entry(pool, entry);
  if (written == nullptr || !its.removed.emplace(entry, base::to_string(written->address.value)).second) {
    return base::failure(refusal(fmt::format("there is no backend \"{}\"", entry)));
  }
  return {};
}

void PoolAlterations::forget_what_is_said_anew(const config::Config& next) {
  std::erase_if(by_pool_, [&](const auto& one) { return next.find_pool(one.first) == nullptr; });
  for (auto& [name, its] : by_pool_) {
    const config::PoolConfig& pool = *next.find_pool(name);
    std::erase_if(its.added,
                  [&](const config::BackendConfig& one) { return find_entry(pool, one.name) != nullptr; });
    std::erase_if(its.removed, [&](const auto& one) {
      const config::BackendConfig* const written = find_entry(pool, one.first);
      return written == nullptr || base::to_string(written->address.value) != one.second;
    });
  }
}

PoolAlterations::OfPool PoolAlterations::of(const std::string& pool) const {
  const auto found = by_pool_.find(pool);
  return found == by_pool_.end() ? OfPool() : found->second;
}

}  // namespace weir::server
