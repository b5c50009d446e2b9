#include "server/service_manager.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdint>

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

// What cannot be told is told to nobody: the service manager goes by its own timeouts then.
void tell_manager(const std::string& state) {
  static_cast<void>(::sd_notify(kKeepEnvironment, state.c_str()));
}

}  // namespace

ServiceManager::ServiceManager(net::EventLoop& loop, const std::vector<std::unique_ptr<Worker>>& workers)
    : workers_(workers), tick_(watchdog_tick()) {
  timer_.bind<&ServiceManager::on_tick>(loop, this);
}

void ServiceManager::ready(const std::string& status) {
  tell_manager(fmt::format("READY=1\nSTATUS={}", status));
  if (tick_) ask_for_signs();
}

void ServiceManager::stopping(const std::string& status) {
  tell_manager(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void ServiceManager::on_tick() {
  // A worker that has not answered since the last tick does not turn its loop any more, or not in time.
  const bool all_turn =
      std::all_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->gave_sign(); });
  if (all_turn) tell_manager("WATCHDOG=1");
  ask_for_signs();
}

void ServiceManager::ask_for_signs() {
  for (const auto& worker : workers_) worker->ask_for_sign();
  timer_.start(*tick_);
}

}  // namespace weir::server
