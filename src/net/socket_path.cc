#include "net/socket_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

namespace weir::net {

SocketPath::SocketPath(std::string path) : path_(std::move(path)) {
  struct stat status {};
  is_there_ = ::lstat(path_.c_str(), &status) == 0;
  device_ = status.st_dev;
  inode_ = status.st_ino;
}

bool SocketPath::is_at(const std::string& path) const {
  struct stat status {};
  return is_there_ && ::stat(path.c_str(), &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

void SocketPath::remove() {
  if (!is_ours_ || !is_there_.exchange(false)) return;
  struct stat status {};
  const bool ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (ours) ::unlink(path_.c_str());
}

}  // namespace weir::net
