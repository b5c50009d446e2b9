// Packets of bytes and descriptors between two processes of this host, each whole and in its order, over a
// pair of unix sockets (SOCK_SEQPACKET, unix(7)). It waits, up to a deadline: for threads that may. Each end
// has one owner. What is said by it is decided above.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::net {

struct Packet {
  std::string bytes;                        // at least one
  std::vector<base::UniqueFd> descriptors;  // closed on exec
};

class PacketChannel {
 public:
  // Far less than a socket's buffer where nobody has made it small (net.core.wmem_default).
  static constexpr std::size_t kMostBytes = std::size_t{32} << 10;
  static constexpr std::size_t kMostDescriptors = 128;  // the kernel's own limit is 253, unix(7)

  // The two ends, both closed on exec.
  static base::Result<std::pair<PacketChannel, PacketChannel>> create();

  explicit PacketChannel(base::UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }

  // Waits until there is room. Preconditions: 1 to `kMostBytes` bytes, `kMostDescriptors` at most, which stay
  // the caller's. Fails when the other end has been closed or the time is over.
  base::Result<void> send(std::string_view bytes, std::span<const int> descriptors, base::TimePoint deadline);

  enum class Outcome {
    kPacket,
    kEnded,    // the other end has been closed, by whatever has ended its owner
    kTooLate,  // nothing has come by the deadline
    kFailed,   // what came is not whole: this process has no descriptor left for one, say
  };
  // The next one. A deadline that is past: what is there already.
  Outcome receive(Packet& packet, base::TimePoint deadline);

  // A `receive` that waits, in another thread, comes back with `kEnded`; nothing is received any more. What
  // was sent stays to be read by the other end. Any thread.
  void stop_receiving() const;

 private:
  bool wait_for(short what, base::TimePoint deadline) const;

  base::UniqueFd fd_;
};

}  // namespace weir::net
