// The sessions of one worker: makes them, keeps them, and frees those that closed at the end of the loop's
// turn, when no callback can be standing in them any more. Lives on the worker's thread.
#pragma once

#include <atomic>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "net/buffer_pool.h"
#include "net/event_loop.h"
#include "net/timer_wheel.h"
#include "session/session.h"

namespace weir::session {

// Where closed sessions' records go. False: dropped, because the ring was full, and counted by the sink.
class RecordSink {
 public:
  virtual bool write(SessionRecord&& record) = 0;

 protected:
  ~RecordSink() = default;
};

// What a session borrows from its worker.
struct SessionServices {
  Connector::Services connector;
  relay::Relay::Services relay;
  RecordSink& log;
  ReadAheadBudget& read_ahead;
};

// Sessions at `backend` are to end with `reason`. Those whose place there is later than number `last_place`
// of its pool (pool::Slot::number) stay.
struct SessionCut {
  std::shared_ptr<const pool::Backend> backend;
  CloseReason reason;
  std::uint64_t last_place = std::numeric_limits<std::uint64_t>::max();
};

class SessionTable {
 public:
  // `first_id` sets the range of ids, so that no two workers and no two runs share one.
  SessionTable(SessionServices services, std::uint64_t first_id);
  ~SessionTable();
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Makes a session of `admitted` and starts it. `door` is the one that it came by.
  void open(Admitted&& admitted, const Route& route, Door& door);

  // Closes every open session with `reason`.
  void close_all(CloseReason reason);

  // Ends the sessions that `cuts` mean; those that only connect to such a backend go on to another one. All
  // sessions are looked at, once.
  void carry_out(std::span<const SessionCut> cuts);

  // A walk over the sessions that were open when it began and still are, the oldest first, in as many steps
  // as the loop's other work allows. Ends before the table.
  class Walk {
   public:
    explicit Walk(SessionTable& table);
    // As far as the session of that id. Over at once where it cannot be.
    Walk(SessionTable& table, std::uint64_t id);
    ~Walk();
    Walk(const Walk&) = delete;
    Walk& operator=(const Walk&) = delete;

    // The next one; none: it is over. Valid until the end of the loop's turn.
    Session* next();

   private:
    friend class SessionTable;
    SessionTable& table_;
    Session* next_;
    const std::uint64_t end_;  // ids from here on are not for it
  };

  // How many sessions are open. Any thread.
  std::size_t size() const { return size_.load(std::memory_order_relaxed); }

  const SessionServices& services() const { return services_; }

 private:
  friend class Session;
  void retire(Session& session);
  // Ids of one table grow, so of most sessions that are not here that is known at once.
  bool may_have(std::uint64_t id) const { return last_ != nullptr && id >= last_->id() && id < next_id_; }
  void reap();

  const SessionServices services_;
  std::uint64_t next_id_;
  Session* first_ = nullptr;  // the newest
  Session* last_ = nullptr;
  std::vector<Walk*> walks_;
  std::vector<std::unique_ptr<Session>> retired_;
  std::atomic<std::size_t> size_{0};
};

}  // namespace weir::session
