#include "discovery/name_watch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/clock.h"

namespace weir::discovery {

using base::Millis;
using base::TimePoint;

struct NameWatch::Name {
  Name(Id number, NameRules its_rules, std::uint64_t seed, TimePoint now, NameCallbacks its_callbacks)
      : id(number), callbacks(std::move(its_callbacks)), state(its_rules, seed, now) {}

  const Id id;
  const NameCallbacks callbacks;
  NameState state;
  std::unique_ptr<DnsSource> source;
  std::optional<TimePoint> due;  // its place in `due_`
  std::vector<DiscoveredEndpoint> endpoints;
  std::string error;       // of the last question
  std::string told_error;  // empty: told well
  std::vector<std::string> notes;
  std::string told_note;
  std::uint64_t questions = 0;
  std::uint64_t failures = 0;
};

NameWatch::NameWatch(net::EventLoop& loop, NameWatchOptions options, std::unique_ptr<net::DnsChannel> channel)
    : loop_(loop),
      seed_(options.seed),
      host_families_(options.host_families),
      hosts_(std::move(options.hosts_file)),
      channel_(std::move(channel)) {
  timer_.bind<&NameWatch::on_time>(loop, this);
}

NameWatch::~NameWatch() = default;

base::Result<std::unique_ptr<NameWatch>> NameWatch::create(net::EventLoop& loop, NameWatchOptions options) {
  auto channel = net::DnsChannel::create(loop, options.dns);
  if (!channel) return base::failure(std::move(channel).error());
  return std::unique_ptr<NameWatch>(new NameWatch(loop, std::move(options), *std::move(channel)));
}

NameWatch::Id NameWatch::add(NameSpec spec, NameRules rules, NameCallbacks callbacks,
                             std::vector<DiscoveredEndpoint> found) {
  const Id id = next_id_++;
  auto name = std::make_unique<Name>(id, rules, seed_ + id, base::precise_now(), std::move(callbacks));
  if (!found.empty()) name->state.found(base::precise_now());
  name->endpoints = std::move(found);
  name->source =
      std::make_unique<DnsSource>(DnsSource::Uses{loop_, *channel_, hosts_, host_families_}, std::move(spec),
                                  [this, id](Report report) { on_report(id, std::move(report)); });
  schedule(*name);
  names_.emplace(id, std::move(name));
  arm();
  return id;
}

void NameWatch::remove(Id id) {
  const auto found = names_.find(id);
  if (found == names_.end()) return;
  if (found->second->due) due_.erase({*found->second->due, id});
  names_.erase(found);
}

void NameWatch::connects_fail(Id id) {
  Name* const name = find(id);
  if (name == nullptr || name->state.is_asking()) return;
  name->state.connects_fail(base::precise_now());
  schedule(*name);
  arm();
}

std::optional<NameStatus> NameWatch::status(Id id) const {
  const Name* const name = find(id);
  if (name == nullptr) return std::nullopt;
  NameStatus status;
  status.endpoints = name->endpoints;
  status.last_answer = name->state.last_answer();
  status.ttl = name->state.ttl();
  status.next_question = name->state.next_question();
  status.is_asking = name->state.is_asking();
  status.last_error = name->error;
  status.notes = name->notes;
  status.questions = name->questions;
  status.failures = name->failures;
  return status;
}

NameWatch::Name* NameWatch::find(Id id) const {
  const auto found = names_.find(id);
  return found == names_.end() ? nullptr : found->second.get();
}

void NameWatch::schedule(Name& name) {
  if (name.due) due_.erase({*name.due, name.id});
  name.due = name.state.next_question();
  due_.emplace(*name.due, name.id);
}

void NameWatch::arm() {
  if (due_.empty()) return timer_.stop();
  const auto left = std::chrono::ceil<Millis>(due_.begin()->first - base::precise_now());
  timer_.start(std::max(left, Millis(0)));
}

void NameWatch::on_time() {
  const TimePoint now = base::precise_now();
  while (!due_.empty() && due_.begin()->first <= now) {
    Name* const name = find(due_.begin()->second);
    due_.erase(due_.begin());
    name->due.reset();
    name->state.asked(now);
    ++name->questions;
    name->source->ask();
  }
  arm();
}

void NameWatch::on_report(Id id, Report report) {
  Name& name = *find(id);
  if (auto* const answer = std::get_if<Answer>(&report)) {
    take_answer(name, std::move(*answer));
  } else {
    const auto& failure = std::get<Failure>(report);
    name.notes.clear();  // they are of the answer before
    take_failure(name, failure.reason,
                 failure.no_such_name ? NameState::Kind::kNoSuchName : NameState::Kind::kNoAnswer);
  }
}

void NameWatch::take_answer(Name& name, Answer answer) {
  const Id id = name.id;
  name.notes = std::move(answer.notes);
  if (answer.endpoints.empty() && !answer.is_refusal) {
    // The name server has said so: as with a name that is gone.
    return take_failure(name, name.notes.empty() ? "there is no address" : name.notes.front(),
                        NameState::Kind::kNoSuchName);
  }
  const TimePoint now = base::precise_now();
  const bool is_whole = answer.missing.empty();
  if (!is_whole && name.state.keeps_missing(now)) {
    for (const DiscoveredEndpoint& before : name.endpoints) {
      const bool is_missing = std::any_of(answer.missing.begin(), answer.missing.end(),
                                          [&](const MissingPart& part) { return part.covers(before); });
      if (is_missing) answer.endpoints.push_back(before);
    }
    sort_endpoints(answer.endpoints);
    if (answer.endpoints.size() > kMaxEndpoints) answer.endpoints.resize(kMaxEndpoints);
  }
  name.error.clear();
  name.state.answered(now, answer.ttl, is_whole ? NameState::Extent::kWhole : NameState::Extent::kPart);
  schedule(name);
  arm();
  put(id, answer.endpoints);
  tell_recovered(id);
  tell_noted(id);
}

void NameWatch::take_failure(Name& name, const std::string& reason, NameState::Kind kind) {
  const Id id = name.id;
  const bool is_over = name.state.failed(base::precise_now(), kind);
  ++name.failures;
  name.error = reason;
  schedule(name);
  arm();
  if (is_over && !name.endpoints.empty()) {
    // The change tells of the failure too.
    name.told_error = reason;
    return put(id, {});
  }
  tell_failed(id, std::string(name.error));
}

// Callbacks may remove the name: each is called by a copy, and the name is looked for anew afterwards.
void NameWatch::put(Id id, const std::vector<DiscoveredEndpoint>& endpoints) {
  Name* const name = find(id);
  if (name == nullptr || name->endpoints == endpoints) return;
  name->endpoints = endpoints;
  if (const auto tell = name->callbacks.changed) tell(endpoints);
}

void NameWatch::tell_failed(Id id, const std::string& reason) {
  Name* const name = find(id);
  if (name == nullptr || name->told_error == reason) return;
  name->told_error = reason;
  if (const auto tell = name->callbacks.failed) tell(reason);
}

void NameWatch::tell_recovered(Id id) {
  Name* const name = find(id);
  if (name == nullptr || name->told_error.empty()) return;
  name->told_error.clear();
  if (const auto tell = name->callbacks.recovered) tell();
}

void NameWatch::tell_noted(Id id) {
  Name* const name = find(id);
  if (name == nullptr) return;
  const std::string note = fmt::format("{}", fmt::join(name->notes, "; "));
  if (name->told_note == note) return;
  name->told_note = note;
  if (note.empty()) return;
  if (const auto tell = name->callbacks.noted) tell(note);
}

}  // namespace weir::discovery
