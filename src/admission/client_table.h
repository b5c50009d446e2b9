// What is known of each client, for limits per client: how many connections it has open and when it may open
// the next ones. Bounded, exact over all threads, and allocated as a whole by the constructor. It judges
// only: counting outcomes, and what to do when it is full, is the caller's. A live block: kept by identity
// over reloads; outlives every permit.
//
// Filling the table gives nobody a fresh start: a client is forgotten only when it has no connection and its
// burst is whole again, and when there is none like that, a new client finds the table full.
//
// Clients are spread over shards by a hash with a secret seed, and a shard that is full is full for its
// clients, whatever room the others have. So there are few shards, of 2048 clients at least, and each has
// room for six standard deviations more than its share: the chance that a shard is full before the table
// holds what was asked for is below one in a million. A table of less than 4096 is one shard, and exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "admission/client_key.h"
#include "admission/client_shard.h"
#include "base/address.h"
#include "base/clock.h"

namespace weir::admission {

struct ClientTableSettings {
  std::uint32_t capacity = 65'536;  // clients; between 1 and 2^30
  ClientPrefix prefix;
  std::uint64_t seed = 0;  // random and secret
};

// One open connection of a client. Move-only; the destructor takes it from the client's count, on any thread.
class ClientPermit {
 public:
  ClientPermit() = default;
  ClientPermit(ClientPermit&& other) noexcept
      : shard_(std::exchange(other.shard_, nullptr)), entry_(other.entry_) {}
  ClientPermit& operator=(ClientPermit&& other) noexcept {
    if (this != &other) {
      release();
      shard_ = std::exchange(other.shard_, nullptr);
      entry_ = other.entry_;
    }
    return *this;
  }
  ClientPermit(const ClientPermit&) = delete;
  ClientPermit& operator=(const ClientPermit&) = delete;
  ~ClientPermit() { release(); }

  explicit operator bool() const { return shard_ != nullptr; }

  // The connection has closed. Nothing happens when the permit is empty; the same for `undo`.
  void release() {
    if (auto* shard = std::exchange(shard_, nullptr)) shard->release(entry_);
  }

  // The connection was refused by another rule: it does not count towards the client's rate either. At once
  // after the admission (see `Gcra::give_back`).
  void undo() {
    if (auto* shard = std::exchange(shard_, nullptr)) shard->undo(entry_);
  }

 private:
  friend class ClientTable;
  ClientPermit(ClientShard* shard, std::uint32_t entry) : shard_(shard), entry_(entry) {}

  ClientShard* shard_ = nullptr;
  std::uint32_t entry_ = 0;
};

class ClientTable {
 public:
  ClientTable(ClientTableSettings settings, ClientLimits limits);

  // Whether one of `settings` would be like this one but for who is in it; the seed does not count.
  bool is_like(const ClientTableSettings& settings) const;

  // Asks for one more connection of `client` (of its whole prefix). Only `kAdmitted` fills `permit`, and only
  // that counts towards the limits; what `permit` held before is released. When a client has too many
  // connections and is too fast as well, the former is the answer. Any thread; no allocation.
  ClientOutcome admit(const base::Address& client, base::TimePoint now, ClientPermit& permit);

  // Other limits from now on, for the clients that are known too. What they have open, and what their bursts
  // lack, stays. Any thread.
  void change(const ClientLimits& limits, base::TimePoint now);

  // Clients that are remembered: with connections, or not yet forgotten. Each admission forgets up to two of
  // the latter in its shard, so a table that is not asked shows the past.
  std::size_t size() const;

  // That are open, of all clients.
  std::uint64_t connections() const;

  // Clients there is room for, all shards together: what was asked for, and the shards' spare room.
  std::size_t capacity() const;

  // All that the table will ever allocate.
  std::size_t memory_bytes() const;

 private:
  ClientShard& shard_of(std::uint64_t key_hash);

  const ClientTableSettings settings_;
  std::vector<std::unique_ptr<ClientShard>> shards_;
};

}  // namespace weir::admission
