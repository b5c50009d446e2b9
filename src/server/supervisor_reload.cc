// How a supervisor reads its configuration again and puts it in force: from `request_reload` to the end of
// what is not served any more.
#include <fmt/format.h>

#include <algorithm>

#include "server/departures.h"
#include "server/start_log.h"
#include "server/supervisor.h"

namespace weir::server {
namespace {

using base::LogFields;
using config::Problems;

// What waits for the workers, or for the last session of some, is looked at that often.
constexpr base::Millis kSettleInterval{10};
constexpr base::Millis kClearInterval{100};
constexpr base::Millis kLongestClearInterval{5'000};
constexpr std::size_t kMostDifferencesTold = 64;
constexpr std::size_t kMostWaiting = 64;  // who wait for one

bool has_names(const World& world, std::size_t pool) {
  return std::any_of(world.names.begin(), world.names.end(),
                     [pool](const NameAtStart& name) { return name.pool == pool; });
}

// What a reload has changed, line by line.
void tell_differences(LogWriter& log, const std::vector<config::Difference>& differences) {
  for (std::size_t i = 0; i < std::min(differences.size(), kMostDifferencesTold); ++i) {
    const config::Difference& one = differences[i];
    LogFields fields;
    fields.text("setting", one.path);
    if (!one.is_table && !one.is_secret) {
      if (!one.is_new) fields.text("before", one.before);
      if (!one.is_gone) fields.text("after", one.after);
    }
    const std::string place = config::to_string(one.place);
    if (!place.empty()) fields.text("place", place);
    const bool needs_restart = one.change == config::Change::kRestart;
    log.event(needs_restart ? LogLevel::kWarning : LogLevel::kInfo, "setting",
              needs_restart ? "only a restart brings this about: until then it stays as it was"
              : one.is_gone ? "it is gone"
              : one.is_new  ? "it is new"
                            : "it has changed",
              fields);
  }
  if (differences.size() <= kMostDifferencesTold) return;
  log.event(LogLevel::kInfo, "setting",
            fmt::format("and {} more", differences.size() - kMostDifferencesTold));
}

}  // namespace

void Supervisor::request_reload(CommandDone done) {
  if (done && !options_.load) return done({CommandResult::kRefused, "there is no configuration to read", {}});
  if (draining_.load(std::memory_order_relaxed)) {
    log_->event(LogLevel::kWarning, "reload", "not read again: " + why_not_serving());
    if (done) done({CommandResult::kStopping, why_not_serving(), {}});
    return;
  }
  if (done && reload_asked_.size() >= kMostWaiting) {
    return done({CommandResult::kBusy, "too many wait for a reload: ask again", {}});
  }
  if (done) reload_asked_.push_back(std::move(done));
  if (is_upgrading_) {
    reload_wanted_ = true;
    return;
  }
  service_manager_->reloading();
  access_watch_->pause();
  begin_reload();
}

// Two at a time must not change the lists of one packet filter; and what has left by the one before may come
// back by this one, once it is closed.
void Supervisor::begin_reload() {
  if (draining_.load(std::memory_order_relaxed)) {
    forget_reloads("not read again: " + why_not_serving());
    return reload_ended();
  }
  if (access_watch_->is_busy() || !publisher_->is_settled()) return begin_timer_.start(kSettleInterval);
  const bool was_busy = reloader_->is_busy();
  if (const auto requested = reloader_->request(); !requested) {
    const std::string why = "not read again: " + requested.error().message();
    log_->event(LogLevel::kError, "reload", why);
    reload_waits_ = std::exchange(reload_asked_, {});
    answer_reload({CommandResult::kRefused, why, {}});
    return reload_ended();
  }
  // What is being read may be older than the file that was meant.
  if (!was_busy) reload_waits_ = std::exchange(reload_asked_, {});
}

void Supervisor::reload_done() {
  if (reloader_->done()) return begin_reload();
  reload_ended();
}

void Supervisor::answer_reload(CommandAnswer&& answer) {
  for (const CommandDone& done : std::exchange(reload_waits_, {})) done(CommandAnswer(answer));
}

void Supervisor::forget_reloads(const std::string& why) {
  for (std::vector<CommandDone>* waiting : {&reload_waits_, &reload_asked_}) {
    for (const CommandDone& done : std::exchange(*waiting, {})) {
      done({CommandResult::kStopping, why, {}});
    }
  }
}

void Supervisor::reload_ended() {
  access_watch_->go_on();
  if (!draining_.load(std::memory_order_relaxed)) service_manager_->ready(serving_in_words());
}

void Supervisor::reload_made(Next&& next, base::Millis took) {
  for (const config::Problem& problem : next.problems) {
    const bool is_error = problem.severity == config::Severity::kError;
    tell_problem(*log_, is_error ? LogLevel::kError : LogLevel::kWarning, problem);
  }
  if (next.running == nullptr && !config::has_error(next.problems)) {
    log_->event(LogLevel::kWarning, "reload", "given up: Weir is stopping");
    answer_reload({CommandResult::kStopping, "given up: Weir is stopping", {}});
    return reload_done();
  }
  if (next.running == nullptr) {
    constexpr const char* kWhy = "the configuration has errors: the one before stays in force";
    log_->event(LogLevel::kError, "reload", kWhy);
    ReloadReport report;
    report.problems = std::move(next.problems);
    report.took = took;
    answer_reload({CommandResult::kRefused, kWhy, std::move(report)});
    return reload_done();
  }
  next_.emplace(std::move(next), took);
  put_in_force_when_settled();
}

// What was published before must have come to all workers, so that a socket has one worker; and what is being
// read of lists and certificates belongs to the configuration that it was read for.
void Supervisor::put_in_force_when_settled() {
  if (draining_.load(std::memory_order_relaxed)) {
    log_->event(LogLevel::kWarning, "reload", "not put in force: Weir is stopping");
    answer_reload({CommandResult::kStopping, "not put in force: Weir is stopping", {}});
    next_.reset();
    return reload_done();
  }
  if (!publisher_->is_settled() || access_watch_->is_busy() || certificate_watch_->is_busy()) {
    return settle_timer_.start(kSettleInterval);
  }
  auto [next, took] = *std::exchange(next_, std::nullopt);
  answer_reload(put_in_force(std::move(next), took));
  reload_done();
}

CommandAnswer Supervisor::put_in_force(Next&& next, base::Millis took) {
  const std::shared_ptr<const Running> was = running_;
  const std::shared_ptr<Running> now = std::move(next.running);
  // What has happened so far is told by the names that it happened under.
  pool_keeper_->tell_all();
  if (const auto changed =
          name_keeper_->change(now->config, now->world.pools, now->world.names, &now->listeners);
      !changed) {
    const std::string why = "the one before stays in force: " + changed.error().message();
    log_->event(LogLevel::kError, "reload", why);
    return {CommandResult::kRefused, why, {}};
  }
  next.running.reset();
  Problems problems;
  put_filters(*now, problems);
  for (const std::string& fault : now->listeners.apply()) {
    log_->event(LogLevel::kWarning, "configuration", fault);
  }
  for (const config::Problem& problem : problems) {
    tell_problem(*log_, LogLevel::kWarning, problem);
  }
  const Departures departures(*was);
  hand_over_live_blocks(next, *now);
  const Departures::Counts left = departures.counts(*now);
  workers_.take(std::move(next.team));
  set_connection_limit(now->descriptors);
  auto serving = make_serving(*now);
  for (const Assigned& one : now->listeners.leaving(was->listeners.sockets())) {
    serving->leaving.push_back({one.socket, one.worker});
  }
  publisher_->publish(std::move(serving));
  for (const auto& worker : workers_.team()) worker->resume_accepting();
  keep_on(*now, next.differences);
  {
    const std::lock_guard lock(mutex_);
    running_ = now;
  }
  was->listeners.remove_paths_but(now->listeners);
  bury(*was, *now);
  graveyard_.keep(was);
  log_->change(now->config.log, std::move(next.output));
  tell_differences(*log_, next.differences);
  LogFields fields;
  fields.number("changes", next.differences.size());
  fields.text("listeners", listeners_in_words(now->config, now->listeners));
  fields.number("pools", now->config.pools.size());
  fields.number("workers", workers_.team().size());
  fields.number("max_connections", slots_.limit());
  if (left.kept > 0) fields.number("sessions_kept", left.kept);
  if (left.draining > 0) fields.number("sessions_draining", left.draining);
  if (left.closing > 0) fields.number("sessions_closing", left.closing);
  fields.number("took_ms", static_cast<std::uint64_t>(took.count()));
  log_->event(LogLevel::kInfo, "reload", "the configuration is in force for new sessions", fields);
  // One that is running goes on: reloads may come faster.
  if (!clear_timer_.is_running() || clear_interval_ > kClearInterval) clear_timer_.start(kClearInterval);
  clear_interval_ = kClearInterval;
  ReloadReport report{
      std::move(next.problems), std::move(next.differences), left.kept, left.draining, left.closing, took};
  report.problems.insert(report.problems.end(), problems.begin(), problems.end());
  return {CommandResult::kDone, "the configuration is in force for new sessions", std::move(report)};
}

void Supervisor::hand_over_live_blocks(Next& next, const Running& now) {
  const base::TimePoint time = base::precise_now();
  const std::vector<std::shared_ptr<pool::Pool>>& pools = now.world.pools;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    std::optional<pool::PoolSettings>& settings = next.succession.pools[i];
    if (settings) {
      pools[i]->change(*std::move(settings), name_keeper_->backends(i), time);
    } else if (has_names(now.world, i) || name_keeper_->has_added(i)) {
      // A new one may have been made before its names had an answer; and what was added may lead to a
      // listener that is new.
      pools[i]->replace(name_keeper_->backends(i), time);
    }
  }
  link_fallbacks(now.config, now.world);
  name_keeper_->pools_changed();
  for (const auto& limits : next.succession.limits) limits->take_over(time);
  if (next.succession.process_rate != nullptr) {
    next.succession.process_rate->go_on_from(*running_->world.doors[0].gate.process_rate, time);
  }
  for (std::size_t i = 0; i < next.succession.tls.size(); ++i) {
    if (next.succession.tls[i]) server::put_in_force(*next.succession.tls[i], now.world.tls[i]);
  }
}

void Supervisor::keep_on(const Running& now, const std::vector<config::Difference>& differences) {
  const config::Config& config = now.config;
  const World& world = now.world;
  health_checks_.change(config, world.pools, [&](const std::string& pool) {
    return std::none_of(differences.begin(), differences.end(),
                        [&](const config::Difference& one) { return one.table == "pools." + pool; });
  });
  port_watch_.change(world.pools);
  pool_keeper_->change(config, world.pools);
  pressure_watch_.change(listener_names(config), now.listeners);
  refusals_->change(listener_names(config), world.tallies);
  access_watch_->change(config, world.doors, now.files_read);
  certificate_watch_->change(config, world.tls, now.files_read);
}

// What is in `was` only is freed on this thread, when the last session has let go of it.
void Supervisor::bury(const Running& was, const Running& now) {
  for (const auto& pool : was.world.pools) {
    const auto& pools = now.world.pools;
    if (std::find(pools.begin(), pools.end(), pool) == pools.end()) graveyard_.keep(pool);
  }
  for (const DoorRules& door : was.world.doors) {
    const auto& limits = door.gate.limits;
    const bool stays = std::any_of(now.world.doors.begin(), now.world.doors.end(),
                                   [&](const DoorRules& one) { return one.gate.limits == limits; });
    if (!stays) graveyard_.keep(limits, [one = limits.get()] { return one->nothing_is_out(); });
    graveyard_.keep(door.gate.access);
  }
}

void Supervisor::set_connection_limit(const DescriptorPlan& plan) {
  constexpr std::uint64_t kEach = DescriptorPlan::kPerConnection;
  const std::uint64_t kept = (workers_.retired() * WorkerSet::kDescriptorsEach + kEach - 1) / kEach;
  const std::uint64_t fits = plan.most_connections > kept ? plan.most_connections - kept : 1;
  slots_.set_limit(static_cast<std::uint32_t>(std::min<std::uint64_t>(plan.max_connections, fits)));
}

void Supervisor::clear_away() {
  // Nobody hands a client over to one that has retired once all serve the newest; and one that is wanted
  // again is not to be ended.
  const bool may_end = publisher_->is_settled() && !reloader_->is_busy();
  const bool some_left = !may_end || workers_.end_retired();
  set_connection_limit(running_->descriptors);
  graveyard_.clear();
  if (graveyard_.size() > 0) {
    // A worker that cannot take it has been asked before, or is asked the next time.
    for (const auto& worker : workers_.all()) static_cast<void>(worker->post(ForgetDoors{}));
  }
  if (!some_left && graveyard_.size() == 0) return;
  // Sessions may last for days.
  clear_interval_ = std::min(clear_interval_ * 2, kLongestClearInterval);
  clear_timer_.start(clear_interval_);
}

}  // namespace weir::server
