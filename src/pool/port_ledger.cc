#include "pool/port_ledger.h"

#include <algorithm>
#include <utility>

namespace weir::pool {
namespace {

// Moves with everything that makes a pair used or worth telling.
std::uint64_t mark_of(const PortCounters& counters) {
  return counters.opened_total() + counters.dry_total() + counters.missing_total();
}

std::string key_of(const std::optional<base::Address>& source, const base::Address& destination) {
  return (source ? source->ip_to_string() : std::string("any")) + ' ' + destination.to_string();
}

std::string destination_of(const Backend& backend) {
  return backend.identity().address.unmapped().to_string();
}

bool are_named(const SourceTurn& sources) { return sources.all().front()->source().has_value(); }

bool holds_nothing(const SourceTurn& sources) {
  const auto& all = sources.all();
  return std::all_of(all.begin(), all.end(), [](const auto& one) { return one->open() == 0; });
}

}  // namespace

void PortLedger::add(std::size_t pool, std::shared_ptr<Backend> backend) {
  if (!backend->identity().address.is_ip() || backend->way().is_transparent()) return;
  const SourceTurn* const sources = &backend->way().sources;
  // What it has done before counts as done now: it is looked at from its beginning on.
  std::vector<std::uint64_t> seen(sources->all().size(), 0);
  const auto [at, is_new] =
      watched_.try_emplace(sources, Watched{pool, std::move(backend), sources, std::move(seen), false});
  at->second.pool = pool;
  at->second.has_left = false;
  if (is_new && are_named(*sources)) named_.insert(destination_of(*at->second.backend));
}

void PortLedger::remove(const Backend& backend) {
  for (const auto& way : backend.ways()) {
    const auto found = watched_.find(&way->sources);
    if (found != watched_.end()) found->second.has_left = true;
  }
}

bool PortLedger::is_calm(unsigned usable) {
  for (const auto& [sources, one] : watched_) {
    const auto& all = sources->all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (mark_of(*all[i]) != one.seen[i] && !pair_by_counters_.contains(all[i].get())) return false;
    }
  }
  bool is_calm = true;
  for (auto& [key, pair] : pairs_) is_calm = is_far_from_its_end(pair, usable) && is_calm;
  return is_calm;
}

bool PortLedger::is_far_from_its_end(Pair& pair, unsigned usable) {
  const PortSample& last = pair.forecast.sample();
  std::uint64_t held = 0;
  std::uint64_t opened = pair.gone_opened;
  std::uint64_t dry = pair.gone_dry;
  for (const auto& counters : pair.members) {
    held += counters->open();
    opened += counters->opened_total();
    dry += counters->dry_total();
  }
  const std::uint64_t opened_lately = opened - std::exchange(pair.opened_before, opened);
  // What has been in TIME_WAIT for a second is free where it is taken again.
  const std::uint64_t taken = last.reuse == TimeWaitReuse::kAfterASecond
                                  ? held + opened_lately
                                  : held + last.time_wait + (opened - last.opened_total);
  const bool is_far = opened == last.opened_total || taken * 4 < usable;
  return is_far && dry == last.dry_total && !pair.forecast.warns();
}

std::vector<base::Address> PortLedger::begin_look(base::TimePoint now) {
  new_left_ = kMostNew;
  follow_ways();
  for (auto& [sources, one] : watched_) look_at(one, now);
  std::erase_if(watched_, [&](const auto& entry) {
    const Watched& one = entry.second;
    if (!one.has_left || !holds_nothing(*one.sources)) return false;
    for (const auto& counters : one.sources->all()) {
      if (!is_watched_elsewhere(one, counters)) leave(counters);
    }
    if (are_named(*one.sources)) named_.erase(named_.find(destination_of(*one.backend)));
    return true;
  });
  forget_unused(now);
  std::map<std::string, base::Address> destinations;
  for (const auto& [key, pair] : pairs_) destinations.emplace(pair.destination.to_string(), pair.destination);
  std::vector<base::Address> list;
  list.reserve(destinations.size());
  for (auto& [text, address] : destinations) list.push_back(std::move(address));
  return list;
}

// Ways of one backend share the sources that they have in common.
bool PortLedger::is_watched_elsewhere(const Watched& watched,
                                      const std::shared_ptr<PortCounters>& counters) const {
  const auto& ways = watched.backend->ways();
  return std::any_of(ways.begin(), ways.end(), [&](const auto& way) {
    const auto& all = way->sources.all();
    return &way->sources != watched.sources && watched_.contains(&way->sources) &&
           std::find(all.begin(), all.end(), counters) != all.end();
  });
}

// A way that is no longer taken is like a backend that has left.
void PortLedger::follow_ways() {
  std::vector<std::pair<std::size_t, std::shared_ptr<Backend>>> changed;
  for (auto& [sources, one] : watched_) {
    if (one.has_left || sources == &one.backend->way().sources) continue;
    one.has_left = true;
    changed.emplace_back(one.pool, one.backend);
  }
  for (auto& [pool, backend] : changed) add(pool, std::move(backend));
}

