// A client goes to the same backend each time: the one to which its key belongs in a Maglev table over all
// configured candidates, whatever their state is. Where that one may not be taken, a sequence of further
// choices follows that depends on the key alone, so that machines with the same pool agree on these too, and
// the clients of a backend that is down spread over all others and come back to it when it is up.
//
// Without `hash_balance` affinity is strict. A choice is passed over only when it is not usable or was tried;
// one that is usable but full keeps its clients: then `pick` gives nothing at all, although others may have
// room, and the session has to wait for a place there. As each waits for its own backend, whoever keeps the
// queue asks for every waiter when a place is given back, not only for the first.
//
// With `hash_balance` = c loads are bounded ("Consistent hashing with bounded loads", Mirrokni, Thorup and
// Zadimoghaddam 2018): with m sessions in flight on usable candidates, none takes one more when it would have
// more than ceil(c * (m + 1) * weight / weight of all usable); this and a full one overflow to the following
// choices. Only where nobody within the bound may be taken, since the others are full or were tried, it gives
// way: a session that can be served is worth more than a balance that cannot be had.
#pragma once

#include <memory>
#include <vector>

#include "balance/maglev.h"
#include "balance/positions.h"

namespace weir::balance {

class SourceHash final : public Policy {
 public:
  // `hash_balance` is greater than 1. `table` is that of the candidates, made before; none: it is made now.
  SourceHash(std::span<const Candidate> candidates, std::optional<double> hash_balance,
             std::shared_ptr<const MaglevTable> table = nullptr);

  std::optional<BackendIndex> pick(Members members, const Request& request) override;
  void members_changed(Members members) override;
  void load_changed(Members members, BackendIndex index) override;

  const MaglevTable& table() const { return *table_; }

 private:
  // The first of the key's choices that `wanted(index)`.
  template <class Wanted>
  std::optional<BackendIndex> first_choice(std::uint64_t key, const Wanted& wanted) const;
  bool is_within_bound(Members members, BackendIndex index) const;

  const Positions positions_;
  const std::shared_ptr<const MaglevTable> table_;
  std::vector<BackendIndex> by_rank_;   // of the table
  std::vector<std::uint32_t> weights_;  // by position, as configured: it does not follow a slow start
  const std::optional<double> hash_balance_;

  // Of usable candidates.
  std::uint64_t in_flight_ = 0;
  std::uint64_t weight_ = 0;
  std::vector<std::uint32_t> counted_;  // what `in_flight_` has of each
};

}  // namespace weir::balance
