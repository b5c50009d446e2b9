// Whether another user can do anything here at all: a root directory that is closed to others (0700, as that
// of a folder that somebody made a root of) shuts out everybody but root, whatever the modes below it.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>

namespace weir::test {

// Why nothing can be tried as another user; nothing when it can.
inline std::optional<std::string> why_no_other_user() {
  struct stat root {};
  if (::stat("/", &root) != 0 || (root.st_mode & S_IXOTH) != 0) return std::nullopt;
  return "the root directory is closed to other users (`chmod 755 /` opens it)";
}

}  // namespace weir::test
