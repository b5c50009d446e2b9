#include "server/drain.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "base/units.h"

namespace weir::server {
namespace {

constexpr base::Millis kLookInterval{20};
constexpr base::Millis kWordInterval{5'000};
constexpr base::Millis kRetiredWordInterval{600'000};
constexpr base::Millis kRetiredLookInterval{200};

}  // namespace

Drain::Drain(net::EventLoop& loop, Parts parts, std::function<void()> done)
    : parts_(std::move(parts)), done_(std::move(done)) {
  timer_.bind<&Drain::look>(loop, this);
}

void Drain::request() {
  if (retired_) return hurry();
  if (begun_) return cut(session::CloseReason::kShutdown);
  begun_ = true;
  const base::Millis delay = parts_.delay();
  stop_at_ = base::precise_now() + delay;
  if (delay > base::Millis(0)) {
    base::LogFields fields;
    fields.number("sessions", parts_.slots.used());
    fields.text("drain_delay", base::to_string(delay));
    parts_.log.event(LogLevel::kInfo, "unready", "accepting for a while; a second signal ends at once",
                     fields);
  }
  look();
}

void Drain::retire(std::optional<base::Millis> timeout) {
  if (begun_) return;
  begun_ = retired_ = true;
  retired_timeout_ = timeout;
  stop_at_ = base::precise_now();
  look();
}

// The end is wanted of a process that another one has taken the place of.
void Drain::hurry() {
  retired_ = false;
  const base::Millis timeout = parts_.timeout();
  const base::TimePoint until = base::precise_now() + timeout;
  deadline_ = deadline_ ? std::min(*deadline_, until) : until;
  say_that_it_drains("drain_timeout", base::to_string(timeout));
}

void Drain::begin_to_stop(base::TimePoint now) {
  stopping_ = true;
  parts_.stop_inviting();
  const std::optional<base::Millis> timeout = retired_ ? retired_timeout_ : parts_.timeout();
  if (timeout) deadline_ = now + *timeout;
  next_word_ = now + kWordInterval / 5;
  say_that_it_drains(retired_ ? "upgrade_drain_timeout" : "drain_timeout",
                     timeout ? base::to_string(*timeout) : "off");
}

void Drain::say_that_it_drains(std::string_view limit, const std::string& timeout) const {
  base::LogFields fields;
  fields.number("sessions", parts_.slots.used());
  fields.text(limit, timeout);
  parts_.log.event(LogLevel::kInfo, "draining", "accepting no more; a second signal ends at once", fields);
}

void Drain::cut(session::CloseReason reason) {
  if (cut_wanted_) return;
  cut_wanted_ = true;
  cut_reason_ = reason;
}

bool Drain::post_cut() {
  if (parts_.slots.used() > 0 && !forced_) {
    forced_ = true;
    base::LogFields fields;
    fields.number("sessions", parts_.slots.used());
    fields.text("reason", session::word(cut_reason_));
    parts_.log.event(LogLevel::kWarning, "cutting", "closing the sessions that are left", fields);
  }
  return post_to_all(cut_reason_);
}

void Drain::look() {
  const base::TimePoint now = base::precise_now();
  if (!stopping_ && now < stop_at_ && !cut_wanted_) return timer_.start(kLookInterval);
  if (!stopping_) begin_to_stop(now);
  // Two workers may have a socket that changes hands, and only one may close it.
  may_close_ = may_close_ || parts_.serving.is_settled();
  if (!stop_posted_ && may_close_) stop_posted_ = stop_accepting();
  if (!cut_wanted_ && deadline_ && now >= *deadline_) cut(session::CloseReason::kDrainTimeout);
  const WorkerSet::List workers = parts_.workers.all();
  const bool accepting =
      std::any_of(workers.begin(), workers.end(), [](const auto& w) { return w->accepting(); });
  // After the last listening socket has closed no session can appear any more, so the cut reaches all of
  // them.
  if (!accepting && cut_wanted_ && !cut_posted_) cut_posted_ = post_cut();
  if (!accepting && parts_.slots.used() == 0) return done_();
  if (now >= next_word_) {
    say_what_is_waited_for();
    next_word_ = now + (retired_ ? kRetiredWordInterval : kWordInterval);
  }
  // What lasts for hours is not looked at as often as what is to end.
  timer_.start(retired_ && !accepting ? kRetiredLookInterval : kLookInterval);
}

bool Drain::stop_accepting() {
  bool all = true;
  for (const auto& worker : parts_.workers.all()) all = worker->post(StopAccepting{}) && all;
  return all;
}

bool Drain::post_to_all(session::CloseReason reason) {
  bool all = true;
  for (const auto& worker : parts_.workers.all()) all = worker->post(CloseSessions{reason}) && all;
  return all;
}

void Drain::say_what_is_waited_for() {
  std::string open;
  for (const auto& listener : parts_.serving.current().listeners) {
    const std::uint64_t sessions = listener->tally->open();
    if (sessions == 0) continue;
    fmt::format_to(std::back_inserter(open), "{}{}={}", open.empty() ? "" : " ", listener->name, sessions);
  }
  base::LogFields fields;
  fields.number("sessions", parts_.slots.used());
  fields.text("listeners", open);
  if (deadline_) {
    const auto left = std::chrono::duration_cast<std::chrono::seconds>(*deadline_ - base::precise_now());
    fields.number("seconds_left", static_cast<std::uint64_t>(std::max<std::int64_t>(left.count(), 0)));
  }
  parts_.log.event(LogLevel::kInfo, "waiting", "sessions are still open", fields);
}

}  // namespace weir::server
