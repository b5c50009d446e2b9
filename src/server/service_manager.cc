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
  if (!tick_) return;
  for (const auto& worker : workers_) worker->ask_for_sign();
  timer_.start(*tick_);
}

void ServiceManager::stopping(const std::string& status) {
  tell_manager(fmt::format("STOPPING=1\nSTATUS={}", status));
}

void ServiceManager::on_tick() {
  if (all_alive()) tell_manager("WATCHDOG=1");
  timer_.start(*tick_);
}

// A worker that has not answered since the last tick does not turn its loop any more, or not in time.
bool ServiceManager::all_alive() {
  bool all = true;
  for (const auto& worker : workers_) {
    all = worker->gave_sign() && all;
    worker->ask_for_sign();
  }
  return all;
}

}  // namespace weir::server
