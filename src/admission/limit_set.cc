#include "admission/limit_set.h"

#include <limits>
#include <utility>

namespace weir::admission {
namespace {

std::uint32_t most_connections(const LimitSettings& settings) {
  return settings.max_connections.value_or(std::numeric_limits<std::uint32_t>::max());
}

}  // namespace

LimitSet::LimitSet(const LimitSettings& settings, std::shared_ptr<const LimitSet> before)
    : settings_(settings), before_(std::move(before)) {
  if (before_ != nullptr) {
    connections_ = before_->connections_;
    tarpit_ = before_->tarpit_;
    unlimited_ = before_->unlimited_;
  } else {
    connections_ = std::make_shared<ConnectionSlots>(most_connections(settings), [] {});
    tarpit_ = std::make_shared<ConnectionSlots>(settings.tarpit_max, [] {});
    unlimited_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  }
  if (settings.rate) rate_ = std::make_shared<RateLimiter>(*settings.rate);
  if (!settings.client.max_connections && !settings.client.rate) return;
  const bool can_share =
      before_ != nullptr && before_->table_ != nullptr && before_->table_->is_like(settings.table);
  table_ = can_share ? before_->table_ : std::make_shared<ClientTable>(settings.table, settings.client);
}

void LimitSet::take_over(base::TimePoint now) {
  if (before_ == nullptr) return;
  connections_->set_limit(most_connections(settings_));
  tarpit_->set_limit(settings_.tarpit_max);
  const std::shared_ptr<RateLimiter>& earlier = before_->rate_;
  if (rate_ != nullptr && earlier != nullptr) {
    if (rate_->rule() == earlier->rule()) {
      rate_ = earlier;
    } else {
      rate_->go_on_from(*earlier, now);
    }
  }
  if (table_ != nullptr && table_ == before_->table_ && settings_.client != before_->settings_.client) {
    table_->change(settings_.client, now);
  }
  before_.reset();
}

bool LimitSet::is_like(const LimitSettings& settings) const {
  const bool has_table = settings.client.max_connections || settings.client.rate;
  return settings_.max_connections == settings.max_connections && settings_.rate == settings.rate &&
         settings_.client == settings.client && settings_.table_full == settings.table_full &&
         settings_.dry_run == settings.dry_run && settings_.tarpit_max == settings.tarpit_max &&
         (!has_table || table_->is_like(settings.table));
}

bool LimitSet::nothing_is_out() const {
  const auto is_idle = [](const std::shared_ptr<ConnectionSlots>& slots) {
    return slots.use_count() > 1 || slots->used() == 0;
  };
  return is_idle(connections_) && is_idle(tarpit_) &&
         (table_ == nullptr || table_.use_count() > 1 || table_->connections() == 0);
}

std::optional<Refusal> LimitSet::admit(const base::Address& client, base::TimePoint now,
                                       LimitPermits& permits) {
  bool has_no_entry = false;
  if (table_ != nullptr) {
    switch (table_->admit(client, now, permits.client)) {
      case ClientOutcome::kAdmitted:
        break;
      case ClientOutcome::kTooManyConnections:
        return Refusal::kClientConnections;
      case ClientOutcome::kTooFast:
        return Refusal::kClientRate;
      case ClientOutcome::kTableFull:
        if (settings_.table_full == TableFull::kRefuse) return Refusal::kTableFull;
        has_no_entry = true;
        break;
    }
  }
  if (settings_.max_connections) {
    permits.listener = connections_->try_acquire();
    if (!permits.listener) {
      permits.client.undo();
      return Refusal::kListenerConnections;
    }
  }
  if (rate_ != nullptr && !rate_->admit(now)) {
    permits.listener.release();
    permits.client.undo();
    return Refusal::kRate;
  }
  permits.is_unlimited = has_no_entry;
  return std::nullopt;
}

void LimitSet::undo(LimitPermits& permits) {
  if (rate_ != nullptr) rate_->give_back();
  permits.listener.release();
  permits.client.undo();
  permits.is_unlimited = false;
}

}  // namespace weir::admission
