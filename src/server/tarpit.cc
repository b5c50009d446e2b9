#include "server/tarpit.h"

#include "net/socket.h"

namespace weir::server {

Tarpit::Held::~Held() {
  disarm();
  owner->size_.fetch_sub(1, std::memory_order_relaxed);
  net::abort_connection(client);
}

void Tarpit::hold(base::UniqueFd client, admission::Permit permit, base::TimePoint end) {
  Held& held = held_.emplace_back();
  held.owner = this;
  size_.fetch_add(1, std::memory_order_relaxed);
  held.self = std::prev(held_.end());
  held.client = std::move(client);
  held.permit = std::move(permit);
  wheel_.arm(held, end);
}

}  // namespace weir::server
