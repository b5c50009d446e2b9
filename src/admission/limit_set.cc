#include "admission/limit_set.h"

#include <limits>

namespace weir::admission {

LimitSet::LimitSet(const LimitSettings& settings)
    : settings_(settings),
      connections_(settings.max_connections.value_or(std::numeric_limits<std::uint32_t>::max()), [] {}),
      tarpit_(settings.tarpit_max, [] {}) {
  if (settings.rate) rate_.emplace(*settings.rate);
  if (settings.client.max_connections || settings.client.rate) {
    table_ = std::make_unique<ClientTable>(settings.table, settings.client);
  }
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
    permits.listener = connections_.try_acquire();
    if (!permits.listener) {
      permits.client.undo();
      return Refusal::kListenerConnections;
    }
  }
  if (rate_ && !rate_->admit(now)) {
    permits.listener.release();
    permits.client.undo();
    return Refusal::kRate;
  }
  permits.is_unlimited = has_no_entry;
  return std::nullopt;
}

void LimitSet::undo(LimitPermits& permits) {
  if (rate_) rate_->give_back();
  permits.listener.release();
  permits.client.undo();
  permits.is_unlimited = false;
}

}  // namespace weir::admission
