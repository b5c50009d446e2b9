#include "load/pace.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace weir::load {
namespace {

using base::TimePoint;
using std::chrono::nanoseconds;

// Where every request fails at once.
constexpr base::Millis kPause{1};
constexpr std::size_t kAtOnce = 64;  // connects that are begun together
constexpr double kMoment = 0.1;      // seconds

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void say(const char* word) { std::fprintf(stderr, "%s\n", word); }

// Who looks at the proxy's processor time does it between these two.
void begin(Connections& connections) {
  say("begins");
  connections.tally().cpu_seconds = -cpu_seconds();
}

void finish(Connections& connections, const Span& span) {
  say("over");
  Tally& tally = connections.tally();
  tally.seconds = std::chrono::duration<double>(span.length).count();
  tally.cpu_seconds += cpu_seconds();
  connections.count_no_bytes();
}

// A few at a time, so that no queue on the way is too short for them.
void open_slowly(Connections& connections, TimePoint latest) {
  for (std::size_t asked = 0; asked < connections.size() && base::precise_now() < latest;) {
    for (; asked < connections.size() && connections.unanswered() < kAtOnce; ++asked)
      connections.ask(base::precise_now());
    connections.wait(base::Millis(1));
  }
}

void ask_again_until(Connections& connections, TimePoint end) {
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now()) {
    // Each that is free now, once: where connects fail at once they are free again at once.
    for (std::size_t free = connections.size() - connections.unanswered(); free > 0; --free)
      connections.ask(base::precise_now());
    connections.wait(connections.unanswered() > 0 ? end - now : std::min<nanoseconds>(end - now, kPause));
  }
}

}  // namespace

void run_closed(Connections& connections, const Span& span) {
  connections.count(false);
  const TimePoint counts_from = base::precise_now() + span.warm_up;
  open_slowly(connections, counts_from);
  ask_again_until(connections, counts_from);
  connections.count(true);
  begin(connections);
  const TimePoint end = base::precise_now() + span.length;
  // Before that, what the buffers on the way hold comes even from a proxy that has stopped.
  ask_again_until(connections, end - span.length / 4);
  connections.watch_received();
  ask_again_until(connections, end);
  finish(connections, span);
  if (connections.reads_slowly()) {
    connections.count_starved();
  } else {
    connections.drain();
  }
  connections.close();
}

void run_open(Connections& connections, const Span& span, double per_second) {
  const TimePoint start = base::precise_now();
  const TimePoint counts_from = start + span.warm_up;
  const TimePoint end = counts_from + span.length;
  std::uint64_t asked = 0;
  const auto due = [&] {
    return start + nanoseconds(std::llround(static_cast<double>(asked) * 1e9 / per_second));
  };
  const auto ask_due = [&](TimePoint now) {
    for (; due() <= now && due() < end; ++asked) connections.ask(due());
  };
  const auto ask_until = [&](TimePoint limit) {
    TimePoint now = base::precise_now();
    for (; now < limit; now = base::precise_now()) {
      ask_due(now);
      connections.wait(std::min(due(), limit) - now);
    }
    ask_due(now);
  };
  connections.count(false);
  ask_until(counts_from);
  connections.count(true, counts_from);
  begin(connections);
  ask_until(end);
  finish(connections, span);
  const auto behind = static_cast<double>(connections.unanswered()) - static_cast<double>(connections.size());
  const TimePoint patience_ends = end + connections.patience();
  while (connections.unanswered() > 0 && base::precise_now() < patience_ends)
    connections.wait(base::Millis(10));
  connections.drain();
  // Who has fallen behind by more than a moment cannot do this rate.
  std::uint64_t& unanswered = connections.tally().unanswered;
  if (behind > per_second * kMoment) unanswered = std::max(unanswered, static_cast<std::uint64_t>(behind));
  connections.close();
}

void run_idle(Connections& connections, const Span& span) {
  open_slowly(connections, TimePoint::max());
  while (connections.unanswered() > 0) connections.wait(base::Millis(100));
  begin(connections);
  const TimePoint end = base::precise_now() + span.length;
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now()) connections.wait(end - now);
  finish(connections, span);
  connections.tally().read_errors += connections.lost();
  connections.drain();
  connections.close();
}

void only_answer(Responder& responder, const Span& span) {
  const TimePoint end = base::precise_now() + span.length;
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now())
    responder.answer(std::chrono::duration_cast<base::Millis>(end - now) + base::Millis(1));
}

}  // namespace weir::load
