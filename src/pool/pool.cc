#include "pool/pool.h"

namespace weir::pool {
namespace {

std::vector<balance::Candidate> usable(const std::vector<std::shared_ptr<Backend>>& backends) {
  std::vector<balance::Candidate> candidates;
  for (std::size_t i = 0; i < backends.size(); ++i) {
    const BackendIdentity& identity = backends[i]->identity();
    if (identity.state != BackendState::kUp) continue;
    candidates.push_back({static_cast<balance::BackendIndex>(i), identity.weight});
  }
  return candidates;
}

}  // namespace

Pool::Pool(PoolSettings settings, std::vector<std::shared_ptr<Backend>> backends)
    : settings_(std::move(settings)),
      backends_(std::move(backends)),
      policy_(balance::make_policy(settings_.policy, usable(backends_))) {
  WEIR_ASSERT(settings_.retries < balance::Tried::kMost);
}

const std::shared_ptr<Backend>* Pool::pick(balance::Tried& tried) {
  const auto index = tried.size() == 0 ? policy_->pick() : policy_->pick_untried(tried);
  if (!index) return nullptr;
  tried.add(*index);
  return &backends_[*index];
}

}  // namespace weir::pool
