#include "server/port_watch.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "net/kernel_counters.h"
#include "net/time_wait.h"

namespace weir::server {
namespace {

using base::Address;
using base::LogFields;
using pool::PortEvent;

constexpr base::Millis kInterval{1'000};
constexpr base::Millis kLongestInterval{30'000};
constexpr std::int64_t kShareOfTime = 50;
// While there is no danger the kernel is asked that often: it goes through all of its connections.
constexpr base::Millis kCalmInterval{10'000};

// TIME_WAIT by pair, and by backend for those that come from anywhere.
class TimeWaits {
 public:
  explicit TimeWaits(const std::vector<net::TimeWaitCount>& counts) {
    for (const net::TimeWaitCount& one : counts) {
      const std::string destination = one.destination.to_string();
      by_pair_[key_of(one.source, destination)] += one.count;
      by_destination_[destination] += one.count;
    }
  }

  std::uint64_t of(const std::optional<Address>& source, const Address& destination) const {
    const std::string text = destination.to_string();
    return source ? value(by_pair_, key_of(*source, text)) : value(by_destination_, text);
  }

 private:
  using Counts = std::unordered_map<std::string, std::uint64_t>;

  static std::string key_of(const Address& source, const std::string& destination) {
    return source.ip_to_string() + ' ' + destination;
  }
  static std::uint64_t value(const Counts& counts, const std::string& key) {
    const auto found = counts.find(key);
    return found == counts.end() ? 0 : found->second;
  }

  Counts by_pair_;
  Counts by_destination_;
};

void add_state(LogFields& fields, const PortEvent& event) {
  const pool::PortSample& sample = event.sample;
  fields.number("free", event.outlook.free);
  fields.number("usable", sample.usable);
  fields.number("held", sample.held);
  fields.number("time_wait", sample.time_wait);
}

void add_outlook(LogFields& fields, const pool::PortOutlook& outlook) {
  fields.number("rate",
                static_cast<std::uint64_t>(std::llround(std::max(0.0, outlook.shrinking_per_second))));
  if (outlook.dry_in) {
    fields.number("dry_in", static_cast<std::uint64_t>(outlook.dry_in->count()));
  } else {
    fields.none("dry_in");
  }
  fields.number("need", outlook.eventual_need);
}

std::string_view advice_on(const PortEvent& event) {
  return event.sample.reuse == pool::TimeWaitReuse::kNever
             ? "soon no local port will be left towards this backend; more `source` addresses, a wider "
               "net.ipv4.ip_local_port_range or, while most of them are in TIME_WAIT, `sysctl -w "
               "net.ipv4.tcp_tw_reuse=1` help"
             : "soon no local port will be left towards this backend; more `source` addresses or a wider "
               "net.ipv4.ip_local_port_range help";
}

}  // namespace

PortWatch::PortWatch(net::EventLoop& loop, Parts parts)
    : log_(parts.log), pools_(&parts.pools), findings_(std::make_shared<const PortFindings>()) {
  timer_.bind<&PortWatch::look>(loop, this);
}

void PortWatch::start() {
  add_all();
  look();
}

void PortWatch::change(const std::vector<std::shared_ptr<pool::Pool>>& pools) {
  pools_ = &pools;
  add_all();
}

void PortWatch::add_all() {
  for (std::size_t i = 0; i < pools_->size(); ++i) {
    for (const auto& backend : (*pools_)[i]->members()) add(i, backend);
  }
}

void PortWatch::add(std::size_t pool, const std::shared_ptr<pool::Backend>& backend) {
  const std::string& name = (*pools_)[pool]->name();
  const auto known = std::find(names_.begin(), names_.end(), name);
  const auto position = static_cast<std::size_t>(known - names_.begin());
  if (known == names_.end()) names_.push_back(name);
  ledger_.add(position, backend);
}

std::shared_ptr<const PortFindings> PortWatch::findings() const {
  const std::lock_guard lock(mutex_);
  return findings_;
}

void PortWatch::look() {
  const base::TimePoint begun = base::precise_now();
  if (looked_ && begun - *looked_ < kCalmInterval && ledger_.is_calm(findings_->usable)) {
    return timer_.start(kInterval);
  }
  looked_ = begun;
  auto findings = std::make_shared<PortFindings>();
  const net::KernelSettings settings = net::load_kernel_settings();
  if (!settings.local_ports) tell_unknown("net.ipv4.ip_local_port_range cannot be read");
  findings->usable = settings.local_ports.value_or(net::LocalPorts()).usable();

  const std::vector<Address> destinations = ledger_.begin_look(begun);
  auto counts = destinations.empty() ? base::Result<std::vector<net::TimeWaitCount>>()
                                     : net::time_wait_towards(destinations);
  if (!counts) tell_unknown(counts.error().message());
  findings->knows_time_wait = counts.has_value();
  const TimeWaits waits(counts ? *counts : std::vector<net::TimeWaitCount>());
  const pool::PortFacts facts{findings->usable, settings.tcp_tw_reuse.value_or(0),
                              [&](const auto& source, const Address& to) { return waits.of(source, to); }};
  const base::TimePoint now = base::precise_now();
  for (const PortEvent& event : ledger_.end_look(facts, now)) tell(event);
  findings->views = ledger_.views();
  {
    const std::lock_guard lock(mutex_);
    findings_ = std::move(findings);
  }
  timer_.start(next_port_look(std::chrono::duration_cast<base::Micros>(base::precise_now() - begun)));
}

void PortWatch::tell(const PortEvent& event) const {
  LogFields fields;
  fields.text("pool", names_[event.pool]);
  fields.text("backend", event.backend->name());
  fields.text("source", event.source ? event.source->ip_to_string() : "auto");
  switch (event.kind) {
    case PortEvent::Kind::kLow:
      fields.text("change", "began");
      add_state(fields, event);
      add_outlook(fields, event.outlook);
      return log_.event(LogLevel::kWarning, "ports_low", advice_on(event), fields);
    case PortEvent::Kind::kEnough:
      fields.text("change", "ended");
      add_state(fields, event);
      return log_.event(LogLevel::kInfo, "ports_low", "there are enough local ports again", fields);
    case PortEvent::Kind::kMissing:
      return log_.event(LogLevel::kWarning, "source_missing",
                        "this host has not that address now: connections come from the others", fields);
  }
}

void PortWatch::tell_unknown(const std::string& why) {
  if (std::exchange(unknown_told_, true)) return;
  log_.event(LogLevel::kWarning, "ports_unknown",
             "local ports that run dry may not be told of in time: " + why);
}

base::Millis next_port_look(base::Micros took) {
  const auto wait = std::chrono::duration_cast<base::Millis>(took * kShareOfTime);
  return std::clamp(wait, kInterval, kLongestInterval);
}

}  // namespace weir::server
