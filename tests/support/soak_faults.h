// What befalls the backends of the soak: a schedule from the seed, a thread that keeps to it, and the book of
// what was done and when.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "support/soak_backend.h"
#include "support/soak_journal.h"
#include "support/soak_plan.h"

namespace weir::test::soak {

enum class FaultKind : std::uint8_t {
  kDies,            // its listeners closed and its connections reset; back on the same ports later
  kStopsListening,  // running sessions go on
  kHangsShortly,    // for less than the idle timeout: nobody loses anything
  kHangs,           // for more
};
inline constexpr std::size_t kFaultKinds = 4;
std::string_view word(FaultKind kind);

struct PlannedFault {
  FaultKind kind;
  std::size_t backend;
  Millis at;  // from the beginning of the round
  Millis length;
};

// Faults for a round of length `span`, in which all kinds come again and again. At any time at most two
// backends have a fault, and one more is still being found out to be well again.
std::vector<PlannedFault> schedule_of(std::uint64_t seed, std::size_t round, std::size_t backends,
                                      Millis span);

// What was done.
struct Fault {
  FaultKind kind;
  std::string backend;
  Clock::time_point begun;
  Clock::time_point done;  // when all that it breaks is broken: only what was open before can be lost to it
  Clock::time_point over = Clock::time_point::max();
};

// Does the faults of a round, on a thread of its own.
class FaultDriver {
 public:
  FaultDriver(std::vector<std::unique_ptr<SoakBackend>>& backends, std::vector<PlannedFault> schedule,
              Journal& journal);
  ~FaultDriver() { stop(); }

  // Ends those that go on, begins no more; what there was.
  std::vector<Fault> stop();

 private:
  struct Step {
    Millis at;
    std::size_t fault;
    bool begins;
  };
  void run();
  void begin(std::size_t number);
  void end(std::size_t number);

  std::vector<std::unique_ptr<SoakBackend>>& backends_;
  const std::vector<PlannedFault> schedule_;
  Journal& journal_;
  std::vector<Step> steps_;
  std::vector<Fault> faults_;       // the thread's own while it runs
  std::vector<std::size_t> place_;  // of each planned one in faults_
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool is_stopping_ = false;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace weir::test::soak
