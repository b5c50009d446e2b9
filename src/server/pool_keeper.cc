#include "server/pool_keeper.h"

#include <algorithm>

namespace weir::server {
namespace {

using pool::BackendState;
using pool::Change;

constexpr base::Millis kInterval{200};

struct Telling {
  LogLevel level = LogLevel::kInfo;
  std::string_view event;
};

Telling telling_of(Change change) {
  switch (change) {
    case Change::kDown:
      return {LogLevel::kWarning, "backend_down"};
    case Change::kUp:
      return {LogLevel::kInfo, "backend_up"};
    case Change::kEjected:
      return {LogLevel::kWarning, "backend_ejected"};
    case Change::kPassedOver:
      return {LogLevel::kWarning, "backend_passed_over"};
    case Change::kReturned:
      return {LogLevel::kInfo, "backend_returned"};
    case Change::kMode:
      return {LogLevel::kInfo, "backend_mode"};
    case Change::kAdded:
      return {LogLevel::kInfo, "backend_added"};
    case Change::kRemoved:
      return {LogLevel::kInfo, "backend_removed"};
    case Change::kRetriesDenied:
      return {LogLevel::kWarning, "retries_denied"};
    case Change::kPanicBegan:
    case Change::kPanicEnded:
      break;
  }
  return {change == Change::kPanicBegan ? LogLevel::kWarning : LogLevel::kInfo, "pool_panic"};
}

}  // namespace

base::Result<std::unique_ptr<PoolKeeper>> PoolKeeper::create(net::EventLoop& loop, Parts parts) {
  // What does not fit is no loss: those that are there make it look at every pool.
  auto asks = Asks::create(1);
  if (!asks) return base::failure(std::move(asks.error()));
  return std::unique_ptr<PoolKeeper>(new PoolKeeper(loop, parts, std::move(*asks)));
}

PoolKeeper::PoolKeeper(net::EventLoop& loop, Parts parts, std::unique_ptr<Asks> asks)
    : parts_(parts), asks_(std::move(asks)), cuts_(parts.workers.size()) {
  timer_.bind<&PoolKeeper::look>(loop, this);
  asks_->open(loop, [this](LookSoon&&) { look_soon(); });
}

PoolKeeper::~PoolKeeper() {
  for (const auto& pool : parts_.pools) pool->set_keeper({});
}

void PoolKeeper::start() {
  for (const auto& pool : parts_.pools) {
    pool->set_keeper([this] { static_cast<void>(asks_->post(LookSoon{})); });
  }
  look_soon();
}

// What happens together is told together.
void PoolKeeper::look_soon() {
  if (!timer_.is_running()) timer_.start(kInterval);
}

void PoolKeeper::look() {
  const base::TimePoint now = base::precise_now();
  for (std::size_t i = 0; i < parts_.pools.size(); ++i) {
    for (const pool::PoolEvent& event : parts_.pools[i]->advance(now)) take(i, event, now);
  }
  cuts_.carry_out(now, [this](std::size_t worker, const SessionCuts::Cuts& cuts) {
    return parts_.workers[worker]->post(CutSessions{cuts});
  });
  const bool waits = std::ranges::any_of(parts_.pools, [](const auto& pool) { return pool->is_waiting(); });
  if (waits || !cuts_.is_idle()) timer_.start(kInterval);
}

void PoolKeeper::take(std::size_t index, const pool::PoolEvent& event, base::TimePoint now) {
  const config::PoolConfig& pool = parts_.config.pools[index];
  tell(pool, event);
  using session::CloseReason;
  switch (event.change) {
    case Change::kDown:
      return cut(index, event, pool.sessions.on_down, CloseReason::kBackendDown, now);
    case Change::kUp:
      return cuts_.call_off(*event.backend, CloseReason::kBackendDown);
    case Change::kRemoved:
      parts_.checks.remove(*event.backend);
      parts_.ports.remove(*event.backend);
      return cut(index, event, pool.sessions.on_removed, CloseReason::kBackendRemoved, now);
    case Change::kAdded:
      parts_.checks.add(index, event.backend, health::FirstProbe::kAtOnce);
      parts_.ports.add(index, event.backend);
      return cuts_.call_off(*event.backend, CloseReason::kBackendRemoved);
    case Change::kMode:
      if (event.state != BackendState::kMaintenance) {
        return cuts_.call_off(*event.backend, CloseReason::kBackendMaintenance);
      }
      return cut(index, event, pool.sessions.on_maintenance, CloseReason::kBackendMaintenance, now);
    case Change::kEjected:
    case Change::kPassedOver:
    case Change::kReturned:
    case Change::kPanicBegan:
    case Change::kPanicEnded:
    case Change::kRetriesDenied:
      return;
  }
}

void PoolKeeper::tell(const config::PoolConfig& pool, const pool::PoolEvent& event) const {
  // What stands for a name without an address is no backend; its line is `name`.
  if (event.backend != nullptr && !event.backend->identity().unresolved.empty()) return;
  const Telling telling = telling_of(event.change);
  base::LogFields fields;
  fields.text("pool", pool.name);
  if (event.backend != nullptr) {
    fields.text("backend", event.backend->name());
    fields.text("address", event.backend->identity().address.to_string());
    fields.text("state", pool::word(event.state));
  } else if (event.change != Change::kRetriesDenied) {
    fields.text("change", event.change == Change::kPanicBegan ? "began" : "ended");
  }
  if (!event.reason.empty()) fields.text("reason", event.reason);
  fields.number("healthy", event.healthy);
  fields.number("backends", event.total);
  std::string_view message;
  if (event.change == Change::kPanicBegan) {
    message = "too few backends are healthy: all are used, the failing ones too";
  } else if (event.change == Change::kRetriesDenied) {
    message = "connects fail so often that the budget of retries is used up";
  } else if (event.healthy == 0 && event.backend != nullptr) {
    message = "no backend of the pool is healthy";
  }
  parts_.log.event(telling.level, telling.event, message, fields);
}

void PoolKeeper::cut(std::size_t pool, const pool::PoolEvent& event, const config::FateConfig& fate,
                     session::CloseReason reason, base::TimePoint now) {
  if (fate.fate == config::SessionFate::kKeep) return;
  const base::TimePoint due = fate.fate == config::SessionFate::kDrain ? now + fate.drain : now;
  cuts_.plan(parts_.pools[pool], {event.backend, reason, event.last_place}, due);
}

}  // namespace weir::server
