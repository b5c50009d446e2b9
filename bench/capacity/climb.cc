#include "capacity/climb.h"

#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>

#include "base/units.h"

namespace weir::capacity {
namespace {

constexpr timeval kPatience{3, 0};
constexpr std::size_t kProgressStep = 50;
constexpr std::size_t kMemoryStep = 500;
constexpr std::uint64_t kLeastMemory = 128ull << 20;

// What the kernel would still give out, /proc/meminfo.
std::uint64_t available_memory() {
  std::ifstream file("/proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (file >> name >> kib) {
    if (name == "MemAvailable:") return kib * 1024;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return std::numeric_limits<std::uint64_t>::max();
}

std::string refusal_by(int error) {
  switch (error) {
    case ECONNREFUSED:
      return "refusal: nobody listens (ECONNREFUSED)";
    case ECONNRESET:
    case EPIPE:
      return "refusal: the connection was reset";
    case ETIMEDOUT:
    case EAGAIN:
    case EINPROGRESS:
      return fmt::format("no answer within {} s", kPatience.tv_sec);
    case ENOMEM:
    case ENOBUFS:
      return "memory: the kernel has none for another socket";
    default:
      return fmt::format("connect: {}", ::strerrordesc_np(error));
  }
}

}  // namespace

void Climb::run(const std::function<void(std::size_t)>& progress) {
  const auto deadline = base::precise_now() + bounds_.time;
  while (open_one()) {
    if (held_.size() % kProgressStep == 0) progress(held_.size());
    if (held_.size() >= static_cast<std::size_t>(bounds_.most)) {
      stop("nothing: --most was reached");
      return;
    }
    if (base::precise_now() > deadline) {
      stop("nothing: --seconds were over");
      return;
    }
    if (held_.size() % kMemoryStep == 0 && available_memory() < kLeastMemory) {
      stop("memory: less than " + base::human_bytes(kLeastMemory) + " are left on this machine");
      return;
    }
  }
}

bool Climb::open_one() {
  base::UniqueFd fd = new_socket();
  if (!fd) return false;
  if (!connect_from_some_source(fd.get())) return false;
  char greeting = 0;
  const ssize_t n = ::recv(fd.get(), &greeting, 1, 0);
  if (n == 0) return stop("refusal: the connection was closed at once");
  if (n < 0) return stop(refusal_by(errno));
  held_.push_back(std::move(fd));
  return true;
}

base::UniqueFd Climb::new_socket() {
  base::UniqueFd fd(::socket(target_.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    const bool descriptors = errno == EMFILE || errno == ENFILE;
    stop(descriptors ? "descriptors: the clients have no more" : refusal_by(errno));
    return fd;
  }
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof(kPatience));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof(kPatience));  // connect's as well
  // The port is chosen by the connect, when the whole pair of addresses is known.
  ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
  return fd;
}

bool Climb::connect_from_some_source(int fd) {
  sockaddr_storage target;
  const socklen_t length = target_.to_sockaddr(target);
  for (; source_ < bounds_.sources; ++source_) {
    const in_addr ip{htonl(0x7f000101u + static_cast<std::uint32_t>(source_))};
    sockaddr_storage source;
    const socklen_t source_length = base::Address::ipv4(ip, 0).to_sockaddr(source);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&source), source_length) != 0) {
      return stop(refusal_by(errno));
    }
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&target), length) == 0) return true;
    if (errno != EADDRNOTAVAIL) return stop(refusal_by(errno));
    // No port was taken, so the same socket can be bound again, to the next address.
  }
  return stop("ports: no source port is left; more client addresses (--sources) have more");
}

std::size_t Climb::still_standing() const {
  std::size_t standing = 0;
  for (const base::UniqueFd& fd : held_) {
    char byte = 0;
    standing += ::recv(fd.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN ? 1 : 0;
  }
  return standing;
}

bool Climb::stop(std::string reason) {
  stopped_by_ = std::move(reason);
  return false;
}

}  // namespace weir::capacity
