#include "net/time_wait.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "base/unique_fd.h"

namespace weir::net {

using base::Address;
using base::failure;
using base::Result;
using base::UniqueFd;

namespace {

using Ports = std::set<std::uint16_t>;

// An address in IPv6 form, so that an IPv4 one and its mapped form are equal.
struct Host {
  std::array<std::uint8_t, 16> bytes{};
  std::uint32_t scope = 0;  // of a link-local one

  friend bool operator==(const Host&, const Host&) = default;
  friend bool operator<(const Host& a, const Host& b) {
    return std::tie(a.bytes, a.scope) < std::tie(b.bytes, b.scope);
  }
};

struct Target {
  Host host;
  std::uint16_t port = 0;

  friend bool operator<(const Target& a, const Target& b) {
    return std::tie(a.host, a.port) < std::tie(b.host, b.port);
  }
};

Host host_of(const in_addr& ip) {
  Host host;
  host.bytes[10] = host.bytes[11] = 0xff;
  std::memcpy(&host.bytes[12], &ip, sizeof(ip));
  return host;
}

Host host_of(const in6_addr& ip, std::uint32_t scope) {
  Host host;
  std::memcpy(host.bytes.data(), &ip, sizeof(ip));
  if (IN6_IS_ADDR_LINKLOCAL(&ip)) host.scope = scope;
  return host;
}

Host host_of(const Address& address) {
  if (address.family() == AF_INET) return host_of(address.ipv4_host());
  sockaddr_storage storage{};
  address.to_sockaddr(storage);
  return host_of(address.ipv6_host(), reinterpret_cast<const sockaddr_in6&>(storage).sin6_scope_id);
}

Address address_of(const Host& host) {
  in6_addr ip{};
  std::memcpy(&ip, host.bytes.data(), sizeof(ip));
  return Address::ipv6(ip, 0, host.scope).unmapped();
}

// One side of a socket, as the kernel tells it: four words in network order, of which IPv4 uses the first.
Host host_of(int family, const __be32 (&words)[4], std::uint32_t interface) {
  if (family == AF_INET) {
    in_addr ip{};
    std::memcpy(&ip, words, sizeof(ip));
    return host_of(ip);
  }
  in6_addr ip{};
  std::memcpy(&ip, words, sizeof(ip));
  return host_of(ip, interface);
}

class Counts {
 public:
  explicit Counts(std::span<const Address> destinations) {
    for (const Address& address : destinations) {
      if (address.is_ip()) wanted_.emplace(Target{host_of(address), address.port()}, &address);
    }
  }

  // The ports of the destinations to look for among the sockets of `family`: an address that is written as
  // IPv6 may be a mapped one, which sockets of both families reach.
  Ports ports(int family) const {
    Ports ports;
    for (const auto& [target, address] : wanted_) {
      if (address->family() == family || address->unmapped().family() == family) ports.insert(target.port);
    }
    return ports;
  }

  void add(const inet_diag_msg& socket) {
    const inet_diag_sockid& id = socket.id;
    const Target target{host_of(socket.idiag_family, id.idiag_dst, id.idiag_if), ntohs(id.idiag_dport)};
    const auto found = wanted_.find(target);
    if (found == wanted_.end()) return;
    ++counts_[{found->second, host_of(socket.idiag_family, id.idiag_src, id.idiag_if)}];
  }

  std::vector<TimeWaitCount> take() const {
    std::vector<TimeWaitCount> list;
    list.reserve(counts_.size());
    for (const auto& [pair, count] : counts_) list.push_back({address_of(pair.second), *pair.first, count});
    return list;
  }

