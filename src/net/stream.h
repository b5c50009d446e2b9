// The bytes of a connection where they are not simply those of its socket, as under TLS. Its calls are those
// of the kernel on a non-blocking socket, errno included, so that who moves bytes treats both alike. On the
// thread of its socket's loop.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>

namespace weir::net {

class Stream {
 public:
  virtual ~Stream() = default;

  // As recv(2): how many bytes came; 0 at the other side's end of stream; -1 with errno. EAGAIN: wait until
  // the socket can be read, or written where the stream `wants_write`. EPROTO: the other side has broken the
  // protocol. EBUSY: much has come and none of it was a byte of the stream; go on in another turn. Reads are
  // to go on until one of these comes, or `has_taken_all`: bytes may be kept of which the socket tells
  // nothing.
  virtual ssize_t receive(void* memory, std::size_t size) = 0;

  // The same, and what it gives is given once more by the next call.
  virtual ssize_t peek(void* memory, std::size_t size) = 0;

  // The last read waits for room: the stream has something of its own to send before it gives what follows.
  virtual bool wants_write() const = 0;

  // After bytes were received: all that had come was taken, and nothing of it is kept. What comes later the
  // socket tells, unless it has been said to be at its end (`net::Ready`).
  virtual bool has_taken_all() const = 0;

  // The socket has told that it can be read: whatever was known of it before does not count.
  virtual void socket_told() = 0;

  // As send(2), with fewer bytes than were asked for perhaps. After EAGAIN the next call begins with the same
  // bytes, when there is what `send_waits` for.
  virtual ssize_t send(const void* data, std::size_t size) = 0;

  // Tells the other side that nothing more comes. 0, or -1 with errno; after EAGAIN it is called again in the
  // same way. It may be called again after 0.
  virtual int end() = 0;

  // What the last `send` or `end` that gave EAGAIN waits for: mostly room, but the other side may have begun
  // to say something that has to be heard out first.
  enum class Waits : std::uint8_t { kToWrite, kToRead, kForATurn };
  virtual Waits send_waits() const { return Waits::kToWrite; }

  // Since the last `receive` or `peek` a `send` or `end` has read of the socket, for what had to be heard
  // out: bytes may be kept of which the socket tells nothing any more.
  virtual bool send_has_read() const { return false; }
};

}  // namespace weir::net
