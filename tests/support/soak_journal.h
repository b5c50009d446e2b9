// What the soak did and what it found, a line each, in the file that WEIR_SOAK_LOG names; nowhere without it.
// Any thread.
#pragma once

#include <fstream>
#include <mutex>
#include <string>

#include "support/eventually.h"

namespace weir::test::soak {

class Journal {
 public:
  explicit Journal(const char* path) {
    if (path != nullptr) file_.open(path);
  }

  // "<seconds since the beginning> <line>"
  void write(Clock::time_point time, const std::string& line) {
    if (!file_.is_open()) return;
    const std::lock_guard lock(mutex_);
    file_ << std::to_string(std::chrono::duration<double>(time - begun_).count()) << ' ' << line << std::endl;
  }

 private:
  const Clock::time_point begun_ = Clock::now();
  std::ofstream file_;
  std::mutex mutex_;
};

}  // namespace weir::test::soak
