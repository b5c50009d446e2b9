#include "server/warmer.h"

#include <algorithm>

#include "base/assert.h"

namespace weir::server {
namespace {

constexpr base::Millis kInterval{200};

}  // namespace

std::vector<WarmShare> warm_shares(const config::Config& config,
                                   const std::vector<std::shared_ptr<pool::Pool>>& pools, std::size_t index,
                                   std::size_t workers) {
  WEIR_ASSERT(pools.size() == config.pools.size() && index < workers);
  std::vector<WarmShare> shares;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const std::size_t all = config.pools[i].warm_connections;
    const std::size_t each = all / workers + (index < all % workers ? 1 : 0);
    if (each > 0) shares.push_back({pools[i], each, each * config.pools[i].backends.size()});
  }
  return shares;
}

std::uint64_t most_warm(const config::Config& config) {
  std::uint64_t sum = 0;
  for (const config::PoolConfig& pool : config.pools) {
    sum += std::uint64_t{pool.warm_connections} * pool.backends.size();
  }
  return sum;
}

Warmer::Warmer(net::EventLoop& loop) : loop_(loop) { timer_.bind<&Warmer::look>(loop, this); }

void Warmer::keep(std::vector<WarmShare> shares) {
  shares_ = std::move(shares);
  if (!shares_.empty() || !kept_.empty()) timer_.start(base::Millis(0));
}

void Warmer::stop() {
  timer_.stop();
  shares_.clear();
  taken_.clear();
  kept_.clear();
}

session::WarmConnection Warmer::take(const pool::Backend& backend) {
  const auto at = kept_.find(&backend);
  if (at == kept_.end()) return {};
  session::WarmConnection taken = at->second.sockets->take(base::coarse_now());
  if (taken) taken_.push_back(&backend);
  return taken;
}

std::size_t Warmer::size() const {
  std::size_t sum = 0;
  for (const auto& [backend, kept] : kept_) sum += kept.sockets->size();
  return sum;
}

void Warmer::look() {
  ++looks_;
  for (const WarmShare& share : shares_) follow(share);
  std::erase_if(kept_, [&](const auto& one) { return one.second.seen != looks_; });
  const base::TimePoint now = base::coarse_now();
  for (auto& [backend, kept] : kept_) kept.sockets->refill(now);
  if (!shares_.empty()) timer_.start(kInterval);
}

void Warmer::follow(const WarmShare& share) {
  const auto up = share.pool->backends_up();
  const base::Millis connect_timeout = share.pool->settings()->connect_timeout;
  std::size_t left = share.most;
  for (const auto& backend : up) {
    Kept& kept = kept_[backend.get()];
    const bool is_as_before = kept.way == &backend->way() && kept.connect_timeout == connect_timeout;
    if (kept.sockets == nullptr || !is_as_before) {
      kept.way = &backend->way();
      kept.connect_timeout = connect_timeout;
      kept.sockets = std::make_unique<session::WarmSockets>(
          loop_, backend, connect_timeout,
          [pool = share.pool, backend](base::TimePoint now) { pool->warm_lost(*backend, now); });
    }
    kept.seen = looks_;
    // There are more of them than the configuration names when a name has several addresses.
    const std::size_t even = std::max<std::size_t>(share.most / up.size(), 1);
    const std::size_t part = std::min({share.each, even, left});
    kept.sockets->keep(part);
    left -= part;
  }
}

void Warmer::end_turn() {
  if (taken_.empty()) return;
  const base::TimePoint now = base::coarse_now();
  for (const pool::Backend* backend : taken_) {
    const auto at = kept_.find(backend);
    if (at != kept_.end()) at->second.sockets->refill(now);
  }
  taken_.clear();
}

}  // namespace weir::server
