// How a supervisor hands over to another process, from `request_upgrade` to the end of accepting here, and
// how one that was started for that takes over: server/upgrader and server/inheritance carry what is said.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "server/handed_state.h"
#include "server/state_transfer.h"
#include "server/supervisor.h"

namespace weir::server {
namespace {

using base::LogFields;

// A reload, or a change of a list, that is under way comes first; it is looked for that often.
constexpr base::Millis kReloadLookInterval{10};

}  // namespace

std::string Supervisor::has_taken_over() const {
  return fmt::format("process {} has taken over: ask again", successor_);
}

std::string Supervisor::why_not_serving() const {
  return successor_ == 0 ? "Weir is stopping" : has_taken_over();
}

void Supervisor::request_upgrade(UpgradeDone done) {
  const auto refuse = [&](const std::string& why) {
    log_->event(LogLevel::kError, "upgrade", "refused: " + why);
    if (done) done({false, "refused: " + why});
  };
  if (draining_.load(std::memory_order_relaxed)) {
    return refuse(why_not_serving());
  }
  if (is_upgrading_) return refuse("another upgrade is under way");
  if (const std::string why = upgrader_->why_never(); !why.empty()) return refuse(why);
  is_upgrading_ = true;
  upgrade_done_ = std::move(done);
  begin_upgrade();
}

void Supervisor::begin_upgrade() {
  if (stop_wanted_ || draining_.load(std::memory_order_relaxed)) return upgrade_failed("Weir is stopping");
  const bool reloads = reloader_->is_busy() || next_ || begin_timer_.is_running();
  if (reloads || access_watch_->is_busy() || !publisher_->is_settled()) {
    return upgrade_timer_.start(kReloadLookInterval);
  }
  auto legacy = make_legacy();
  if (!legacy) return upgrade_failed(legacy.error().message());
  if (const auto begun = upgrader_->request(std::move(*legacy)); !begun) {
    return upgrade_failed(begun.error().message());
  }
  log_->event(LogLevel::kInfo, "upgrade", "the new process is started");
}

base::Result<Legacy> Supervisor::make_legacy() const {
  const base::TimePoint now = base::precise_now();
  HandedState state = state_to_hand_over(*running_, name_keeper_->last_answers(), now);
  state.alterations = name_keeper_->alterations().all();
  state.additions = access_watch_->additions();
  const config::LogLevel written = running_->config.log.level;
  if (log_->level() != written) state.log_level = {log_->level(), written};
  PredecessorStatus self{::getpid(), process_began(::getpid()).value_or(0), std::chrono::system_clock::now(),
                         std::nullopt};
  if (const auto& timeout = running_->config.process.upgrade_drain_timeout) {
    self.drains_until = self.since + *timeout;
  }
  state.run = workers_.last_run();
  state.processes = predecessors_.alive();
  state.processes.insert(state.processes.begin(), self);
  Legacy legacy{build_document(state), tickets_to_hand_over(*running_, now), {}, {}};
  auto sockets = running_->listeners.hand_over();
  if (!sockets) return base::failure(std::move(sockets.error()));
  legacy.sockets = std::move(*sockets);
  if (options_.copy_door) legacy.door = options_.copy_door();
  return legacy;
}

void Supervisor::upgrade_made(Upgrader::Outcome&& outcome) {
  if (outcome.failure.empty()) return hand_over_to(outcome);
  if (outcome.had_begun) {
    for (const std::string& fault : running_->listeners.take()) {
      log_->event(LogLevel::kWarning, "upgrade", fault);
    }
  }
  upgrader_->done();
  upgrade_failed(outcome.failure);
}

void Supervisor::upgrade_failed(const std::string& why) {
  is_upgrading_ = false;
  LogFields fields;
  fields.text("reason", why);
  log_->event(LogLevel::kError, "upgrade", "it has failed: this process goes on", fields);
  if (const UpgradeDone done = std::exchange(upgrade_done_, nullptr)) done({false, why});
  if (std::exchange(stop_wanted_, false)) return begin_stop();
  if (std::exchange(reload_wanted_, false)) request_reload({});
}

void Supervisor::hand_over_to(const Upgrader::Outcome& outcome) {
  const Legacy& legacy = upgrader_->legacy();
  const auto is_taken = [&](std::size_t position) {
    return std::find(outcome.not_taken.begin(), outcome.not_taken.end(), position) == outcome.not_taken.end();
  };
  for (std::size_t i = 0; i < legacy.sockets.size(); ++i) {
    if (is_taken(i)) legacy.sockets[i].leave();
  }
  if (options_.leave_door) options_.leave_door(legacy.door && is_taken(legacy.sockets.size()));
  service_manager_->handed_over_to(outcome.pid);
  upgrader_->tell_main();
  upgrader_->done();
  successor_ = outcome.pid;
  is_upgrading_ = false;
  LogFields fields;
  fields.number("pid", static_cast<std::uint64_t>(outcome.pid));
  fields.number("sessions", slots_.used());
  fields.number("took_ms", static_cast<std::uint64_t>(outcome.took.count()));
  log_->event(LogLevel::kInfo, "upgrade", "the new process serves; this one keeps its sessions", fields);
  is_retired_.store(true, std::memory_order_release);
  draining_.store(true, std::memory_order_release);
  drain_->retire(running_->config.process.upgrade_drain_timeout);
  if (const UpgradeDone done = std::exchange(upgrade_done_, nullptr)) {
    done({true, fmt::format("process {} serves", outcome.pid)});
  }
  forget_reloads(
      fmt::format("process {} has taken over and reads it: its log says what comes of it", successor_));
  // What was asked of the service while it changed hands is asked of who has it now.
  if (std::exchange(reload_wanted_, false)) ::kill(successor_, SIGHUP);
  if (!std::exchange(stop_wanted_, false)) return;
  ::kill(successor_, SIGTERM);
  begin_stop();
}

base::Result<void> Supervisor::take_over() {
  if (options_.inheritance == nullptr) return {};
  return options_.inheritance->await_go(running_->listeners.not_taken(options_.inheritance->listeners()));
}

void Supervisor::take_what_was_handed_over() {
  if (running_->listeners.must_be_taken()) {
    for (const std::string& fault : running_->listeners.take()) {
      log_->event(LogLevel::kWarning, "configuration", fault);
    }
  }
  if (options_.inheritance != nullptr) options_.inheritance->let_go();
}

void Supervisor::say_ready() {
  if (options_.inheritance == nullptr) return service_manager_->ready(serving_in_words());
  LogFields fields;
  fields.number("pid", static_cast<std::uint64_t>(::getpid()));
  fields.number("before", static_cast<std::uint64_t>(options_.inheritance->pid()));
  // With sessions of their own: the one before and those before it.
  fields.number("processes", predecessors_.alive().size());
  log_->event(LogLevel::kInfo, "upgrade", "this process has taken over", fields);
  options_.inheritance->serve(*loop_, [this] { service_manager_->ready(serving_in_words()); });
}

}  // namespace weir::server
