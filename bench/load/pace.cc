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

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void finish(Connections& connections, const Span& span) {
  Tally& tally = connections.tally();
  tally.seconds = std::chrono::duration<double>(span.length).count();
  tally.cpu_seconds = cpu_seconds();
  connections.end();
}

}  // namespace

void run_closed(Connections& connections, const Span& span) {
  const TimePoint counts_from = base::precise_now() + span.warm_up;
  const TimePoint end = counts_from + span.length;
  connections.count_from(counts_from);
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now()) {
    // Each that is free now, once: where connects fail at once they are free again at once.
    for (std::size_t free = connections.size() - connections.unanswered(); free > 0; --free)
      connections.ask(base::precise_now());
    connections.wait(connections.unanswered() > 0 ? end - now : std::min<nanoseconds>(end - now, kPause));
  }
  finish(connections, span);
}

void run_open(Connections& connections, const Span& span, double per_second) {
  const TimePoint start = base::precise_now();
  const TimePoint end = start + span.warm_up + span.length;
  connections.count_from(start + span.warm_up);
  std::uint64_t asked = 0;
  const auto due = [&] {
    return start + nanoseconds(std::llround(static_cast<double>(asked) * 1e9 / per_second));
  };
  for (TimePoint now = start; due() < end; now = base::precise_now()) {
    for (; due() <= now && due() < end; ++asked) connections.ask(due());
    connections.wait(due() - now);
  }
  const TimePoint patience_ends = end + connections.patience();
  while (connections.unanswered() > 0 && base::precise_now() < patience_ends)
    connections.wait(base::Millis(10));
  connections.tally().unanswered = connections.unanswered();
  finish(connections, span);
}

void run_idle(Connections& connections, const Span& span) {
  // A few at a time, so that no queue on the way is too short for them.
  constexpr std::size_t kAtOnce = 64;
  std::size_t asked = 0;
  while (asked < connections.size() || connections.unanswered() > 0) {
    for (; asked < connections.size() && connections.unanswered() < kAtOnce; ++asked)
      connections.ask(base::precise_now());
    connections.wait(base::Millis(100));
  }
  std::fputs("all stand\n", stderr);
  const TimePoint end = base::precise_now() + span.length;
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now()) connections.wait(end - now);
  finish(connections, span);
}

void only_answer(Responder& responder, const Span& span) {
  const TimePoint end = base::precise_now() + span.length;
  for (TimePoint now = base::precise_now(); now < end; now = base::precise_now())
    responder.answer(std::chrono::duration_cast<base::Millis>(end - now) + base::Millis(1));
}

}  // namespace weir::load
