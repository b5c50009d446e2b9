// The workers of the process, whose number may change: those of the team serve new clients; those that have
// left it keep the sessions that they have, and end with the last one. A worker's number is given to another
// one only when it has gone, so that what is counted by number has one writer. On the control thread, but for
// what says otherwise.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "admission/connection_slots.h"
#include "server/log_writer.h"
#include "server/worker.h"

namespace weir::server {

class WorkerSet {
 public:
  // A worker's loop, its mailbox, and what it refuses with.
  static constexpr std::size_t kDescriptorsEach = net::EventLoop::kDescriptors + 2;

  using List = std::vector<std::shared_ptr<Worker>>;

  // What all workers have in common. It outlives them.
  struct Parts {
    admission::ConnectionSlots& slots;
    LogWriter& log;
  };

  explicit WorkerSet(Parts parts) : parts_(parts) {}
  // Stops all.
  ~WorkerSet();
  WorkerSet(const WorkerSet&) = delete;
  WorkerSet& operator=(const WorkerSet&) = delete;

  // A team of so many, 256 at most: those that there are, as far as they are needed, those that have retired,
  // and new ones, which belong to the set only after `take`. Fails when the kernel gives no descriptors. Any
  // thread, one team at a time, and not while retired ones are ended.
  base::Result<List> form(std::size_t count);

  // The last run of all, which sessions' ids tell apart; and that none here is to be up to `run`, since those
  // were another process's. The latter before there are workers.
  std::uint64_t last_run() const;
  void run_after(std::uint64_t run) { least_run_ = run; }

  // From now on that is the team. Those that were in it and are not any more retire.
  void take(List team);

  // Starts the threads of the team.
  base::Result<void> start();

  // Those that have retired and not ended.
  std::size_t retired() const { return retired_.size(); }

  // Ends those that have retired and have no session any more. True: there are some left. Precondition: no
  // worker hands clients over to one that has retired.
  bool end_retired();

  // Those of the team, and those that have retired and not ended. Any thread.
  List all() const;
  const List& team() const { return team_; }

  // Wakes those that wait for a permit. Any thread.
  void resume_accepting() const;

  // Waits for all threads. Idempotent.
  void stop() const;

 private:
  // A worker and its place in the log.
  base::Result<std::shared_ptr<Worker>> make(std::size_t number);
  std::uint64_t first_session_id(std::size_t number);
  void publish();

  const Parts parts_;
  List team_;
  List retired_;
  std::map<std::size_t, std::uint64_t> runs_;  // the last of a number's session ids, see `first_session_id`
  std::uint64_t least_run_ = 0;
  mutable std::mutex mutex_;
  List all_;  // guarded by mutex_
};

// The numbers of a list.
std::vector<std::size_t> numbers_of(const WorkerSet::List& workers);

}  // namespace weir::server
