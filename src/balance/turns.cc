#include "balance/turns.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/assert.h"

namespace weir::balance {
namespace {

constexpr std::uint32_t kNobody = ~0u;

}  // namespace

void Turns::restart(std::span<const std::uint32_t> weights) {
  WEIR_ASSERT(weights.size() == parts_.size());
  settle();
  std::vector<std::uint32_t> taking_part;
  total_ = 0;
  const auto count = static_cast<std::uint32_t>(parts_.size());
  bool equal = true;
  for (std::uint32_t rank = 0; rank < count; ++rank) {
    const std::uint32_t position = (last_ + 1 + rank) % count;
    Part& part = parts_[position];
    part.weight = weights[position];
    part.rank = rank;
    if (part.weight == 0) continue;
    taking_part.push_back(position);
    total_ += part.weight;
    equal = equal && part.weight == parts_[taking_part.front()].weight;
  }
  now_ = 0;
  ring_.clear();
  ring_next_ = 0;
  waiting_.clear();
  ready_.clear();
  balance_owed(taking_part);
  if (equal) {
    start_ring(std::move(taking_part));
  } else {
    start_windows(taking_part);
  }
}

void Turns::go_on_from(Turns& before, std::span<const std::uint32_t> moved_to) {
  WEIR_ASSERT(moved_to.size() == before.parts_.size());
  before.settle();
  const auto is_here = [&](std::size_t position) { return moved_to[position] < parts_.size(); };
  for (std::size_t position = 0; position < moved_to.size(); ++position) {
    if (is_here(position)) parts_[moved_to[position]].owed = before.parts_[position].owed;
  }
  for (std::size_t back = 0; back < moved_to.size(); ++back) {
    const std::size_t position = (before.last_ + moved_to.size() - back) % moved_to.size();
    if (!is_here(position)) continue;
    last_ = moved_to[position];
    return;
  }
}

// Writes down what each was due since the last start, and what it has had.
void Turns::settle() {
  for (std::size_t i = 0; i < ring_next_; ++i) ++parts_[ring_[i]].had;
  if (!ring_.empty()) {
    for (const std::uint32_t position : ring_) parts_[position].had += (now_ - ring_next_) / ring_.size();
  }
  for (Part& part : parts_) {
    if (part.weight == 0) continue;
    // The terms may wrap around; what they come to is small again.
    const auto owed =
        static_cast<std::int64_t>(part.weight * now_ - part.had * static_cast<std::uint64_t>(total_));
    part.owed += static_cast<double>(owed) / static_cast<double>(total_);
    part.had = 0;
  }
}

// The windows can all be kept when as many turns are owed as were had too early, and less than one by
// anybody. Those who have gone may have left the two unequal: then the others are all late or early, each by
// its weight.
void Turns::balance_owed(const std::vector<std::uint32_t>& taking_part) {
  double late = 0;
  for (const std::uint32_t position : taking_part) late += parts_[position].owed;
  const auto total = static_cast<double>(total_);
  const auto owed = [&](const Part& part) { return part.owed - late * part.weight / total; };
  double most = 1;
  for (const std::uint32_t position : taking_part) most = std::max(most, std::abs(owed(parts_[position])));
  std::int64_t sum = 0;
  for (const std::uint32_t position : taking_part) {
    Part& part = parts_[position];
    part.start = std::clamp<std::int64_t>(std::llround(owed(part) / most * total), 1 - total_, total_ - 1);
    sum += part.start;
  }
  // What rounding has left, at most about one for each.
  for (std::size_t i = 0; sum != 0; i = (i + 1) % taking_part.size()) {
    std::int64_t& start = parts_[taking_part[i]].start;
    const std::int64_t step = sum > 0 ? -1 : 1;
    if (std::abs(start + step) >= total_) continue;
    start += step;
    sum += step;
  }
}

void Turns::start_ring(std::vector<std::uint32_t> taking_part) {
  std::stable_sort(taking_part.begin(), taking_part.end(),
                   [this](std::uint32_t a, std::uint32_t b) { return parts_[a].start > parts_[b].start; });
  ring_ = std::move(taking_part);
}

void Turns::start_windows(const std::vector<std::uint32_t>& taking_part) {
  // One comes in each turn on average, and the lists are gone through once in so many: who waits for long
  // costs nothing.
  waiting_.assign(std::bit_ceil(2 * taking_part.size()), kNobody);
  for (const std::uint32_t position : taking_part) {
    Part& part = parts_[position];
    const std::int64_t weight = part.weight;
    part.step = total_ / weight;
    part.step_rest = total_ % weight;
    part.release = -part.start / weight;
    part.rest = -part.start % weight;
    if (part.rest < 0) {
      part.rest += weight;
      --part.release;
    }
    wait_or_be_ready(position);
  }
}

void Turns::wait_or_be_ready(std::uint32_t position) {
  Part& part = parts_[position];
  if (part.release > static_cast<std::int64_t>(now_)) {
    std::uint32_t& list = waiting_[static_cast<std::uint64_t>(part.release) & (waiting_.size() - 1)];
    part.next = list;
    list = position;
    return;
  }
  const std::int64_t rest = part.rest + part.step_rest;  // below twice the weight
  const std::int64_t more =
      static_cast<std::int64_t>(rest > part.weight) + static_cast<std::int64_t>(rest > 0);
  push_ready({part.release + part.step + more, part.rank, position});
}

// Those whose turn may come from now on become ready; the others of the list wait for another time round.
void Turns::release_waiting() {
  std::uint32_t& list = waiting_[now_ & (waiting_.size() - 1)];
  std::uint32_t position = list;
  list = kNobody;
  while (position != kNobody) {
    const std::uint32_t next = parts_[position].next;
    wait_or_be_ready(position);
    position = next;
  }
}

// Which of two is earlier cannot be foretold, so that branches would often be taken wrongly.
bool Turns::is_earlier(const Deadline& a, const Deadline& b) {
  return static_cast<bool>(static_cast<int>(a.time < b.time) |
                           (static_cast<int>(a.time == b.time) & static_cast<int>(a.rank < b.rank)));
}

void Turns::push_ready(const Deadline& deadline) {
  std::size_t place = ready_.size();
  ready_.push_back(deadline);
  for (; place > 0 && is_earlier(deadline, ready_[(place - 1) / 2]); place = (place - 1) / 2)
    ready_[place] = ready_[(place - 1) / 2];
  ready_[place] = deadline;
}

// The hole that the first one leaves goes down to the bottom, and then up with the one that was last, which
// mostly belongs there.
std::uint32_t Turns::pop_ready() {
  const std::uint32_t first = ready_.front().position;
  const Deadline last = ready_.back();
  ready_.pop_back();
  if (ready_.empty()) return first;
  std::size_t place = 0;
  for (std::size_t child = 1; child < ready_.size(); child = 2 * place + 1) {
    if (child + 1 < ready_.size()) child += is_earlier(ready_[child + 1], ready_[child]) ? 1 : 0;
    ready_[place] = ready_[child];
    place = child;
  }
  for (; place > 0 && is_earlier(last, ready_[(place - 1) / 2]); place = (place - 1) / 2)
    ready_[place] = ready_[(place - 1) / 2];
  ready_[place] = last;
  return first;
}

std::uint32_t Turns::next() {
  if (!ring_.empty()) {
    last_ = ring_[ring_next_];
    ring_next_ = ring_next_ + 1 == ring_.size() ? 0 : ring_next_ + 1;
    ++now_;
    return last_;
  }
  release_waiting();
  WEIR_ASSERT(!ready_.empty());
  last_ = pop_ready();
  ++now_;
  Part& part = parts_[last_];
  ++part.had;
  part.release += part.step;
  part.rest += part.step_rest;
  if (part.rest >= part.weight) {
    part.rest -= part.weight;
    ++part.release;
  }
  wait_or_be_ready(last_);
  return last_;
}

}  // namespace weir::balance
