#include "admission/client_shard.h"

#include <algorithm>

#include "base/assert.h"

namespace weir::admission {

ClientShard::ClientShard(std::uint32_t capacity, ClientLimits limits, std::uint64_t seed)
    : seed_(seed), limits_(limits), entries_(capacity), buckets_(std::size_t{2} * capacity, kNone) {
  WEIR_ASSERT(capacity >= 1 && capacity <= 1u << 30);
  for (std::uint32_t i = 0; i < capacity; ++i) entries_[i].next = i + 1 < capacity ? i + 1 : kNone;
  // Written once, so that the memory is there before the clients come.
  idle_.resize(capacity);
  idle_.clear();
}

ClientShard::Admission ClientShard::admit(const ClientKey& key, std::uint64_t key_hash, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  now_ = std::max(now_, limits_.rate ? limits_.rate->at(now) : Ticks{0});
  for (int i = 0; i < 2 && someone_may_be_due(); ++i) take_first_idle();
  std::uint32_t& bucket = bucket_of(key_hash);
  const std::uint32_t known = find(key, bucket);
  return known == kNone ? admit_new(key, bucket) : admit_known(known);
}

// What is carried over keeps its order, and so the heap stays one.
void ClientShard::change(const ClientLimits& limits, base::TimePoint now) {
  const std::lock_guard lock(mutex_);
  const bool has_both = limits.rate && limits_.rate;
  const auto carry_over = [&](Ticks& arrival) {
    arrival = has_both ? limits.rate->carried_over(*limits_.rate, arrival, now) : 0;
  };
  for (Entry& entry : entries_) carry_over(entry.arrival);
  for (Idle& one : idle_) carry_over(one.arrival);
  now_ = limits.rate ? limits.rate->at(now) : 0;
  limits_ = limits;
}

ClientShard::Admission ClientShard::admit_known(std::uint32_t index) {
  Entry& entry = entries_[index];
  if (limits_.max_connections && entry.open >= *limits_.max_connections) {
    return {ClientOutcome::kTooManyConnections, kNone};
  }
  if (limits_.rate && !limits_.rate->admit(entry.arrival, now_)) return {ClientOutcome::kTooFast, kNone};
  entry.open = (entry.open + 1) & 0x7fff'ffff;
  ++connections_;
  return {ClientOutcome::kAdmitted, index};
}

ClientShard::Admission ClientShard::admit_new(const ClientKey& key, std::uint32_t& bucket) {
  // Before a place is taken, for whom there is nothing to remember.
  if (limits_.max_connections == 0u) return {ClientOutcome::kTooManyConnections, kNone};
  while (free_ == kNone && someone_may_be_due()) take_first_idle();
  if (free_ == kNone) return {ClientOutcome::kTableFull, kNone};
  const std::uint32_t index = free_;
  Entry& entry = entries_[index];
  free_ = entry.next;
  entry = {.key = key, .arrival = 0, .next = bucket, .idle = 0, .open = 0};
  bucket = index;
  ++used_;
  return admit_known(index);
}

void ClientShard::release(std::uint32_t entry) {
  const std::lock_guard lock(mutex_);
  close_one(entry);
}

void ClientShard::undo(std::uint32_t entry) {
  const std::lock_guard lock(mutex_);
  if (limits_.rate) Gcra::give_back(entries_[entry].arrival);
  close_one(entry);
}

void ClientShard::close_one(std::uint32_t index) {
  Entry& entry = entries_[index];
  WEIR_ASSERT(entry.open > 0);
  entry.open = (entry.open - 1) & 0x7fff'ffff;
  --connections_;
  if (entry.open > 0 || entry.idle != 0) return;
  if (Gcra::is_past(entry.arrival, now_)) {
    forget(index);
  } else {
    push_idle(index);
  }
}

// What stands first has the earliest arrival, and the real ones are never earlier: when it has not passed,
// nobody's has.
bool ClientShard::someone_may_be_due() const {
  return !idle_.empty() && Gcra::is_past(idle_.front().arrival, now_);
}

// Forgets the first, unless it has connections again (closing them brings it back here) or was admitted
// meanwhile (then it waits anew). Either was paid for by the admission that made it so.
void ClientShard::take_first_idle() {
  std::pop_heap(idle_.begin(), idle_.end(), Later{});
  const std::uint32_t index = idle_.back().entry;
  idle_.pop_back();
  Entry& entry = entries_[index];
  entry.idle = 0;
  if (entry.open > 0) return;
  if (Gcra::is_past(entry.arrival, now_)) {
    forget(index);
  } else {
    push_idle(index);
  }
}

void ClientShard::push_idle(std::uint32_t index) {
  entries_[index].idle = 1;
  idle_.push_back({entries_[index].arrival, index});
  std::push_heap(idle_.begin(), idle_.end(), Later{});
}

void ClientShard::forget(std::uint32_t index) {
  Entry& entry = entries_[index];
  std::uint32_t* link = &bucket_of(hash(entry.key, seed_));
  while (*link != index) link = &entries_[*link].next;
  *link = entry.next;
  entry.next = free_;
  free_ = index;
  --used_;
}

std::uint32_t ClientShard::find(const ClientKey& key, std::uint32_t bucket) const {
  std::uint32_t index = bucket;
  while (index != kNone && entries_[index].key != key) index = entries_[index].next;
  return index;
}

// Half of the hash, for the table's choice of a shard takes the other: the half times the number of buckets,
// divided by 2^32, is as even as a remainder and works for any number.
std::uint32_t& ClientShard::bucket_of(std::uint64_t key_hash) {
  return buckets_[((key_hash & 0xffff'ffff) * buckets_.size()) >> 32];
}

std::uint32_t ClientShard::size() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

std::uint64_t ClientShard::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

std::size_t ClientShard::memory_bytes() const {
  return sizeof(*this) + entries_.capacity() * sizeof(Entry) + buckets_.capacity() * sizeof(std::uint32_t) +
         idle_.capacity() * sizeof(Idle);
}

}  // namespace weir::admission
