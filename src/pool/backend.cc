#include "pool/backend.h"

#include <algorithm>
#include <span>

namespace weir::pool {
namespace {

std::span<const base::Address> sources_of(const BackendIdentity& identity) {
  if (identity.origin == nullptr || identity.origin->transparent) return {};
  return identity.origin->sources;
}

bool are_same(const Origin* a, const Origin* b) {
  static const Origin kAny;
  const Origin& one = a == nullptr ? kAny : *a;
  const Origin& other = b == nullptr ? kAny : *b;
  return one.sources == other.sources && one.transparent == other.transparent &&
         one.interface == other.interface;
}

}  // namespace

BackendWay::BackendWay(const BackendIdentity& identity, const BackendWay* before)
    : host(identity.host),
      may_self_connect(identity.may_self_connect),
      origin(identity.origin),
      sources(sources_of(identity), identity.address.unmapped().family(),
              before == nullptr ? nullptr : &before->sources) {}

bool BackendWay::is_of(const BackendIdentity& identity) const {
  return host == identity.host && may_self_connect == identity.may_self_connect &&
         are_same(origin.get(), identity.origin.get());
}

Backend::Backend(BackendIdentity identity) : identity_(std::move(identity)) {
  way_ = ways_.emplace_back(std::make_unique<const BackendWay>(identity_, nullptr)).get();
}

void Backend::take_way(const BackendIdentity& identity) {
  if (way().is_of(identity)) return;
  const auto known =
      std::find_if(ways_.begin(), ways_.end(), [&](const auto& one) { return one->is_of(identity); });
  const BackendWay* const way =
      known != ways_.end()
          ? known->get()
          : ways_.emplace_back(std::make_unique<const BackendWay>(identity, &this->way())).get();
  way_.store(way, std::memory_order_release);
}

}  // namespace weir::pool
