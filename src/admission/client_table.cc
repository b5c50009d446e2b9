#include "admission/client_table.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace weir::admission {
namespace {

constexpr std::uint32_t kLeastShard = 2048;
constexpr std::uint32_t kMostShards = 64;

}  // namespace

ClientTable::ClientTable(ClientTableSettings settings, ClientLimits limits) : settings_(settings) {
  WEIR_ASSERT(settings.capacity >= 1 && settings.capacity <= 1u << 30);
  const std::uint32_t count = std::clamp(settings.capacity / kLeastShard, 1u, kMostShards);
  std::uint32_t room = settings.capacity;
  if (count > 1) {
    const double share = static_cast<double>(settings.capacity) / count;
    room = static_cast<std::uint32_t>(std::ceil(share + 6 * std::sqrt(share)));
  }
  shards_.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    shards_.push_back(std::make_unique<ClientShard>(room, limits, settings.seed));
  }
}

ClientOutcome ClientTable::admit(const base::Address& client, base::TimePoint now, ClientPermit& permit) {
  const ClientKey key = client_key(client, settings_.prefix);
  const std::uint64_t key_hash = hash(key, settings_.seed);
  ClientShard& shard = shard_of(key_hash);
  const ClientShard::Admission admission = shard.admit(key, key_hash, now);
  if (admission.outcome == ClientOutcome::kAdmitted) permit = ClientPermit(&shard, admission.entry);
  return admission.outcome;
}

bool ClientTable::is_like(const ClientTableSettings& settings) const {
  return settings.capacity == settings_.capacity && settings.prefix == settings_.prefix;
}

void ClientTable::change(const ClientLimits& limits, base::TimePoint now) {
  for (const auto& shard : shards_) shard->change(limits, now);
}

std::size_t ClientTable::size() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->size();
  return sum;
}

std::uint64_t ClientTable::connections() const {
  std::uint64_t sum = 0;
  for (const auto& shard : shards_) sum += shard->connections();
  return sum;
}

std::size_t ClientTable::capacity() const {
  std::size_t sum = 0;
  for (const auto& shard : shards_) sum += shard->capacity();
  return sum;
}

std::size_t ClientTable::memory_bytes() const {
  std::size_t sum = sizeof(*this) + shards_.capacity() * sizeof(shards_[0]);
  for (const auto& shard : shards_) sum += shard->memory_bytes();
  return sum;
}

// By the upper half of the hash; the shard's buckets take the lower one.
ClientShard& ClientTable::shard_of(std::uint64_t key_hash) {
  return *shards_[((key_hash >> 32) * shards_.size()) >> 32];
}

}  // namespace weir::admission
