// Finds loops: a backend whose address leads back to one of this process's own listeners, or to its admin
// door, whose clients would all be operators then. Pure: what only the running machine knows, its own
// addresses and the answers of a resolver, is given by the caller.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "config/model.h"
#include "config/problem.h"

namespace weir::config {

// Borrows `config`, which must outlive it and stay unchanged. Used by `validate` for what the
// file alone tells, and by `server` at start with this machine's addresses and resolved names.
class LoopCheck {
 public:
  // `local_addresses`: this machine's own, ports ignored. Loopback is always known to be local.
  LoopCheck(const Config& config, std::vector<base::Address> local_addresses);

  // The problem of `backend` when `target`, its address or one that its name resolved to, arrives at a
  // listener of this process; it stands at the backend's place.
  std::optional<Problem> problem(const PoolConfig& pool, const BackendConfig& backend,
                                 const base::Address& target) const;

 private:
  struct Bound {
    const ListenerConfig* listener;  // null: the admin door
    const Placed<base::Address>* address;
  };

  bool is_local(const base::Address& target) const;

  std::unordered_map<std::uint16_t, std::vector<Bound>> by_port_;  // 0: unix sockets
  std::vector<base::Address> local_;
};

}  // namespace weir::config
