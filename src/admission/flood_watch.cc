#include "admission/flood_watch.h"

#include <algorithm>
#include <utility>

namespace weir::admission {
namespace {

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// The larger of each: what went back could not be read for once, and goes on from where it was.
KernelSigns later(const KernelSigns& a, const KernelSigns& b) {
  return {std::max(a.cookies_sent, b.cookies_sent), std::max(a.cookies_answered, b.cookies_answered),
          std::max(a.cookies_failed, b.cookies_failed), std::max(a.listen_drops, b.listen_drops),
          std::max(a.accept_overflows, b.accept_overflows)};
}

// Calls `each` with every member of two or three counts that belong together.
template <class Each, class... Counts>
void for_each_count(Each each, Counts&... counts) {
  each(counts.cookies_sent...);
  each(counts.cookies_answered...);
  each(counts.cookies_unanswered...);
  each(counts.cookies_failed...);
  each(counts.dropped...);
}

}  // namespace

// Cookies are brought back oldest first, as far as can be told. Those that were sent before the last look
// have had their round trip; those sent since get until the next.
std::uint64_t FloodWatch::take_unanswered(std::uint64_t sent, std::uint64_t answered) {
  const std::uint64_t unanswered = less(outstanding_, answered);
  outstanding_ = less(sent, less(answered, outstanding_));
  return unanswered;
}

FloodWatch::Events FloodWatch::look(const KernelSigns& signs, base::TimePoint now) {
  Events events;
  if (!looked_) {
    last_ = signs;
    looked_ = now;
    return events;
  }
  const base::TimePoint from = *looked_;
  if (now - from < kShortest) return events;
  looked_ = now;
  const KernelSigns before = std::exchange(last_, later(last_, signs));

  const std::uint64_t overflows = less(signs.accept_overflows, before.accept_overflows);
  SynCounts counts;
  counts.cookies_sent = less(signs.cookies_sent, before.cookies_sent);
  counts.cookies_answered = less(signs.cookies_answered, before.cookies_answered);
  counts.cookies_unanswered = take_unanswered(counts.cookies_sent, counts.cookies_answered);
  counts.cookies_failed = less(signs.cookies_failed, before.cookies_failed);
  counts.dropped = less(less(signs.listen_drops, before.listen_drops), overflows);

  for_each_count([&](std::uint64_t& rate, std::uint64_t count) { rate = rate_per_second(count, from, now); },
                 per_second_, counts);
  const std::uint64_t sent_before = std::exchange(last_sent_, counts.cookies_sent);
  if (!syn_flood_.active_or_suspected()) {
    total_ = {};
    total_.cookies_sent = sent_before;  // those that count as unanswered now
  }
  for_each_count([](std::uint64_t& total, std::uint64_t count) { total += count; }, total_, counts);

  if (const auto change = syn_flood_.add(counts.cookies_unanswered + counts.dropped, from, now)) {
    events.syn_flood = SynFloodEvent{*change, syn_flood_.facts(), per_second_, total_};
  }
  if (const auto change = accept_overflow_.add(overflows, from, now)) {
    events.accept_overflow =
        AcceptOverflowEvent{*change, accept_overflow_.facts(), accept_overflow_.per_second()};
  }
  return events;
}

}  // namespace weir::admission
