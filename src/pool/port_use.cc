#include "pool/port_use.h"

#include <algorithm>
#include <cmath>

namespace weir::pool {
namespace {

using std::chrono::seconds;

std::uint64_t less(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

double difference(std::uint64_t now, std::uint64_t before) {
  return static_cast<double>(now) - static_cast<double>(before);
}

std::uint64_t rounded(double value) { return static_cast<std::uint64_t>(std::llround(std::max(value, 0.0))); }

// Ended between two samples: what was opened and is no longer held.
std::uint64_t ended_between(const PortSample& before, const PortSample& now) {
  const std::uint64_t opened = less(now.opened_total, before.opened_total);
  return less(before.held + opened, now.held);
}

}  // namespace

TimeWaitReuse time_wait_reuse(unsigned tcp_tw_reuse, const base::Address& source,
                              const base::Address& backend) {
  const bool reuses =
      tcp_tw_reuse == 1 || (tcp_tw_reuse == 2 && (source.is_loopback() || backend.is_loopback()));
  return reuses ? TimeWaitReuse::kAfterASecond : TimeWaitReuse::kNever;
}

std::optional<PortForecast::Change> PortForecast::add(const PortSample& sample, base::TimePoint now) {
  if (looked_ && now - *looked_ < kShortest) return std::nullopt;
  const bool found_dry = looked_ && sample.dry_total > last_.dry_total;
  learn(sample, now);
  look_ahead();
  return judge(found_dry, now);
}

void PortForecast::learn(const PortSample& sample, base::TimePoint now) {
  if (!looked_ || now - *looked_ > LastMinute::kLength) {
    ended_ = {};
    ending_ = held_growth_ = shrinking_ = Smoothed(kMemory);
    ended_.add(0, now, now);
  } else {
    const auto passed = now - *looked_;
    const std::uint64_t ended = ended_between(last_, sample);
    ended_.add(ended, *looked_, now);
    ending_.add(static_cast<double>(ended), passed);
    const double held = difference(sample.held, last_.held);
    held_growth_.add(held, passed);
    const bool reuses = sample.reuse == TimeWaitReuse::kAfterASecond;
    shrinking_.add(held + (reuses ? 0.0 : difference(sample.time_wait, last_.time_wait)), passed);
  }
  last_ = sample;
  looked_ = now;
  // Nothing in TIME_WAIT is older than a minute, so it is a part of what ended in the last minute; what
  // cannot be is the rest of a process before this one, or of another one.
  const std::uint64_t ended = ended_.within(LastMinute::kLength);
  if (ended > 0) {
    share_ = std::min(1.0, static_cast<double>(sample.time_wait) / static_cast<double>(ended));
  }
}

// How many ports TIME_WAIT will keep from being used, `ahead` of the last sample and at most a minute.
double PortForecast::in_time_wait_after(seconds ahead) const {
  const auto all = static_cast<double>(last_.time_wait);
  if (last_.reuse == TimeWaitReuse::kAfterASecond) {
    // A second's worth. How many went to TIME_WAIT cannot be seen where they are taken out early: at most
    // all.
    return ahead.count() > 0 ? ending_.per_second() : std::min(all, ending_.per_second());
  }
  const double ours = share_ * static_cast<double>(ended_.within(LastMinute::kLength));
  const double part =
      1.0 - static_cast<double>(ahead.count()) / static_cast<double>(LastMinute::kLength.count());
  const double others = std::max(0.0, all - ours) * part;
  const double left = share_ * static_cast<double>(ended_.within(LastMinute::kLength - ahead));
  return left + others + share_ * ending_.per_second() * static_cast<double>(ahead.count());
}

std::optional<seconds> PortForecast::dry_in() const {
  const double usable = last_.usable;
  const auto held = static_cast<double>(last_.held);
  const double growth = held_growth_.per_second();
  if (outlook_.free == 0) return seconds(0);
  // Mostly there is far more room than a minute could fill, and the minute need not be gone through.
  const auto minute = static_cast<double>(LastMinute::kLength.count());
  const double most =
      held + static_cast<double>(last_.time_wait) + (std::max(growth, 0.0) + ending_.per_second()) * minute;
  for (seconds ahead(1); most >= usable && ahead <= LastMinute::kLength; ++ahead) {
    const double needed = held + growth * static_cast<double>(ahead.count()) + in_time_wait_after(ahead);
    if (needed >= usable) return ahead;
  }
  // From then on TIME_WAIT loses as many as it gains.
  const double room = usable - held - in_time_wait_after(LastMinute::kLength);
  if (growth <= 0.0 || room / growth > static_cast<double>(kHorizon.count())) return std::nullopt;
  return seconds(std::llround(std::ceil(room / growth)));
}

void PortForecast::look_ahead() {
  const std::uint64_t busy = last_.held + rounded(in_time_wait_after(seconds(0)));
  outlook_.free = less(last_.usable, busy);
  outlook_.shrinking_per_second = shrinking_.per_second();
  outlook_.eventual_need = last_.held + rounded(in_time_wait_after(LastMinute::kLength));
  outlook_.dry_in = dry_in();
}

std::optional<PortForecast::Change> PortForecast::judge(bool found_dry, base::TimePoint now) {
  const auto free = static_cast<double>(outlook_.free);
  const double usable = last_.usable;
  const auto within = [&](seconds time) { return outlook_.dry_in && *outlook_.dry_in <= time; };
  const bool urgent = found_dry || outlook_.free == 0 || free < rules_.begin_free * usable;
  const bool turns = warns_ ? !urgent && free >= rules_.end_free * usable && !within(rules_.end_dry_in)
                            : urgent || within(rules_.begin_dry_in);
  if (!turns) {
    turning_since_.reset();
    return std::nullopt;
  }
  if (!turning_since_) turning_since_ = now;
  const bool at_once = !warns_ && urgent;
  if (!at_once && now - *turning_since_ < (warns_ ? rules_.end_after : rules_.begin_after))
    return std::nullopt;
  turning_since_.reset();
  warns_ = !warns_;
  return warns_ ? Change::kBegan : Change::kEnded;
}

}  // namespace weir::pool
