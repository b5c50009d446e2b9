// Draws two different backends in proportion to their weights, for the policies that compare two. A draw
// takes the same time whatever their number is: an alias table (Walker 1977, built as by Vose 1991).
#pragma once

#include <array>
#include <vector>

#include "balance/positions.h"
#include "balance/random.h"

namespace weir::balance {

class WeightedDraw {
 public:
  WeightedDraw(std::span<const Candidate> candidates, std::uint64_t seed);

  struct Drawn {
    std::array<BackendIndex, 2> indexes;
    std::size_t count;  // 0, 1 or 2
  };

  // Two different backends that are usable, have room and are untried, or as many as there are. When lots
  // keep falling on others, those with room are looked through from a random one on: then each is as likely
  // as the next.
  Drawn two(Policy::Members members, const Request& request);

  void members_changed(Policy::Members members);
  void load_changed(Policy::Members members, BackendIndex index);

  // Draws on with the lots of `before`, or each change of the candidates would begin with the same ones.
  void go_on_from(const WeightedDraw& before) { random_ = before.random_; }

 private:
  // A lot falls on a column and then on its owner or on its alias.
  struct Column {
    std::uint32_t threshold;  // below it, of 2^32: the owner
    BackendIndex owner;
    BackendIndex alias;
  };

  BackendIndex draw();

  const Positions positions_;
  Random random_;
  std::vector<Column> columns_;

  // Usable, with room, in no order; and where each is there.
  std::vector<BackendIndex> with_room_;
  std::vector<std::uint32_t> places_;
};

}  // namespace weir::balance
