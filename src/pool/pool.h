// A named set of backends and the policy that picks among the usable ones. A live block, shared by every
// worker and kept by its sessions; picking is safe from any thread. It opens no socket: `session/connector`
// does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "balance/factory.h"
#include "base/clock.h"
#include "pool/backend.h"

namespace weir::pool {

struct PoolSettings {
  std::string name;
  balance::PolicyName policy = balance::PolicyName::kRoundRobin;
  base::Millis connect_timeout{3'000};
  std::uint32_t retries = 2;  // attempts after the first, at most Tried::kMost - 1
};

class Pool {
 public:
  Pool(PoolSettings settings, std::vector<std::shared_ptr<Backend>> backends);

  const PoolSettings& settings() const { return settings_; }
  const std::vector<std::shared_ptr<Backend>>& backends() const { return backends_; }

  // The backend for the next attempt of a session that has already tried `tried` (which gains the pick), or
  // nothing when no usable backend is left. Valid as long as the pool.
  const std::shared_ptr<Backend>* pick(balance::Tried& tried);

 private:
  const PoolSettings settings_;
  const std::vector<std::shared_ptr<Backend>> backends_;
  const std::unique_ptr<balance::Policy> policy_;
};

}  // namespace weir::pool