 private:
  std::map<Target, const Address*> wanted_;
  std::map<std::pair<const Address*, Host>, std::uint64_t> counts_;
};

// A filter that the kernel runs for each socket: it jumps forward, and a socket passes when the last jump
// ends exactly at the end. linux/inet_diag.h. Here: is the target's port one of `ports`?
constexpr std::size_t kMostPorts = 32;

// As inet_diag_hostcond, without the address that may follow.
struct PortCondition {
  std::uint8_t family = AF_UNSPEC;
  std::uint8_t prefix_length = 0;
  std::int32_t port = 0;
};
static_assert(sizeof(PortCondition) == sizeof(inet_diag_hostcond) &&
              offsetof(PortCondition, port) == offsetof(inet_diag_hostcond, port));

struct PortCheck {
  inet_diag_bc_op compare;
  PortCondition condition;
  inet_diag_bc_op accept;
};
static_assert(sizeof(PortCheck) == 16);

std::vector<PortCheck> port_filter(const Ports& ports) {
  if (ports.size() > kMostPorts) return {};
  std::vector<PortCheck> checks;
  std::size_t left = ports.size() * sizeof(PortCheck);
  for (const std::uint16_t port : ports) {
    PortCheck check{};
    check.condition.port = port;
    const std::size_t to_accept = sizeof(check.compare) + sizeof(check.condition);
    // A miss goes on to the next check; from the last one it leads beyond the end.
    const bool is_last = left == sizeof(PortCheck);
    check.compare = {INET_DIAG_BC_D_COND, static_cast<std::uint8_t>(to_accept),
                     static_cast<std::uint16_t>(is_last ? left + 4 : sizeof(PortCheck))};
    check.accept = {INET_DIAG_BC_JMP, sizeof(check.accept), static_cast<std::uint16_t>(left - to_accept)};
    checks.push_back(check);
    left -= sizeof(PortCheck);
  }
  return checks;
}

base::Error diag_error(const std::string& what, int error) {
  if (error == ENOENT) {
    return {base::ErrorSide::kSystem, "this kernel does not tell of its connections (no tcp_diag)"};
  }
  return base::system_error(what, error);
}

Result<void> ask(int fd, int family, const Ports& ports) {
  struct {
    nlmsghdr header;
    inet_diag_req_v2 request;
    nlattr filter;
  } message{};
  static_assert(sizeof(message) == NLMSG_LENGTH(sizeof(inet_diag_req_v2)) + sizeof(nlattr));
  const std::vector<PortCheck> filter = port_filter(ports);
  const std::size_t filter_size = filter.size() * sizeof(PortCheck);
  const std::size_t fixed = sizeof(message) - (filter.empty() ? sizeof(nlattr) : 0);
  message.header.nlmsg_len = static_cast<std::uint32_t>(fixed + filter_size);
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.request.sdiag_family = static_cast<std::uint8_t>(family);
  message.request.sdiag_protocol = IPPROTO_TCP;
  message.request.idiag_states = 1u << TCP_TIME_WAIT;
  message.filter = {static_cast<std::uint16_t>(sizeof(nlattr) + filter_size), INET_DIAG_REQ_BYTECODE};
  iovec parts[] = {{&message, fixed}, {const_cast<PortCheck*>(filter.data()), filter_size}};
  msghdr sent{};
  sent.msg_iov = parts;
  sent.msg_iovlen = filter.empty() ? 1 : 2;
  if (::sendmsg(fd, &sent, 0) < 0) return failure(diag_error("ask for the connections in TIME_WAIT", errno));
  return {};
}

// Takes one datagram's messages. False: the answer is complete.
Result<bool> take_messages(const char* data, std::size_t size, Counts& counts) {
  auto left = static_cast<unsigned>(size);
  for (const auto* at = reinterpret_cast<const nlmsghdr*>(data); NLMSG_OK(at, left);
       at = NLMSG_NEXT(at, left)) {
    if (at->nlmsg_type == NLMSG_ERROR || at->nlmsg_type == NLMSG_DONE) {
      // Both begin with an errno, negative; at the end of an answer it is zero, or not there.
      int error = 0;
      if (at->nlmsg_len >= NLMSG_LENGTH(sizeof(error))) std::memcpy(&error, NLMSG_DATA(at), sizeof(error));
      if (error != 0) return failure(diag_error("count the connections in TIME_WAIT", -error));
      return false;
    }
    if (at->nlmsg_type != SOCK_DIAG_BY_FAMILY || at->nlmsg_len < NLMSG_LENGTH(sizeof(inet_diag_msg)))
      continue;
    counts.add(*reinterpret_cast<const inet_diag_msg*>(NLMSG_DATA(at)));
  }
  return true;
}

Result<void> count(int fd, int family, const Ports& ports, Counts& counts) {
  if (auto asked = ask(fd, family, ports); !asked) return asked;
  // The kernel fills as much of it as it can, up to this size.
  std::vector<char> buffer(std::size_t{32} * 1024);
  for (;;) {
    // The next part is there before the last one is read: nothing to wait for.
    const ssize_t size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) {
      return failure(diag_error("count the connections in TIME_WAIT", size == 0 ? ENODATA : errno));
    }
    const auto more = take_messages(buffer.data(), static_cast<std::size_t>(size), counts);
    if (!more) return failure(more.error());
    if (!*more) return {};
  }
}

}  // namespace

Result<std::vector<TimeWaitCount>> time_wait_towards(std::span<const Address> destinations) {
  Counts counts(destinations);
  for (const int family : {AF_INET, AF_INET6}) {
    const Ports ports = counts.ports(family);
    if (ports.empty()) continue;
    const UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd) return failure(diag_error("open a socket of sock_diag", errno));
    if (auto counted = count(fd.get(), family, ports, counts); !counted) return failure(counted.error());
  }
  return counts.take();
}

}  // namespace weir::net
