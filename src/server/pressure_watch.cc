#include "server/pressure_watch.h"

#include <algorithm>

namespace weir::server {
namespace {

using admission::Episode;
using base::LogFields;

constexpr base::Millis kInterval{1'000};

admission::KernelSigns signs_of(const net::KernelCounters& counters) {
  admission::KernelSigns signs;
  signs.cookies_sent = counters.syncookies_sent.value_or(0);
  signs.cookies_answered = counters.syncookies_received.value_or(0);
  signs.cookies_failed = counters.syncookies_failed.value_or(0);
  signs.listen_drops = counters.listen_drops.value_or(0);
  signs.accept_overflows = counters.listen_overflows.value_or(0);
  return signs;
}

void add_counts(LogFields& fields, const admission::SynCounts& counts, const std::string& suffix) {
  fields.number("cookies_sent" + suffix, counts.cookies_sent);
  fields.number("cookies_answered" + suffix, counts.cookies_answered);
  fields.number("dropped" + suffix, counts.dropped);
}

// How it began or what it has been.
LogFields fields_of(Episode::Change change, const Episode::Facts& facts, std::uint64_t per_second) {
  LogFields fields;
  if (change == Episode::Change::kBegan) {
    fields.text("change", "began");
    fields.number("per_second", per_second);
  } else {
    fields.text("change", "ended");
    fields.number("lasted_ms", static_cast<std::uint64_t>(facts.lasted().count()));
    fields.number("count", facts.total);
    fields.number("peak_per_second", facts.peak_per_second);
  }
  return fields;
}

// The socket that dropped most between two looks; null when none did. Queues are in the same order in both,
// but for those that were closed since.
const AcceptQueueStatus* worst(const std::vector<AcceptQueueStatus>& before,
                               const std::vector<AcceptQueueStatus>& now) {
  if (before.size() != now.size()) return nullptr;
  const AcceptQueueStatus* found = nullptr;
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    const std::uint32_t dropped = now[i].drops - before[i].drops;
    if (dropped > most) {
      most = dropped;
      found = &now[i];
    }
  }
  return found;
}

}  // namespace

PressureWatch::PressureWatch(net::EventLoop& loop, Parts parts)
    : log_(parts.log), listeners_(std::move(parts.listeners)), sockets_(&parts.sockets) {
  timer_.bind<&PressureWatch::look>(loop, this);
}

void PressureWatch::start() { look(); }

void PressureWatch::change(std::vector<std::string> listeners, const ListenerSet& sockets) {
  listeners_ = std::move(listeners);
  sockets_ = &sockets;
  // Other sockets than at the looks before cannot be compared with those.
  before_ = accept_queues(sockets);
  earlier_ = before_;
}

PressureStatus PressureWatch::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void PressureWatch::look() {
  timer_.start(kInterval);
  const auto counters = load();
  if (!counters) {
    const std::lock_guard lock(mutex_);
    status_ = {};
    return;
  }
  const auto events = flood_watch_.look(signs_of(*counters), base::precise_now());
  {
    const std::lock_guard lock(mutex_);
    status_ = {true, *counters, flood_watch_.active(), flood_watch_.accept_overflow().active()};
  }
  auto queues = accept_queues(*sockets_);
  if (before_.empty()) {
    // Whatever the sockets have dropped, they have dropped since this process opened them.
    before_ = queues;
    for (AcceptQueueStatus& queue : before_) queue.drops = 0;
  }
  if (events.syn_flood) tell(*events.syn_flood);
  if (events.accept_overflow) tell(*events.accept_overflow, queues);
  earlier_ = std::move(before_);
  before_ = std::move(queues);
}

// Without the two that tell of drops there is nothing to judge.
base::Result<net::KernelCounters> PressureWatch::load() {
  auto counters = net::load_kernel_counters();
  if (counters && (!counters->listen_drops || !counters->listen_overflows)) {
    counters = base::failure(
        {base::ErrorSide::kSystem, "/proc/net/netstat has no ListenDrops or no ListenOverflows"});
  }
  if (!counters && can_read_) {
    log_.event(LogLevel::kWarning, "kernel_counters",
               "floods cannot be noticed: " + counters.error().message());
  } else if (counters && !can_read_) {
    log_.event(LogLevel::kInfo, "kernel_counters", "they can be read again");
  }
  can_read_ = counters.has_value();
  return counters;
}

void PressureWatch::tell(const admission::SynFloodEvent& event) const {
  LogFields fields = fields_of(event.change, event.facts, event.facts.peak_per_second);
  if (event.change == Episode::Change::kEnded) {
    add_counts(fields, event.total, "");
    return log_.event(LogLevel::kInfo, "syn_flood", "SYNs are answered as usual again", fields);
  }
  add_counts(fields, event.per_second, "_per_second");
  const bool by_cookies = event.per_second.cookies_sent > event.per_second.dropped;
  const bool has_cookies = net::load_kernel_settings().tcp_syncookies.value_or(1) != 0;
  log_.event(LogLevel::kWarning, "syn_flood",
             by_cookies    ? "SYNs that nobody follows up fill a queue; cookies let honest clients in"
             : has_cookies ? "SYNs are dropped, and not for a full accept queue"
                           : "a queue is full and SYNs are dropped, those of honest clients too; `sysctl -w "
                             "net.ipv4.tcp_syncookies=1` lets them in",
             fields);
}

void PressureWatch::tell(const admission::AcceptOverflowEvent& event,
                         const std::vector<AcceptQueueStatus>& queues) const {
  LogFields fields = fields_of(event.change, event.facts, event.per_second);
  if (event.change == Episode::Change::kEnded) {
    return log_.event(LogLevel::kInfo, "accept_overflow", "connections are accepted in time again", fields);
  }
  // The kernel's counters and the queues are not read in the same moment: what fell between the two at the
  // last look is in the counters' difference now, and in the queues' difference to the look before.
  const AcceptQueueStatus* queue = worst(earlier_, queues);
  if (queue != nullptr) {
    fields.text("listener", listeners_[queue->listener]);
    fields.text("address", queue->address.to_string());
    fields.number("limit", queue->limit);
  }
  log_.event(LogLevel::kWarning, "accept_overflow",
             queue != nullptr
                 ? "connections found an accept queue full and have to wait for a second or more; a "
                   "larger backlog holds more, more workers accept faster"
                 : "connections found an accept queue full, at another program's socket: none of "
                   "Weir's dropped any",
             fields);
}

std::vector<AcceptQueueStatus> accept_queues(const ListenerSet& listeners) {
  std::vector<AcceptQueueStatus> queues;
  for (const Assigned& one : listeners.sockets()) {
    const auto queue = one.socket->queue();
    if (!queue) continue;
    queues.push_back(
        {one.listener, one.worker, one.socket->address(), queue->depth, queue->limit, queue->drops});
  }
  return queues;
}

}  // namespace weir::server
