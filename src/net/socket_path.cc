#include "net/socket_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace weir::net {

SocketPath::SocketPath(std::string path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return;
  path_ = std::move(path);
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

SocketPath::SocketPath(SocketPath&& other) noexcept
    : path_(std::exchange(other.path_, {})), device_(other.device_), inode_(other.inode_) {}

SocketPath::~SocketPath() {
  if (path_.empty()) return;
  struct stat status {};
  const bool ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

}  // namespace weir::net
