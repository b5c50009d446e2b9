// What an operator wants of the backends of pools beside the configuration: entries that were added, and
// those that are not to count. Each stays until the configuration itself says something else of the entry of
// that name. By names only, so that another process may go on with them. Knows nothing of live pools. Not
// safe for threads.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "config/model.h"

namespace weir::server {

class PoolAlterations {
 public:
  struct OfPool {
    std::vector<config::BackendConfig> added;    // each an address, in the order of their coming
    std::map<std::string, std::string> removed;  // by name: the address, as the configuration had it then
  };
  using ByPool = std::map<std::string, OfPool>;

  PoolAlterations() = default;
  explicit PoolAlterations(ByPool known) : by_pool_(std::move(known)) {}

  // Fail when there is nothing to be done: the error says why. The first does not look at how many there are.
  base::Result<void> add(const config::PoolConfig& pool, config::BackendConfig entry);
  base::Result<void> remove(const config::PoolConfig& pool, const std::string& entry);

  // Entries that are written otherwise in `next`, or have come to be written, are as they are written, and
  // pools that are not in it are forgotten.
  void forget_what_is_said_anew(const config::Config& next);

  // Of the pool of that name; nothing where nothing was altered.
  OfPool of(const std::string& pool) const;
  const ByPool& all() const { return by_pool_; }

 private:
  ByPool by_pool_;
};

}  // namespace weir::server
