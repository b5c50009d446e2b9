// One part of the client table (client_table.h): a bounded hash table of clients under a mutex of its own,
// and the clients without connections in the order in which they may be forgotten. Everything is allocated in
// the constructor. Used by `ClientTable` and `ClientPermit` only; any thread.
//
// A client may go when it has no connection and its burst is whole again, so that a fresh start would look
// the same; nobody else ever goes. Each admission forgets up to two of those, and a full shard looks until it
// has found one or knows that there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "admission/client_key.h"
#include "admission/gcra.h"

namespace weir::admission {

// What each client is held to. Nothing set: clients are only counted.
struct ClientLimits {
  std::optional<std::uint32_t> max_connections;
  std::optional<Gcra> rate;

  friend bool operator==(const ClientLimits&, const ClientLimits&) = default;
};

enum class ClientOutcome {
  kAdmitted,
  kTooManyConnections,  // it has as many open as it may
  kTooFast,
  kTableFull,  // it is not known, and nobody can be forgotten to make room
};

class alignas(64) ClientShard {
 public:
  // Precondition: `capacity` is between 1 and 2^30.
  ClientShard(std::uint32_t capacity, ClientLimits limits, std::uint64_t seed);
  ClientShard(const ClientShard&) = delete;
  ClientShard& operator=(const ClientShard&) = delete;

  struct Admission {
    ClientOutcome outcome;
    std::uint32_t entry;  // of the client that was admitted; stays its own until `release` or `undo`
  };

  // `key_hash` is the key's hash with the shard's seed. A refusal changes nothing but whom the shard still
  // remembers.
  Admission admit(const ClientKey& key, std::uint64_t key_hash, base::TimePoint now);

  // Other limits from now on. What clients have open, and what their bursts lack, stays.
  void change(const ClientLimits& limits, base::TimePoint now);

  // The admitted connection has closed.
  void release(std::uint32_t entry);

  // The same, and it does not count towards the client's rate.
  void undo(std::uint32_t entry);

  std::uint32_t size() const;
  // That are open, of all clients.
  std::uint64_t connections() const;
  std::uint32_t capacity() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::size_t memory_bytes() const;

 private:
  static constexpr std::uint32_t kNone = 0xffff'ffff;

  struct Entry {
    ClientKey key;
    Ticks arrival;            // stays 0 without a rate
    std::uint32_t next;       // in its bucket, or among the free ones
    std::uint32_t idle : 1;   // it has its one place in `idle_`
    std::uint32_t open : 31;  // connections
  };

  // A client that had no connection when it came here. `arrival` is the client's at that time; the real one
  // may be later meanwhile, never earlier, and then the client is put back when its turn comes.
  struct Idle {
    Ticks arrival;
    std::uint32_t entry;
  };
  struct Later {
    bool operator()(const Idle& a, const Idle& b) const { return a.arrival > b.arrival; }
  };

  Admission admit_known(std::uint32_t index);
  Admission admit_new(const ClientKey& key, std::uint32_t& bucket);
  std::uint32_t& bucket_of(std::uint64_t key_hash);
  std::uint32_t find(const ClientKey& key, std::uint32_t bucket) const;
  void close_one(std::uint32_t index);
  bool someone_may_be_due() const;
  void take_first_idle();
  void push_idle(std::uint32_t index);
  void forget(std::uint32_t index);

  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  // All below are guarded by `mutex_`; the vectors never grow beyond what the constructor gave them.
  ClientLimits limits_;
  Ticks now_ = 0;  // the latest of all threads, so that no clock that lags gives anybody a fresh start
  std::uint32_t used_ = 0;
  std::uint64_t connections_ = 0;
  std::uint32_t free_ = 0;  // the first of the free entries
  std::vector<Entry> entries_;
  // The first entry of each bucket; twice as many as entries, so that chains are short.
  std::vector<std::uint32_t> buckets_;
  std::vector<Idle> idle_;  // a heap, earliest arrival first
};

}  // namespace weir::admission
