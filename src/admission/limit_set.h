// The limits that a listener keeps, its own or shared with others: how many connections, how fast, and the
// same for each client. Asked in one go, client first, and what was taken is given back when a later limit
// refuses, so that one flooder cannot use up what honest clients are entitled to. A live block: exact over
// all workers, and outlives every permit. One that takes the place of another goes on with what that one has
// counted.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "admission/client_table.h"
#include "admission/connection_slots.h"
#include "admission/rate_limiter.h"
#include "admission/refusals.h"

namespace weir::admission {

enum class TableFull : std::uint8_t { kAdmit, kRefuse };

struct LimitSettings {
  std::optional<std::uint32_t> max_connections;
  std::optional<Gcra> rate;
  ClientLimits client;
  ClientTableSettings table;  // used when `client` limits anything
  TableFull table_full = TableFull::kAdmit;
  bool dry_run = false;          // refusals are told and nobody is refused
  std::uint32_t tarpit_max = 0;  // refused clients that may be held
};

// What a connection holds of its listener's limits; the destructor gives it back. Move-only.
struct LimitPermits {
  Permit listener;
  ClientPermit client;
  bool is_unlimited = false;  // the client has no limits of its own: the table was full

  void release() {
    listener.release();
    client.release();
  }
};

class LimitSet {
 public:
  // With `before`, it is made to take that one's place; see `take_over`. Throws std::bad_alloc when the table
  // of clients cannot be had.
  explicit LimitSet(const LimitSettings& settings, std::shared_ptr<const LimitSet> before = nullptr);

  // Takes the place of the one before it: its connections, what its rate and its clients have used up, who is
  // held. The one before must stay until nothing that it has given is out: what the two do not share is
  // still written to. A client table of another size or other prefixes begins empty, and connections that
  // came while their number was not limited are not counted. Both may be asked for a while, and share what is
  // counted. Nothing happens without one before. Once, before it is asked; one thread.
  void take_over(base::TimePoint now);

  // The reason why not, and `permits` stay empty; or nothing, and they are filled. Any thread; no allocation.
  std::optional<Refusal> admit(const base::Address& client, base::TimePoint now, LimitPermits& permits);

  // Takes back what `admit` has just given, as if it had not been asked: another rule refused.
  void undo(LimitPermits& permits);

  // Whether one of `settings` would be like this one but for what it has counted.
  bool is_like(const LimitSettings& settings) const;

  // Nothing that it has given is out any more, but what another one has taken over: it may be destroyed once
  // nobody asks it. On the thread that makes them.
  bool nothing_is_out() const;

  // The rate of all its clients together; null: there is none.
  const std::shared_ptr<RateLimiter>& rate() const { return rate_; }

  // Connections that count towards `max_connections`; without that limit none is counted. Any thread.
  std::uint32_t connections() const { return connections_->used(); }

  bool dry_run() const { return settings_.dry_run; }
  // Whether it limits anything; if not there is no need to ask.
  bool limits_anything() const { return rate_ != nullptr || table_ != nullptr || settings_.max_connections; }

  // The right to hold one refused client, or an empty one.
  Permit hold_refused() { return tarpit_->try_acquire(); }
  std::uint32_t held_refused() const { return tarpit_->used(); }

  // Null when clients are not limited.
  const ClientTable* table() const { return table_.get(); }
  // Connections of new clients that found the table full and were let in without limits of their own; told
  // by whoever has asked every rule.
  std::uint64_t unlimited() const { return unlimited_->load(std::memory_order_relaxed); }
  void count_unlimited() { unlimited_->fetch_add(1, std::memory_order_relaxed); }

 private:
  const LimitSettings settings_;
  std::shared_ptr<const LimitSet> before_;  // until `take_over`
  std::shared_ptr<ConnectionSlots> connections_;
  std::shared_ptr<ConnectionSlots> tarpit_;
  std::shared_ptr<RateLimiter> rate_;   // none: as fast as they come
  std::shared_ptr<ClientTable> table_;  // none: clients have no limits of their own
  std::shared_ptr<std::atomic<std::uint64_t>> unlimited_;
};

}  // namespace weir::admission
