// Socket addresses (IPv4, IPv6, unix path) and endpoints, which are an address or a host name with a port.
// Values: copied freely, compared by content. Parsing accepts literals only and never asks a resolver.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/assert.h"
#include "base/result.h"

namespace weir::base {

class Address {
 public:
  // No address at all; `to_string` says "none".
  Address() = default;

  static Address ipv4(in_addr ip, std::uint16_t port);
  static Address ipv6(const in6_addr& ip, std::uint16_t port, std::uint32_t scope = 0);

  // A unix-domain stream socket. An empty path is an unnamed peer, which is what accept(2) reports of
  // clients. Precondition: `path` is at most `kMaxUnixPath` bytes.
  static Address unix_path(std::string path);

  // From what the kernel filled in. An unknown family gives the empty address.
  static Address from_sockaddr(const sockaddr_storage& storage, socklen_t length);

  int family() const { return family_; }  // AF_UNSPEC, AF_INET, AF_INET6 or AF_UNIX
  bool is_unix() const { return family_ == AF_UNIX; }
  bool is_ip() const { return family_ == AF_INET || family_ == AF_INET6; }
  bool is_loopback() const;         // 127.0.0.0/8, ::1, ::ffff:127.0.0.0/104
  bool is_wildcard() const;         // 0.0.0.0 or ::
  std::uint16_t port() const;       // host order; 0 for unix
  const std::string& path() const;  // empty for IP and for unnamed
  Address with_port(std::uint16_t port) const;

  // The host alone, in network order. Precondition: the family is AF_INET, or AF_INET6 for the other.
  in_addr ipv4_host() const {
    WEIR_ASSERT(family_ == AF_INET);
    return in4_.sin_addr;
  }
  const in6_addr& ipv6_host() const {
    WEIR_ASSERT(family_ == AF_INET6);
    return in6_.sin6_addr;
  }

  // Fills `storage` for bind(2) and connect(2) and returns the length to pass.
  socklen_t to_sockaddr(sockaddr_storage& storage) const;

  // "192.0.2.1:80", "[2001:db8::1]:80", "unix:/run/app.sock", "unix" (unnamed), "none".
  std::string to_string() const;
  // The same without the port: "192.0.2.1", "2001:db8::1".
  std::string ip_to_string() const;

  // IPv4-mapped IPv6 addresses and their IPv4 form are one host: this gives the IPv4 form of the former.
  Address unmapped() const;

  friend bool operator==(const Address& a, const Address& b);

  // sun_path less its terminating NUL.
  static constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

 private:
  int family_ = AF_UNSPEC;
  union {
    sockaddr_in in4_;
    sockaddr_in6 in6_{};
  };
  std::shared_ptr<const std::string> path_;  // none for an empty one: few addresses have one
};

// A host name (RFC 1123) with a port: resolved at start.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

using Endpoint = std::variant<Address, HostPort>;

std::string to_string(const Endpoint& endpoint);

// "192.0.2.1:80", "[::1]:80", "unix:/path". The error's message says what was expected.
Result<Address> parse_address(std::string_view text);

// As `parse_address`, and "name:80" besides.
Result<Endpoint> parse_endpoint(std::string_view text);

// Whether a connection to `target` would arrive at a socket bound to `bound`: equal, or `bound` is a wildcard
// of a family that takes it and `target` is loopback, wildcard or one of this host's own addresses
// (`target_is_local`). `v6only` tells whether an IPv6 wildcard leaves IPv4 alone.
struct Reach {
  bool target_is_local = false;
  bool v6only = true;
};
bool reaches(const Address& target, const Address& bound, Reach reach);

}  // namespace weir::base
