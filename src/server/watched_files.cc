#include "server/watched_files.h"

#include <algorithm>

namespace weir::server {

WatchedFiles::WatchedFiles(std::vector<std::string> files, std::chrono::system_clock::time_point read_since)
    : files_(std::move(files)), seen_(stamps()) {
  const bool all_older = std::all_of(seen_.begin(), seen_.end(), [&](const net::FileStamp& stamp) {
    return stamp.changed() + kLookInterval < read_since;
  });
  if (all_older) read_ = seen_;
}

bool WatchedFiles::take_change() {
  std::vector<net::FileStamp> now = stamps();
  if (now == read_ || now != seen_) return false;
  read_ = std::move(now);
  return true;
}

bool WatchedFiles::were_there() const {
  return std::all_of(read_.begin(), read_.end(),
                     [](const net::FileStamp& stamp) { return stamp.is_there(); });
}

std::vector<net::FileStamp> WatchedFiles::stamps() const {
  std::vector<net::FileStamp> stamps;
  stamps.reserve(files_.size());
  for (const std::string& file : files_) stamps.push_back(net::FileStamp::of(file));
  return stamps;
}

}  // namespace weir::server