void PortLedger::look_at(Watched& watched, base::TimePoint now) {
  const auto& all = watched.sources->all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint64_t mark = mark_of(*all[i]);
    if (mark == watched.seen[i] && all[i]->open() == 0) continue;
    if (new_left_ == 0 && !pair_by_counters_.contains(all[i].get())) continue;
    watched.seen[i] = mark;
    if (all[i]->missing_total() > 0) note_missing(watched, *all[i]);
    if (all[i]->opened_total() + all[i]->dry_total() == 0) continue;
    pair_of(watched, all[i]).used = now;
  }
}

void PortLedger::note_missing(const Watched& watched, const PortCounters& counters) {
  if (!missing_told_.insert(counters.source()->ip_to_string()).second) return;
  PortEvent event;
  event.kind = PortEvent::Kind::kMissing;
  event.pool = watched.pool;
  event.backend = watched.backend;
  event.source = counters.source();
  events_.push_back(std::move(event));
}

std::optional<base::Address> PortLedger::source_of(const Backend& backend,
                                                   const PortCounters& counters) const {
  if (counters.source() || !named_.contains(destination_of(backend))) return counters.source();
  const Origin* origin = backend.way().origin.get();
  return chosen_(backend.identity().address.unmapped(), origin == nullptr ? "" : origin->interface);
}

PortLedger::Pair& PortLedger::pair_of(const Watched& watched, const std::shared_ptr<PortCounters>& counters) {
  if (const auto known = pair_by_counters_.find(counters.get()); known != pair_by_counters_.end()) {
    return known->second->second;
  }
  const base::Address destination = watched.backend->identity().address.unmapped();
  const auto source = source_of(*watched.backend, *counters);
  const auto [at, is_new] = pairs_.try_emplace(key_of(source, destination));
  Pair& pair = at->second;
  if (is_new) {
    pair.pool = watched.pool;
    pair.backend = watched.backend;
    pair.source = source;
    pair.destination = destination;
  }
  --new_left_;
  std::erase_if(pair.gone, [&](const Gone& one) {
    const std::shared_ptr<PortCounters> known = one.counters.lock();
    if (known != nullptr && known != counters) return false;
    if (known == counters) {
      pair.gone_opened -= one.opened;
      pair.gone_dry -= one.dry;
    }
    return true;
  });
  pair.members.push_back(counters);
  pair_by_counters_.emplace(counters.get(), at);
  return pair;
}

void PortLedger::leave(const std::shared_ptr<PortCounters>& counters) {
  const auto found = pair_by_counters_.find(counters.get());
  if (found == pair_by_counters_.end()) return;
  Pair& pair = found->second->second;
  pair.gone.push_back({counters, counters->opened_total(), counters->dry_total()});
  pair.gone_opened += pair.gone.back().opened;
  pair.gone_dry += pair.gone.back().dry;
  pair_by_counters_.erase(found);
  std::erase_if(pair.members, [&](const auto& one) { return one == counters; });
}

// What is warned of stays until it is over.
void PortLedger::forget_unused(base::TimePoint now) {
  std::erase_if(pairs_, [&](const auto& entry) {
    const Pair& pair = entry.second;
    if (pair.forecast.warns() || now - pair.used <= kForgetAfter) return false;
    for (const auto& counters : pair.members) pair_by_counters_.erase(counters.get());
    return true;
  });
}

PortSample PortLedger::sample_of(const Pair& pair, const PortFacts& facts) {
  PortSample sample;
  sample.opened_total = pair.gone_opened;
  sample.dry_total = pair.gone_dry;
  for (const auto& counters : pair.members) {
    // In this order: what is held has been counted as opened.
    sample.held += counters->open();
    sample.opened_total += counters->opened_total();
    sample.dry_total += counters->dry_total();
  }
  sample.time_wait = facts.time_wait(pair.source, pair.destination);
  sample.usable = facts.usable;
  sample.reuse =
      time_wait_reuse(facts.tcp_tw_reuse, pair.source.value_or(pair.destination), pair.destination);
  return sample;
}

std::vector<PortEvent> PortLedger::end_look(const PortFacts& facts, base::TimePoint now) {
  for (auto& [key, pair] : pairs_) {
    const auto change = pair.forecast.add(sample_of(pair, facts), now);
    pair.opened_before = pair.forecast.sample().opened_total;
    if (!change) continue;
    const bool began = *change == PortForecast::Change::kBegan;
    events_.push_back({began ? PortEvent::Kind::kLow : PortEvent::Kind::kEnough, pair.pool, pair.backend,
                       pair.source, pair.forecast.sample(), pair.forecast.outlook()});
  }
  return std::exchange(events_, {});
}

PortViews PortLedger::views() const {
  PortViews views;
  for (const auto& [key, pair] : pairs_) {
    const PortOutlook& outlook = pair.forecast.outlook();
    for (const auto& counters : pair.members) {
      views[counters.get()] = {pair.forecast.sample().time_wait, outlook.free, outlook.dry_in};
    }
  }
  return views;
}

}  // namespace weir::pool
