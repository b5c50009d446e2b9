// A stream socket for tests: blocking calls with a deadline, and an exact word for how a stream ended, since
// an end of stream and a reset are different answers. Whatever a test cannot go on without is thrown as a
// `SocketError`; what a test may want to look at is returned. One thread at a time, except `shut`.
#pragma once

#include <cstdint>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/unique_fd.h"
#include "support/eventually.h"

namespace weir::test {

class SocketError : public std::runtime_error {
 public:
  SocketError(const std::string& what, int error);
  int error() const { return error_; }  // errno, 0: none

 private:
  int error_;
};

// How far reading came.
enum class Ended {
  kNot,  // what was asked for has been read; the stream goes on
  kEndOfStream,
  kReset,     // ECONNRESET, or EPIPE from a write
  kTimedOut,  // nothing came before the deadline
};

std::string_view word(Ended ended);
inline void PrintTo(Ended ended, std::ostream* out) { *out << word(ended); }

struct Received {
  std::string bytes;
  Ended ended = Ended::kNot;
};

class Socket {
 public:
  struct Options {
    std::optional<base::Address> source;  // bind to it first, with SO_REUSEADDR
    std::optional<int> receive_buffer;    // SO_RCVBUF, before the connect, so that the window stays small
    std::optional<int> send_buffer;       // SO_SNDBUF
    Millis patience = kPatience;          // for the connect
  };

  Socket() = default;
  explicit Socket(base::UniqueFd fd) : fd_(std::move(fd)) {}

  // Connects, or throws.
  static Socket connect(const base::Address& target, const Options& options);
  static Socket connect(const base::Address& target) { return connect(target, Options{}); }

  // Connects and says how that went: 0 or errno. A connection that stood and was reset at once counts as one
  // that stood: reading shows the reset.
  static int try_connect(const base::Address& target, Socket& socket, const Options& options);
  static int try_connect(const base::Address& target, Socket& socket) {
    return try_connect(target, socket, Options{});
  }

  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }
  base::Address local() const;
  base::Address peer() const;

  // Sends all of it, or throws.
  void send_all(std::string_view bytes, Millis patience = kPatience);

  // Sends what it can until the end, an error or the deadline; returns how much went.
  std::size_t try_send(std::string_view bytes, Millis patience = kPatience);

  // At least one byte, at most `most`, unless the stream ended.
  Received receive_some(std::size_t most = 64 * 1024, Millis patience = kPatience);

  // `size` bytes, fewer only when the stream ended before.
  Received receive(std::size_t size, Millis patience = kPatience);

  // `size` bytes, or throws.
  std::string receive_exactly(std::size_t size, Millis patience = kPatience);

  // Everything up to the end, whichever end it is. The deadline is for the whole.
  Received receive_until_end(Millis patience = kPatience);

  // Whether something can be read now: bytes, an end or an error.
  bool readable_now() const;

  // Waits until the other side's host has confirmed everything that was sent (SIOCOUTQ).
  void wait_until_delivered(Millis patience = kPatience) const;

  void end_stream();  // shutdown(SHUT_WR)
  void close() { fd_.reset(); }
  void reset();  // closes with a reset (SO_LINGER 0)

  // Makes a thread that waits in this socket come back. Any thread.
  void shut() const;

 private:
  bool wait_for(short events, Clock::time_point deadline) const;

  base::UniqueFd fd_;
  // The error has been taken from the socket already: perhaps by a thread that sends while another one reads.
  bool was_reset_ = false;
};

// Reads an address, or throws.
base::Address address_of(std::string_view text);

}  // namespace weir::test
