#include "server/refusal_summary.h"

#include <algorithm>

namespace weir::server {
namespace {

constexpr base::Millis kInterval{10'000};

}  // namespace

RefusalSummary::RefusalSummary(net::EventLoop& loop, Parts parts) : parts_(std::move(parts)) {
  timer_.bind<&RefusalSummary::on_interval>(loop, this);
}

void RefusalSummary::start() {
  begin();
  timer_.start(kInterval);
}

void RefusalSummary::begin() {
  seen_.clear();
  for (std::size_t i = 0; i < parts_.listeners.size(); ++i) seen_.push_back(count(i));
  last_ = base::precise_now();
  last_time_ = std::chrono::system_clock::now();
}

void RefusalSummary::change(std::vector<std::string> listeners,
                            std::vector<std::shared_ptr<ListenerTally>> tallies) {
  tell();
  parts_.listeners = std::move(listeners);
  parts_.tallies = std::move(tallies);
  begin();
}

void RefusalSummary::on_interval() {
  tell();
  timer_.start(kInterval);
}

RefusalSummary::Seen RefusalSummary::count(std::size_t listener) const {
  Seen sum;
  parts_.tallies[listener]->each([&](std::size_t, const session::ListenerCounters& counters) {
    for (std::size_t i = 0; i < admission::kRefusals; ++i) {
      sum.refused[i] += counters.refused[i].value();
      sum.would_refuse[i] += counters.would_refuse[i].value();
      sum.paused[i] += counters.paused[i].value();
    }
  });
  return sum;
}

void RefusalSummary::tell() {
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    const Seen now = count(i);
    tell_of(i, now.refused, seen_[i].refused, false);
    tell_of(i, now.would_refuse, seen_[i].would_refuse, true);
    tell_of_pauses(i, now.paused, seen_[i].paused);
  }
  last_ = base::precise_now();
  last_time_ = std::chrono::system_clock::now();
}

base::LogFields RefusalSummary::fields_of(std::size_t listener, admission::Refusal reason,
                                          std::uint64_t count) const {
  base::LogFields fields;
  fields.text("listener", parts_.listeners[listener]);
  fields.text("reason", admission::word(reason));
  fields.number("count", count);
  fields.number("interval_ms",
                static_cast<std::uint64_t>(
                    std::chrono::duration_cast<base::Millis>(base::precise_now() - last_).count()));
  return fields;
}

void RefusalSummary::tell_of_pauses(std::size_t listener, const Counts& now, Counts& before) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] == before[i]) continue;
    const std::uint64_t count = now[i] - std::exchange(before[i], now[i]);
    parts_.log.event(LogLevel::kInfo, "paused", "connections wait to be accepted",
                     fields_of(listener, static_cast<admission::Refusal>(i), count));
  }
}

void RefusalSummary::tell_of(std::size_t listener, const Counts& now, Counts& before, bool dry_run) {
  for (std::size_t i = 0; i < now.size(); ++i) {
    if (now[i] == before[i]) continue;
    const auto reason = static_cast<admission::Refusal>(i);
    base::LogFields fields = fields_of(listener, reason, now[i] - std::exchange(before[i], now[i]));
    const auto samples = newest_refusals(parts_.workers);
    const auto one =
        std::find_if(samples.begin(), samples.end(), [&](const admission::RefusalSample& sample) {
          return sample.listener == parts_.listeners[listener] && sample.reason == reason &&
                 sample.dry_run == dry_run && sample.time >= last_time_;
        });
    if (one != samples.end()) {
      fields.text("client", one->client.to_string());
    } else {
      fields.none("client");
    }
    parts_.log.event(LogLevel::kInfo, dry_run ? "would_refuse" : "refused",
                     dry_run ? "let in only because the limits are run dry" : "", fields);
  }
}

std::vector<admission::RefusalSample> newest_refusals(const WorkerSet& workers) {
  std::vector<admission::RefusalSample> all;
  for (const auto& worker : workers.all()) {
    const auto some = worker->refusal_samples().read();
    all.insert(all.end(), some.begin(), some.end());
  }
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.time > b.time; });
  return all;
}

}  // namespace weir::server
