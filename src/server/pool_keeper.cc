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
  auto asks = Asks::create(loop, 1);
  if (!asks) return base::failure(std::move(asks.error()));
  return std::unique_ptr<PoolKeeper>(new PoolKeeper(loop, parts, std::move(*asks)));
}

PoolKeeper::PoolKeeper(net::EventLoop& loop, Parts parts, std::unique_ptr<Asks> asks)
    : workers_(parts.workers),
      log_(parts.log),
      checks_(parts.checks),
      ports_(parts.ports),
      config_(&parts.config),
      pools_(&parts.pools),
      asks_(std::move(asks)) {
  timer_.bind<&PoolKeeper::look>(loop, this);
  asks_->open([this](LookSoon&&) { look_soon(); });
}

PoolKeeper::~PoolKeeper() {
  for (const auto& pool : *pools_) pool->set_keeper({});
}

void PoolKeeper::start() {
  set_keeper();
  look_soon();
}

void PoolKeeper::set_keeper() {
  for (const auto& pool : *pools_) {
    pool->set_keeper([this] { static_cast<void>(asks_->post(LookSoon{})); });
  }
}

void PoolKeeper::change(const config::Config& config, const std::vector<std::shared_ptr<pool::Pool>>& pools) {
  const base::TimePoint now = base::precise_now();
  for (std::size_t i = 0; i < pools_->size(); ++i) {
    const bool stays = std::find(pools.begin(), pools.end(), (*pools_)[i]) != pools.end();
    if (!stays) leave((*pools_)[i], config_->pools[i], now);
  }
  config_ = &config;
  pools_ = &pools;
  set_keeper();
  look_soon();
}

void PoolKeeper::leave(const std::shared_ptr<pool::Pool>& pool, const config::PoolConfig& from,
                       base::TimePoint now) {
  pool->set_keeper({});
  for (const auto& backend : pool->backends()) {
    checks_.remove(*backend);
    ports_.remove(*backend);
    pool::PoolEvent removed;
    removed.change = Change::kRemoved;
    removed.backend = backend;
    removed.last_place = pool->last_place();
    cut(pool, removed, from.sessions.on_removed, session::CloseReason::kBackendRemoved, now);
  }
}

// What happens together is told together.
void PoolKeeper::look_soon() {
  if (!timer_.is_running()) timer_.start(kInterval);
}

void PoolKeeper::look() {
  const base::TimePoint now = base::precise_now();
  for (std::size_t i = 0; i < pools_->size(); ++i) {
    for (const pool::PoolEvent& event : (*pools_)[i]->advance(now)) take(i, event, now);
  }
  cuts_.carry_out(now, workers_.all(), [](Worker& worker, const SessionCuts::Cuts& cuts) {
    return worker.post(CutSessions{cuts});
  });
  const bool waits = std::ranges::any_of(*pools_, [](const auto& pool) { return pool->is_waiting(); });
  if (waits || !cuts_.is_idle()) timer_.start(kInterval);
}

void PoolKeeper::take(std::size_t index, const pool::PoolEvent& event, base::TimePoint now) {
  const config::PoolConfig& pool = config_->pools[index];
  const std::shared_ptr<pool::Pool>& its_pool = (*pools_)[index];
  tell(pool, event);
  using session::CloseReason;
  switch (event.change) {
    case Change::kDown:
      return cut(its_pool, event, pool.sessions.on_down, CloseReason::kBackendDown, now);
    case Change::kUp:
      return cuts_.call_off(*event.backend, CloseReason::kBackendDown);
    case Change::kRemoved:
      checks_.remove(*event.backend);
      ports_.remove(*event.backend);
      return cut(its_pool, event, pool.sessions.on_removed, CloseReason::kBackendRemoved, now);
    case Change::kAdded:
      checks_.add(index, event.backend, health::FirstProbe::kAtOnce);
      ports_.add(index, event.backend);
      return cuts_.call_off(*event.backend, CloseReason::kBackendRemoved);
    case Change::kMode:
      if (event.state != BackendState::kMaintenance) {
        return cuts_.call_off(*event.backend, CloseReason::kBackendMaintenance);
      }
      return cut(its_pool, event, pool.sessions.on_maintenance, CloseReason::kBackendMaintenance, now);
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
  log_.event(telling.level, telling.event, message, fields);
}

void PoolKeeper::cut(const std::shared_ptr<pool::Pool>& pool, const pool::PoolEvent& event,
                     const config::FateConfig& fate, session::CloseReason reason, base::TimePoint now) {
  if (fate.fate == config::SessionFate::kKeep) return;
  const base::TimePoint due = fate.fate == config::SessionFate::kDrain ? now + fate.drain : now;
  cuts_.plan(pool, {event.backend, reason, event.last_place}, due);
}

}  // namespace weir::server
