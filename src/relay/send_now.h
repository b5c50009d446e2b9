// send(2) as the pumps use it: at once, without a signal, made again where one interrupted it.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

namespace weir::relay {

// -1 leaves errno to the caller.
inline ssize_t send_now(int fd, const void* data, std::size_t size, int flags = 0) {
  ssize_t n = 0;
  do {
    n = ::send(fd, data, size, MSG_NOSIGNAL | flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace weir::relay
