// The path of a unix socket that this process made, removed with this object. Only as far as it is still the
// one that was made here: a path that somebody else has put there meanwhile stays.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string>

namespace weir::net {

class SocketPath {
 public:
  // Remembers what lies at `path` now. Nothing there: nothing will be removed.
  explicit SocketPath(std::string path);
  SocketPath(const SocketPath&) = delete;
  SocketPath& operator=(const SocketPath&) = delete;
  ~SocketPath() { remove(); }

  // Now, unless it is another process's. Idempotent; any thread.
  void remove();

  // It is another process's to remove, or this one's again. Any thread.
  void leave_to_another() { is_ours_ = false; }
  void take() { is_ours_ = true; }

  // Whether `path`, links followed, leads to this very socket. Any thread.
  bool is_at(const std::string& path) const;

 private:
  const std::string path_;
  std::atomic<bool> is_there_{false};
  std::atomic<bool> is_ours_{true};
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace weir::net
