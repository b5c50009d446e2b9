// One end of what a pump moves: a socket, or a stream over it. Calls as recv(2) and send(2), made again where
// a signal interrupted them; -1 leaves errno to the caller.
#pragma once

#include <sys/socket.h>

#include <cerrno>
#include <cstddef>

#include "net/stream.h"

namespace weir::relay {

struct End {
  int fd = -1;
  net::Stream* stream = nullptr;  // none: the bytes are the socket's own
};

inline ssize_t receive(const End& from, void* memory, std::size_t size) {
  if (from.stream != nullptr) return from.stream->receive(memory, size);
  ssize_t n = 0;
  do {
    n = ::recv(from.fd, memory, size, 0);
  } while (n < 0 && errno == EINTR);
  return n;
}

inline ssize_t peek(const End& from, void* memory, std::size_t size) {
  if (from.stream != nullptr) return from.stream->peek(memory, size);
  ssize_t n = 0;
  do {
    n = ::recv(from.fd, memory, size, MSG_PEEK);
  } while (n < 0 && errno == EINTR);
  return n;
}

// `flags` are for sockets, MSG_NOSIGNAL is among them.
inline ssize_t send_now(const End& to, const void* data, std::size_t size, int flags = 0) {
  if (to.stream != nullptr) return to.stream->send(data, size);
  ssize_t n = 0;
  do {
    n = ::send(to.fd, data, size, MSG_NOSIGNAL | flags);
  } while (n < 0 && errno == EINTR);
  return n;
}

}  // namespace weir::relay
