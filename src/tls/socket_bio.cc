#include "tls/socket_bio.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace weir::tls {
namespace {

SocketIo& io_of(BIO* bio) { return *static_cast<SocketIo*>(BIO_get_data(bio)); }

std::size_t read_ahead(SocketIo& io, char* memory, std::size_t size) {
  const std::size_t n = io.ahead.copy(memory, size, io.taken);
  io.taken += n;
  if (!io.has_ahead()) {
    io.ahead = std::string();
    io.taken = 0;
  }
  return n;
}

// 1: done, as OpenSSL has it; 0: not now, or never, as the flags and `io` say.
int outcome(BIO* bio, ssize_t n, int retry_flag) {
  BIO_clear_retry_flags(bio);
  if (n > 0) return 1;
  if (n < 0 && errno == EAGAIN) {
    BIO_set_flags(bio, retry_flag | BIO_FLAGS_SHOULD_RETRY);
  } else if (n < 0) {
    // From a socket it is no word about TLS (see net::means_no_answer).
    io_of(bio).error = errno == EPROTO ? ETIMEDOUT : errno;
  }
  return 0;
}

int read(BIO* bio, char* memory, std::size_t size, std::size_t* got) {
  SocketIo& io = io_of(bio);
  ssize_t n = 0;
  if (!io.has_ahead() && (io.reads_left <= 0 || io.bytes_left == 0)) {
    io.gave_up = true;
    *got = 0;
    errno = EAGAIN;
    return outcome(bio, -1, BIO_FLAGS_READ);
  }
  if (io.has_ahead()) {
    n = static_cast<ssize_t>(read_ahead(io, memory, size));
    io.was_short = false;
  } else {
    do {
      n = ::recv(io.fd, memory, size, 0);
    } while (n < 0 && errno == EINTR);
    io.ended |= n == 0;
    --io.reads_left;
    io.bytes_left -= std::min(io.bytes_left, n > 0 ? static_cast<std::size_t>(n) : 0);
    io.was_short = n < 0 || static_cast<std::size_t>(n) < size;
  }
  *got = n > 0 ? static_cast<std::size_t>(n) : 0;
  return outcome(bio, n, BIO_FLAGS_READ);
}

ssize_t send_now(int fd, const char* data, std::size_t size) {
  ssize_t n = 0;
  do {
    n = ::send(fd, data, size, MSG_NOSIGNAL);
  } while (n < 0 && errno == EINTR);
  return n;
}

// False: not all of it could be sent, as errno says.
bool send_header(SocketIo& io) {
  while (!io.header.empty()) {
    const ssize_t n = send_now(io.fd, io.header.data(), io.header.size());
    if (n < 0) return false;
    io.header.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

int write(BIO* bio, const char* data, std::size_t size, std::size_t* put) {
  SocketIo& io = io_of(bio);
  const ssize_t n = send_header(io) ? send_now(io.fd, data, size) : -1;
  *put = n > 0 ? static_cast<std::size_t>(n) : 0;
  return outcome(bio, n, BIO_FLAGS_WRITE);
}

long control(BIO* bio, int what, long, void*) {
  switch (what) {
    case BIO_CTRL_FLUSH:
      return 1;
    case BIO_CTRL_EOF:
      return io_of(bio).ended ? 1 : 0;
    default:
      return 0;
  }
}

BIO_METHOD* make_method() {
  BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket of a session");
  if (method == nullptr) return nullptr;
  BIO_meth_set_read_ex(method, read);
  BIO_meth_set_write_ex(method, write);
  BIO_meth_set_ctrl(method, control);
  return method;
}

}  // namespace

BIO* make_socket_bio(SocketIo& io) {
  // Until the process ends: connections may be closed by its last threads.
  static BIO_METHOD* const kMethod = make_method();
  BIO* bio = kMethod == nullptr ? nullptr : BIO_new(kMethod);
  if (bio == nullptr) return nullptr;
  BIO_set_data(bio, &io);
  BIO_set_init(bio, 1);
  return bio;
}

}  // namespace weir::tls
