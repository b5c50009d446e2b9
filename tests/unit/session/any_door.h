// A door that lets everybody in but those whom a test names.
#pragma once

#include <vector>

#include "session/door.h"

namespace weir::session {

class AnyDoor final : public Door {
 public:
  std::optional<admission::Refusal> admit(const base::Address& client, admission::LimitPermits&) override {
    asked.push_back(client);
    return refusal;
  }
  void refuse(base::UniqueFd client) override { refused.push_back(std::move(client)); }
  ListenerCounters& counters() override { return counted; }

  std::uint64_t news(ProxyNews what) const {
    return counted.proxy_headers[static_cast<std::size_t>(what)].value();
  }
  std::uint64_t faults(wire::ProxyFault what) const {
    return counted.proxy_faults[static_cast<std::size_t>(what)].value();
  }

  std::optional<admission::Refusal> refusal;  // of everybody
  std::vector<base::Address> asked;
  std::vector<base::UniqueFd> refused;  // they are left open
  ListenerCounters counted;
};

}  // namespace weir::session
