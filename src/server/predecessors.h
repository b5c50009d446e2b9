// The processes that ran before this one and still have sessions: handed on from upgrade to upgrade, and
// forgotten when they have ended. A process is known by its id and by when it began, so that another one with
// the same id is not taken for it. Any thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

namespace weir::server {

struct PredecessorStatus {
  pid_t pid = 0;
  std::uint64_t began = 0;                      // proc(5), starttime: clock ticks since the host's start
  std::chrono::system_clock::time_point since;  // it has accepted nobody
  std::optional<std::chrono::system_clock::time_point> drains_until;  // nothing: as long as sessions last
};

// When that process began; nothing when it is not there, or has ended and nobody has asked how.
std::optional<std::uint64_t> process_began(pid_t pid);

class Predecessors {
 public:
  // Those of the process before, and that one itself.
  void take(std::vector<PredecessorStatus> known);

  // Those that have not ended, the last one first.
  std::vector<PredecessorStatus> alive() const;

 private:
  mutable std::mutex mutex_;
  mutable std::vector<PredecessorStatus> known_;
};

}  // namespace weir::server
