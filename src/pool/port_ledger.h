// What is known of the local ports of every (source, backend) pair that is in use: how many are held, how
// many are in TIME_WAIT, and when none will be left. Backends of one address, in whatever pools, share a
// pair, since the kernel counts ports by address. Pure: what the kernel tells and `now` are arguments; one
// thread. Its cost is a look at each counter, and more only for pairs in use.
//
// Where the kernel chooses the source, all its own addresses count as one pair, which is right while routes
// give one. But where another pool names sources towards the same backend, the pair is that of the address
// which the kernel would choose when it is first used; if routes change the choice while it is in use, the
// ledger learns of it only once the pair was forgotten. A pool that connects from its clients' addresses has
// no pair: each client has ports of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "pool/backend.h"
#include "pool/port_use.h"

namespace weir::pool {

struct PortEvent {
  enum class Kind {
    kLow,      // ports will be used up soon, or are
    kEnough,   // no longer
    kMissing,  // a source is no address of this host's; once for each address
  };
  Kind kind = Kind::kLow;
  std::size_t pool = 0;              // the position that was given with the backend
  std::shared_ptr<Backend> backend;  // of several that share the pair, one
  std::optional<base::Address> source;
  PortSample sample;
  PortOutlook outlook;
};

// What is known of one source of a backend.
struct PortView {
  std::uint64_t time_wait = 0;
  std::uint64_t free = 0;
  std::optional<std::chrono::seconds> dry_in;
};
using PortViews = std::unordered_map<const PortCounters*, PortView>;

// What the kernel says at one moment.
struct PortFacts {
  unsigned usable = 0;  // net::LocalPorts::usable
  unsigned tcp_tw_reuse = 0;
  // Connections in TIME_WAIT from `source` (nothing: from any) to `destination`.
  std::function<std::uint64_t(const std::optional<base::Address>& source, const base::Address& destination)>
      time_wait;
};

class PortLedger {
 public:
  // The address that the kernel would choose towards `destination` by that interface (empty: any).
  using Chosen = std::function<std::optional<base::Address>(const base::Address& destination,
                                                            const std::string& interface)>;

  explicit PortLedger(Chosen chosen = [](const auto&, const auto&) { return std::nullopt; })
      : chosen_(std::move(chosen)) {}

  // A backend of the pool at position `pool`; it may be known, and may have left before. One without an IP
  // address is ignored.
  void add(std::size_t pool, std::shared_ptr<Backend> backend);
  // It has left its pool. What it still holds counts as long as it does.
  void remove(const Backend& backend);

  // No pair can have come near its end since the last look: nothing has been opened, or what is held, what
  // was in TIME_WAIT then and all that has been opened since are less than a quarter of `usable`; where the
  // kernel takes ports in TIME_WAIT again, what is held and what has been opened since the last call. To be
  // called each second between looks. Of what other processes do it knows nothing.
  bool is_calm(unsigned usable);

  // First step of a look: finds the pairs in use, and forgets those that were not for `kForgetAfter`. Of
  // those that are new it takes `kMostNew`, and the others the next time.
  // Returns the addresses of their backends, each once.
  std::vector<base::Address> begin_look(base::TimePoint now);

  // Second step: takes what there is and foretells. Returns what began or ended by this.
  std::vector<PortEvent> end_look(const PortFacts& facts, base::TimePoint now);

  // As of the last look, for the sources in use. Valid by the address of the counters as long as their
  // backend lives.
  PortViews views() const;

  std::size_t pairs() const { return pairs_.size(); }

  // Longer than TIME_WAIT.
  static constexpr base::Millis kForgetAfter{90'000};
  static constexpr std::size_t kMostNew = 2'000;

 private:
  struct Watched {
    std::size_t pool = 0;
    std::shared_ptr<Backend> backend;
    const SourceTurn* sources = nullptr;  // of its way when it was added
    std::vector<std::uint64_t> seen;      // of each source: what `mark_of` was at the last look
    bool has_left = false;
  };
  // What a member has left behind, to be taken back if it comes again.
  struct Gone {
    std::weak_ptr<PortCounters> counters;
    std::uint64_t opened = 0;
    std::uint64_t dry = 0;
  };
  struct Pair {
    std::size_t pool = 0;
    std::shared_ptr<Backend> backend;
    std::optional<base::Address> source;
    base::Address destination;
    std::vector<std::shared_ptr<PortCounters>> members;
    std::uint64_t gone_opened = 0;  // of members that have gone
    std::uint64_t gone_dry = 0;
    std::vector<Gone> gone;           // what of that may come again
    std::uint64_t opened_before = 0;  // at the last call of `is_calm`, or the last look
    base::TimePoint used;
    PortForecast forecast;
  };
  using Pairs = std::map<std::string, Pair>;

  void follow_ways();
  bool is_watched_elsewhere(const Watched& watched, const std::shared_ptr<PortCounters>& counters) const;
  void look_at(Watched& watched, base::TimePoint now);
  void note_missing(const Watched& watched, const PortCounters& counters);
  // From where a connection that those counters count comes; nothing: from whatever address.
  std::optional<base::Address> source_of(const Backend& backend, const PortCounters& counters) const;
  Pair& pair_of(const Watched& watched, const std::shared_ptr<PortCounters>& counters);
  void leave(const std::shared_ptr<PortCounters>& counters);
  void forget_unused(base::TimePoint now);
  static bool is_far_from_its_end(Pair& pair, unsigned usable);
  static PortSample sample_of(const Pair& pair, const PortFacts& facts);

  Chosen chosen_;
  std::unordered_map<const SourceTurn*, Watched> watched_;
  std::multiset<std::string> named_;  // the address of each that has sources of its own
  Pairs pairs_;
  std::unordered_map<const PortCounters*, Pairs::iterator> pair_by_counters_;
  std::size_t new_left_ = 0;  // that this look may still take
  std::set<std::string> missing_told_;
  std::vector<PortEvent> events_;
};

}  // namespace weir::pool
