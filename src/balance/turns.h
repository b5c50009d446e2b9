// The order of turns by weight, worked out one turn at a time: after any number of turns each one that takes
// part has had its exact share, less or more than one. Earliest deadline first over the windows of Pfair
// scheduling (Baruah, Cohen, Plaxton and Varvel 1996, "Proportionate progress"); equal weights are a ring.
// Knows positions and weights only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace weir::balance {

class Turns {
 public:
  // For the positions below `count`; nobody takes part. The order will begin with the first.
  explicit Turns(std::size_t count)
      : parts_(count), last_(count == 0 ? 0 : static_cast<std::uint32_t>(count - 1)) {}

  // A weight for each position; 0 takes no part. What each was owed, or has had too early, it keeps, also
  // while it takes no part; where nothing is owed, the order begins after the one that came last. So whoever
  // changes its weight or comes and goes often neither gains nor loses by that. n log n of their count,
  // whatever the weights are.
  void restart(std::span<const std::uint32_t> weights);

  // Goes on where `before` has stopped, whose position p is `moved_to[p]` here: what each is owed it keeps,
  // and the order begins after the last one that had a turn and is still here. Positions that are not here
  // are skipped. `before` is of no use afterwards.
  void go_on_from(Turns& before, std::span<const std::uint32_t> moved_to);

  // Whose turn it is. Precondition: somebody takes part.
  std::uint32_t next();

 private:
  // Its turn number k may come at `release` and must have come before `deadline`, both counted in turns of
  // all: floor and ceiling of (k * total - owed) / weight and ((k + 1) * total - owed) / weight.
  struct Part {
    std::uint32_t weight = 0;
    double owed = 0;         // turns that were due until the last start, less those it has had
    std::int64_t start = 0;  // how much of that this start makes good, times `total_`
    std::uint64_t had = 0;   // turns since
    std::int64_t release = 0;
    std::int64_t rest = 0;  // what the division for `release` left
    std::int64_t step = 0;  // from one release to the next: total / weight, and what that leaves
    std::int64_t step_rest = 0;
    std::uint32_t rank = 0;  // breaks ties
    std::uint32_t next = 0;  // in the list of those who wait
  };

  struct Deadline {
    std::int64_t time;
    std::uint32_t rank;
    std::uint32_t position;
  };

  void settle();
  void balance_owed(const std::vector<std::uint32_t>& taking_part);
  void start_ring(std::vector<std::uint32_t> taking_part);
  void start_windows(const std::vector<std::uint32_t>& taking_part);
  void release_waiting();
  void wait_or_be_ready(std::uint32_t position);
  static bool is_earlier(const Deadline& a, const Deadline& b);
  void push_ready(const Deadline& deadline);
  std::uint32_t pop_ready();

  std::vector<Part> parts_;
  std::int64_t total_ = 0;  // of the weights
  std::uint64_t now_ = 0;   // turns since the last start
  std::uint32_t last_;      // who came last

  // With equal weights, else empty.
  std::vector<std::uint32_t> ring_;
  std::size_t ring_next_ = 0;

  // Else those whose next turn may come, a heap with the earliest deadline in front, and those who wait for
  // theirs, each in the list of its release modulo the number of lists: the first of each list.
  std::vector<Deadline> ready_;
  std::vector<std::uint32_t> waiting_;
};

}  // namespace weir::balance
