#include "session/session_table.h"

#include <unordered_map>
#include <utility>

namespace weir::session {

SessionTable::SessionTable(SessionServices services, std::uint64_t first_id)
    : services_(services), next_id_(first_id) {
  services_.relay.loop.at_end_of_turn([this] { reap(); });
}

SessionTable::~SessionTable() {
  close_all(CloseReason::kShutdown);
  reap();
}

void SessionTable::open(Admitted&& admitted, const Route& route, Door& door) {
  const bool is_proxy = admitted.is_proxy;
  auto session = std::make_unique<Session>(*this, next_id_++, std::move(admitted), route.settings, door);
  Session& opened = *session.release();
  opened.next_ = first_;
  (first_ != nullptr ? first_->previous_ : last_) = &opened;
  first_ = &opened;
  size_.store(size() + 1, std::memory_order_relaxed);
  door.counters().accepted.add();
  opened.start(route, is_proxy, door);
}

void SessionTable::close_all(CloseReason reason) {
  while (first_ != nullptr) first_->close(reason);
}

void SessionTable::carry_out(std::span<const SessionCut> cuts) {
  std::unordered_multimap<const pool::Backend*, const SessionCut*> by_backend;
  for (const SessionCut& cut : cuts) by_backend.emplace(cut.backend.get(), &cut);
  for (Session* at = first_; at != nullptr;) {
    Session& looked_at = *at;
    at = at->next_;
    const pool::Slot& slot = looked_at.slot();
    auto [cut, end] = by_backend.equal_range(slot.backend().get());
    while (cut != end && slot.number() > cut->second->last_place) ++cut;
    if (cut != end) looked_at.leave_backend(cut->second->reason);
  }
}

void SessionTable::retire(Session& session) {
  if (session.previous_ != nullptr) session.previous_->next_ = session.next_;
  if (session.next_ != nullptr) session.next_->previous_ = session.previous_;
  if (first_ == &session) first_ = session.next_;
  if (last_ == &session) last_ = session.previous_;
  for (Walk* walk : walks_) {
    if (walk->next_ == &session) walk->next_ = session.previous_;
  }
  session.previous_ = session.next_ = nullptr;
  retired_.emplace_back(&session);
  size_.store(size() - 1, std::memory_order_relaxed);
}

void SessionTable::reap() { retired_.clear(); }

SessionTable::Walk::Walk(SessionTable& table) : table_(table), next_(table.last_), end_(table.next_id_) {
  table_.walks_.push_back(this);
}

SessionTable::Walk::Walk(SessionTable& table, std::uint64_t id)
    : table_(table), next_(table.may_have(id) ? table.last_ : nullptr), end_(id + 1) {
  table_.walks_.push_back(this);
}

SessionTable::Walk::~Walk() { std::erase(table_.walks_, this); }

Session* SessionTable::Walk::next() {
  if (next_ == nullptr || next_->id() >= end_) return nullptr;
  return std::exchange(next_, next_->previous_);
}

}  // namespace weir::session
