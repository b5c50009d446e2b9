// The path of a unix socket that this process made, removed with this object. Only as far as it is still the
// one that was made here: a path that somebody else has put there meanwhile stays.
#pragma once

#include <sys/types.h>

#include <string>

namespace weir::net {

class SocketPath {
 public:
  // Remembers what lies at `path` now. Nothing there: nothing will be removed.
  explicit SocketPath(std::string path);
  SocketPath(SocketPath&& other) noexcept;
  SocketPath& operator=(SocketPath&&) = delete;
  ~SocketPath();

 private:
  std::string path_;  // empty: nothing to remove
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace weir::net
