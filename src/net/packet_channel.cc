#include "net/packet_channel.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace weir::net {
namespace {

using Control = std::array<char, CMSG_SPACE(sizeof(int) * PacketChannel::kMostDescriptors)>;

// Those that came with a message; they are ours whatever becomes of it.
std::vector<base::UniqueFd> take_descriptors(msghdr& message) {
  std::vector<base::UniqueFd> taken;
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof(int), sizeof(int));
      taken.emplace_back(fd);
    }
  }
  return taken;
}

}  // namespace

base::Result<std::pair<PacketChannel, PacketChannel>> PacketChannel::create() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return base::failure(base::system_error("socketpair", errno));
  }
  return std::pair(PacketChannel(base::UniqueFd(ends[0])), PacketChannel(base::UniqueFd(ends[1])));
}

bool PacketChannel::wait_for(short what, base::TimePoint deadline) const {
  while (true) {
    const auto left = std::chrono::ceil<base::Millis>(deadline - base::precise_now());
    pollfd waiting{fd_.get(), what, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
    if (base::precise_now() >= deadline) return false;
  }
}

base::Result<void> PacketChannel::send(std::string_view bytes, std::span<const int> descriptors,
                                       base::TimePoint deadline) {
  WEIR_ASSERT(!bytes.empty() && bytes.size() <= kMostBytes && descriptors.size() <= kMostDescriptors);
  iovec data{const_cast<char*>(bytes.data()), bytes.size()};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(fd_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    const int error = errno;
    if (error == EINTR) continue;
    if (error != EAGAIN) return base::failure(base::system_error("send to the other process", error));
    if (!wait_for(POLLOUT, deadline)) {
      return base::failure({base::ErrorSide::kSystem, "the other process does not take what it is sent"});
    }
  }
  return {};
}

PacketChannel::Outcome PacketChannel::receive(Packet& packet, base::TimePoint deadline) {
  packet.bytes.resize(kMostBytes);
  packet.descriptors.clear();
  iovec data{packet.bytes.data(), packet.bytes.size()};
  alignas(cmsghdr) Control control{};
  msghdr message{};
  ssize_t size = 0;
  // Whoever ends with something unread leaves a reset, which is told once and before what it had said last.
  bool was_reset = false;
  const auto is_to_be_asked_again = [&was_reset] {
    return errno == EAGAIN || errno == EINTR || (errno == ECONNRESET && !std::exchange(was_reset, true));
  };
  do {
    if (!wait_for(POLLIN, deadline)) {
      packet.bytes.clear();
      return Outcome::kTooLate;
    }
    message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    size = ::recvmsg(fd_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && is_to_be_asked_again());
  packet.bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  if (size == 0 || (size < 0 && errno == ECONNRESET)) return Outcome::kEnded;
  if (size < 0) return Outcome::kFailed;
  packet.descriptors = take_descriptors(message);
  return (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0 ? Outcome::kPacket : Outcome::kFailed;
}

void PacketChannel::stop_receiving() const { ::shutdown(fd_.get(), SHUT_RD); }

}  // namespace weir::net
