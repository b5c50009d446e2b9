#include "server/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace weir::server {
namespace {

// Without a service manager both calls do nothing. The environment stays: it is told of again at the end.
constexpr int kKeepEnvironment = 0;

std::optional<base::Millis> watchdog_tick() {
  std::uint64_t microseconds = 0;
  if (::sd_watchdog_enabled(kKeepEnvironment, &microseconds) <= 0) return std::nullopt;
  // Two signs may be missing before its time is over.
  return std::max(base::Millis(microseconds / 4'000), base::Millis(1));
}

}  // namespace

ServiceManager::ServiceManager(net::EventLoop& loop, const WorkerSet& workers)
    : workers_(workers), tick_(watchdog_tick()) {
  timer_.bind<&ServiceManager::on_tick>(loop, this);
}

// What cannot be told is told to nobody: the service manager goes by its own timeouts then.
void ServiceManager::tell(const std::string& state) const {
  if (!is_silent_) static_cast<void>(::sd_notify(kKeepEnvironment, state.c_str()));
}

void ServiceManager::ready(const std::string& status) {
  tell(fmt::format("READY=1\nSTATUS={}", status));
  if (tick_ && asked_.empty() && !is_silent_) ask_for_signs();
}

// `Type=notify-reload` wants the time as well (sd_notify(3), since systemd 253).
void ServiceManager::reloading() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const std::uint64_t microseconds =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
  tell(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", microseconds));
}

void ServiceManager::stopping(const std::string& status) {
  tell(fmt::format("STOPPING=1\nSTATUS={}", status));
}

// It listens to its main process only (NotifyAccess=main), so the other one must not speak before this.
void ServiceManager::handed_over_to(pid_t pid) {
  tell(fmt::format("MAINPID={}", pid));
  is_silent_ = true;
  timer_.stop();
}

void ServiceManager::on_tick() {
  // A worker that has not answered since the last tick does not turn its loop any more, or not in time; but
  // it may have ended meanwhile.
  const WorkerSet::List workers = workers_.all();
  const bool all_turn = std::all_of(workers.begin(), workers.end(), [this](const auto& worker) {
    const bool was_asked = std::find(asked_.begin(), asked_.end(), worker) != asked_.end();
    return !was_asked || worker->gave_sign();
  });
  if (all_turn) tell("WATCHDOG=1");
  ask_for_signs();
}

void ServiceManager::ask_for_signs() {
  asked_ = workers_.all();
  for (const auto& worker : asked_) worker->ask_for_sign();
  timer_.start(*tick_);
}

}  // namespace weir::server
