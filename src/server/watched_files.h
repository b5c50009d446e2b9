// Files that are read again when they change: whether they have, and are quiet again. Whoever writes a file
// may take its time, so only what looks as it did at the last look is taken for whole. Nothing is opened
// here; the owner looks every `kLookInterval`.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "net/file_stamp.h"

namespace weir::server {

// Between two looks.
inline constexpr std::chrono::milliseconds kLookInterval{1'000};

class WatchedFiles {
 public:
  // They were last read after `read_since`; what changed less than `kLookInterval` before that may have been
  // read before or after, and so counts as changed.
  WatchedFiles(std::vector<std::string> files, std::chrono::system_clock::time_point read_since);

  // True when they are to be read now, which counts as done then.
  bool take_change();

  // To be called after each look.
  void note() { seen_ = stamps(); }

  // They could not be read: they are looked at again.
  void forget_read() { read_.clear(); }

  // Every one was there when they were last read.
  bool were_there() const;

 private:
  std::vector<net::FileStamp> stamps() const;

  std::vector<std::string> files_;
  std::vector<net::FileStamp> read_;  // as they were when they were last read; empty: never, or not known
  std::vector<net::FileStamp> seen_;  // at the last look
};

}  // namespace weir::server
