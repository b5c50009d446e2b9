// Decides from the kernel's counters whether the door is under pressure, as two states that begin and end. A
// SYN flood: half-open connections that nobody completes fill the SYN queue. An overflow: finished
// connections are not accepted in time, because Weir is too slow or the backlog too small. It only tells; it
// refuses nothing. Asked once a second by the control thread, which owns it; who wants to know elsewhere is
// told by what that thread publishes. Pure: counters and `now` are arguments. The counters are those of the
// whole network namespace, so a flood at another program's socket shows here too.
#pragma once

#include <cstdint>
#include <optional>

#include "admission/episode.h"
#include "base/clock.h"

namespace weir::admission {

// Counted since the namespace began, as in net::KernelCounters; what the kernel does not count is zero. What
// Linux does (net/ipv4/tcp_input.c, tcp_conn_request; syncookies.c), and what is made of it:
//
// A SYN that finds the SYN queue full is answered with a cookie, and nothing is kept. A real client brings
// the cookie back within a round trip; a forged address never does. So the sign of a flood is the cookies
// that are *not* brought back. Those sent, and TCPReqQFullDoCookies, also rise while honest clients come
// faster than the queue is long, for a minute after a flood while its remains fill the queue, and always with
// tcp_syncookies = 2.
//
// With cookies off the SYN is dropped: TCPReqQFullDrop counts it when the queue is as long as the backlog,
// nothing of its own when it is three quarters of tcp_max_syn_backlog long. ListenDrops counts both, and also
// what a full accept queue drops, each of which ListenOverflows counts. So the sign is ListenDrops less
// ListenOverflows. Honest clients who come faster than the queue is long look the same, but seldom for long.
//
// What has no sign here: a flood too thin to fill the SYN queue, which does no harm; and, with cookies on, a
// flood while the accept queue is full, whose SYNs count as overflow.
struct KernelSigns {
  std::uint64_t cookies_sent = 0;      // SyncookiesSent
  std::uint64_t cookies_answered = 0;  // SyncookiesRecv
  // SyncookiesFailed: ACKs with a bad cookie. Reported only: they fill no queue, and the rest of a connection
  // that ended counts there too.
  std::uint64_t cookies_failed = 0;
  std::uint64_t listen_drops = 0;      // ListenDrops
  std::uint64_t accept_overflows = 0;  // ListenOverflows
};

// SYNs, in some time.
struct SynCounts {
  std::uint64_t cookies_sent = 0;
  std::uint64_t cookies_answered = 0;
  std::uint64_t cookies_unanswered = 0;  // of those sent in the second before: not brought back since
  std::uint64_t cookies_failed = 0;      // ACKs
  std::uint64_t dropped = 0;             // for another reason than a full accept queue

  bool operator==(const SynCounts&) const = default;
};

struct FloodRules {
  // Unanswered and dropped SYNs.
  EpisodeRules syn_flood{50, 10, 1'000, base::Millis(3'000), base::Millis(10'000)};
  // Connections that found the accept queue full. Each of them waits for a second or more.
  EpisodeRules accept_overflow{1, 0, 100, base::Millis(3'000), base::Millis(10'000)};
};

struct SynFloodEvent {
  Episode::Change change = Episode::Change::kBegan;
  Episode::Facts facts;  // of unanswered and dropped SYNs together
  SynCounts per_second;  // now
  SynCounts total;       // since the beginning, up to now; cookies sent since the second before it
};

struct AcceptOverflowEvent {
  Episode::Change change = Episode::Change::kBegan;
  Episode::Facts facts;
  std::uint64_t per_second = 0;  // now
};

class FloodWatch {
 public:
  struct Events {
    std::optional<SynFloodEvent> syn_flood;
    std::optional<AcceptOverflowEvent> accept_overflow;
  };

  explicit FloodWatch(FloodRules rules = {})
      : syn_flood_(rules.syn_flood), accept_overflow_(rules.accept_overflow) {}

  // Takes one look, about a second after the one before. The first only learns where the counters stand. A
  // look less than `kShortest` after another is passed over; what it would have seen counts in the next. A
  // counter that went back counts as one that stands still until it is past where it was.
  Events look(const KernelSigns& signs, base::TimePoint now);

  // Whether a SYN flood is going on.
  bool active() const { return syn_flood_.active(); }
  const Episode& syn_flood() const { return syn_flood_; }
  const Episode& accept_overflow() const { return accept_overflow_; }
  // SYNs a second, at the last look.
  const SynCounts& per_second() const { return per_second_; }

  static constexpr base::Millis kShortest{500};

 private:
  std::uint64_t take_unanswered(std::uint64_t sent, std::uint64_t answered);

  Episode syn_flood_;
  Episode accept_overflow_;
  KernelSigns last_;
  std::optional<base::TimePoint> looked_;
  std::uint64_t outstanding_ = 0;  // cookies sent before the last look and not yet brought back
  std::uint64_t last_sent_ = 0;    // cookies, between the last two looks
  SynCounts per_second_;
  SynCounts total_;  // since the flood, or the suspicion of one, began
};

}  // namespace weir::admission
