#include "support/slow_link.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace weir::test {
namespace {

constexpr const char* kDevice = "slow0";
constexpr std::size_t kMostOfAPacket = 64 * 1024;

// The device's packets, whole and without anything before them, are read and written here.
base::UniqueFd make_end(const LinkEnd& end) {
  base::UniqueFd fd = end.where.run([] {
    base::UniqueFd made(::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    ifreq request{};
    std::strncpy(request.ifr_name, kDevice, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    if (!made || ::ioctl(made.get(), TUNSETIFF, &request) != 0) {
      throw std::runtime_error(std::string("make a TUN device: ") + std::strerror(errno));
    }
    return made;
  });
  for (const std::string& address : end.addresses) end.where.ip("address add " + address + " dev " + kDevice);
  end.where.ip(std::string("link set ") + kDevice + " up");
  return fd;
}

}  // namespace

std::optional<std::string> why_no_slow_link() {
  if (auto why = why_no_namespaces()) return why;
  try {
    const NetworkNamespace a;
    make_end({a, {"198.18.0.1/24"}});
    return std::nullopt;
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

SlowLink::SlowLink(const LinkEnd& a, const LinkEnd& b, Millis delay)
    : delay_(delay), a_(make_end(a)), b_(make_end(b)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { run(); });
}

SlowLink::~SlowLink() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void SlowLink::run() {
  for (;;) {
    pollfd waiting[] = {{a_.get(), POLLIN, 0}, {b_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    timespec until_due{};
    if (!on_their_way_.empty()) {
      const auto left = std::max(on_their_way_.front().due - Clock::now(), Clock::duration(0));
      until_due.tv_sec = std::chrono::duration_cast<std::chrono::seconds>(left).count();
      until_due.tv_nsec = std::chrono::nanoseconds(left % std::chrono::seconds(1)).count();
    }
    ::ppoll(waiting, 3, on_their_way_.empty() ? nullptr : &until_due, nullptr);
    if (waiting[2].revents != 0) return;
    take_from(a_.get(), b_.get());
    take_from(b_.get(), a_.get());
    while (!on_their_way_.empty() && on_their_way_.front().due <= Clock::now()) {
      const Packet& packet = on_their_way_.front();
      // What is not taken is lost, as on any link.
      static_cast<void>(!::write(packet.to, packet.bytes.data(), packet.bytes.size()));
      on_their_way_.pop_front();
    }
  }
}

void SlowLink::take_from(int from, int to) {
  std::string bytes(kMostOfAPacket, '\0');
  for (ssize_t n = 0; (n = ::read(from, bytes.data(), bytes.size())) > 0;) {
    on_their_way_.push_back({Clock::now() + delay_, to, bytes.substr(0, static_cast<std::size_t>(n))});
  }
}

}  // namespace weir::test
