// The source addresses that connections to one backend come from, taken in turn, and what each of them holds.
// Each address has a range of ports of its own towards the backend (about 28 000), so several of them hold
// several times as many connections. A live block with its backend: any thread. It opens no socket:
// `session/outgoing` does, through net::ConnectFrom.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "metrics/counter.h"

namespace weir::pool {

// Where the connections to a pool's backends come from, as configured.
struct Origin {
  std::vector<base::Address> sources;  // port 0; none: the kernel chooses
  bool transparent = false;            // from the client's own address
  std::string interface;               // the only one they leave by; empty: any
};

// What one source address holds towards one backend. A live block: `PortHold`s keep it.
class alignas(64) PortCounters {
 public:
  // Nothing: the kernel chooses the address.
  explicit PortCounters(std::optional<base::Address> source) : source_(std::move(source)) {}
  PortCounters(const PortCounters&) = delete;
  PortCounters& operator=(const PortCounters&) = delete;

  const std::optional<base::Address>& source() const { return source_; }
  std::uint64_t open() const { return static_cast<std::uint64_t>(open_.value()); }
  std::uint64_t opened_total() const { return opened_.value(); }
  std::uint64_t dry_total() const { return dry_.value(); }
  std::uint64_t missing_total() const { return missing_.value(); }

  // A connect found no port left (net::Connecting::out_of_ports): counts it, and for `kDryPause` the address
  // is not asked again.
  void found_dry(base::TimePoint now);
  // It was not asked, and no other source gave a connection: counts like the above and puts off nothing.
  void not_asked() { dry_.add(); }
  bool is_in_pause(base::TimePoint now) const;

  // A connect found that the address is none of this host's (net::Connecting::not_our_address): counts it.
  void found_missing() { missing_.add(); }

  // The kernel looks at every port before it says that there is none: a millisecond or so, in which a worker
  // does nothing else. So of each source that is a hundredth of the time at most, unless ports come free.
  static constexpr base::Millis kDryPause{100};

 private:
  friend class PortHold;

  void end_pause();

  const std::optional<base::Address> source_;
  metrics::SharedGauge open_;
  metrics::SharedCounter opened_;
  metrics::SharedCounter dry_;
  metrics::SharedCounter missing_;
  std::atomic<base::TimePoint::rep> dry_until_{base::TimePoint::min().time_since_epoch().count()};
};

// One connection's port, from the moment its connect has begun until its socket is closed. Move-only; safe to
// give up on any thread. The address that it counts for lives as long as it does.
class PortHold {
 public:
  PortHold() = default;  // of nothing
  // Counts one more. Precondition: there are counters.
  explicit PortHold(std::shared_ptr<PortCounters> counters);
  ~PortHold() { release(); }
  PortHold(PortHold&& other) noexcept = default;
  PortHold& operator=(PortHold&& other) noexcept;

  explicit operator bool() const { return counters_ != nullptr; }
  // The counters of what it holds; nothing when it holds nothing.
  const std::shared_ptr<PortCounters>& counters() const { return counters_; }
  // Gives the port up; holds nothing afterwards. It may be in TIME_WAIT, so a pause of its source goes on.
  void release();
  // The same for a port that is free by now, since its socket was reset or never connected: a pause of its
  // source ends with it. One that comes between another thread's question and its answer is missed, which
  // costs a pause.
  void give_back();

 private:
  std::shared_ptr<PortCounters> counters_;
};

// The sources of one backend.
class SourceTurn {
 public:
  static constexpr std::size_t kMost = 64;  // source addresses of a pool

  // Those of `sources` that are of `family`, the backend's, in their order. None is: the kernel chooses,
  // which is counted as one source without an address. A source that `before` had too (the backend's turn in
  // the configuration before this one) keeps its counters. Precondition: at most `kMost` sources, each once.
  SourceTurn(std::span<const base::Address> sources, int family, const SourceTurn* before = nullptr);
  SourceTurn(const SourceTurn&) = delete;
  SourceTurn& operator=(const SourceTurn&) = delete;

  // The sources to try for one connection, each once. Valid as long as the `SourceTurn`.
  class Order {
   public:
    // The next one to try; nullptr when none is left.
    const std::shared_ptr<PortCounters>* next();
    // No connection came of it: counts that for the sources that were in their pause.
    void came_to_nothing() const;

   private:
    friend class SourceTurn;
    Order(const SourceTurn& turn, std::size_t first, base::TimePoint now);
    bool is_paused(std::size_t index) const { return (paused_ >> index & 1) != 0; }

    const SourceTurn* turn_;
    std::size_t first_;
    std::size_t step_ = 0;
    std::uint64_t paused_ = 0;  // a bit for each source
  };

  // Begins with the one whose turn it is, then goes round; those that were found dry within the last
  // `kDryPause` are left out, so there may be none at all. Exact over all threads: the first ones of n orders
  // differ by one at most, while none is left out.
  Order order(base::TimePoint now) { return {*this, turn_.fetch_add(1, std::memory_order_relaxed), now}; }

  // At least one.
  const std::vector<std::shared_ptr<PortCounters>>& all() const { return all_; }

 private:
  std::vector<std::shared_ptr<PortCounters>> all_;
  std::atomic<std::size_t> turn_{0};
};

}  // namespace weir::pool
