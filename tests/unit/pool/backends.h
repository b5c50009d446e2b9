// Backends and requests for the tests of pools.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "pool/backend.h"

namespace weir::pool {

using Backends = std::vector<std::shared_ptr<Backend>>;

// What a test wants of a backend; its address follows from the port.
struct Wanted {
  unsigned weight = 1;
  std::optional<std::uint32_t> most_sessions = std::nullopt;
  bool is_backup = false;
  BackendMode mode = BackendMode::kUp;
  std::uint16_t port = 80;
};

inline std::shared_ptr<Backend> backend(std::string name, const Wanted& wanted = {}) {
  BackendIdentity identity;
  identity.name = std::move(name);
  identity.address = base::Address::ipv4({htonl(0xc0000201)}, wanted.port);
  identity.weight = wanted.weight;
  identity.most_sessions = wanted.most_sessions;
  identity.is_backup = wanted.is_backup;
  identity.mode = wanted.mode;
  return std::make_shared<Backend>(std::move(identity));
}

// a, b, c, ...
inline Backends several(std::size_t count, const Wanted& wanted = {}) {
  Backends backends;
  for (std::size_t i = 0; i < count; ++i)
    backends.push_back(backend(std::string(1, static_cast<char>('a' + i)), wanted));
  return backends;
}

// Any moment; the tests' time goes on from here.
inline constexpr base::TimePoint kStart{std::chrono::hours(1)};

}  // namespace weir::pool
