// Whether a file is another one than before, for the price of one stat(2): a file that was renamed into
// place, written anew or given other rights has another stamp. A file that is missing has one too. Pure
// value.
#pragma once

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace weir::net {

struct FileStamp {
  dev_t device = 0;
  ino_t inode = 0;
  off_t size = -1;           // no file
  std::int64_t seconds = 0;  // of its last change (ctime)
  std::int64_t nanoseconds = 0;

  bool is_there() const { return size >= 0; }
  std::chrono::system_clock::time_point changed() const {
    return std::chrono::system_clock::time_point(std::chrono::seconds(seconds) +
                                                 std::chrono::nanoseconds(nanoseconds));
  }

  // Of the file at `path` now, links followed.
  static FileStamp of(const std::string& path) {
    struct stat file {};
    if (::stat(path.c_str(), &file) != 0) return {};
    return {file.st_dev, file.st_ino, file.st_size, file.st_ctim.tv_sec, file.st_ctim.tv_nsec};
  }

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

}  // namespace weir::net
