#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <filesystem>

#include "base/assert.h"

namespace weir::base {
namespace {

Error bad_address(std::string_view text, std::string_view expected) {
  return {ErrorSide::kConfiguration,
          "\"" + std::string(text) + "\" is not an address: expected " + std::string(expected)};
}

constexpr std::string_view kAddressForms = "\"IPV4:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\"";
constexpr std::string_view kEndpointForms = "\"HOST:PORT\", \"IPV4:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\"";

// Digits only, no sign, no leading zero (a sign of octal thinking), 0 to 65535.
bool parse_port(std::string_view text, std::uint16_t& port) {
  if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return false;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value > 65535) return false;
  port = static_cast<std::uint16_t>(value);
  return true;
}

bool is_label(std::string_view label) {
  constexpr std::string_view kKnown = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         label.find_first_not_of(kKnown) == std::string_view::npos;
}

// RFC 1123 section 2.1: letters, digits and inner hyphens in labels of up to 63, 253 in all; underscores are
// let through because container networks use them. A name made of digits and dots only is a broken IPv4
// address.
bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);  // the root, written out
  if (host.size() > 253 || host.find_first_not_of("0123456789.") == std::string_view::npos) return false;
  for (std::size_t start = 0; start <= host.size();) {
    const std::size_t end = std::min(host.find('.', start), host.size());
    if (!is_label(host.substr(start, end - start))) return false;
    start = end + 1;
  }
  return true;
}

Result<Address> parse_unix(std::string_view text) {
  const std::string_view path = text.substr(5);
  if (path.empty() || path[0] != '/') return failure(bad_address(text, "an absolute path after \"unix:\""));
  if (path.find('\0') != std::string_view::npos)
    return failure(bad_address("unix:", "a path without NUL bytes"));
  if (path.size() > Address::kMaxUnixPath) {
    return failure(bad_address(text, "a path of at most " + std::to_string(Address::kMaxUnixPath) +
                                         " bytes (the kernel's limit for unix sockets)"));
  }
  // One spelling for one path, as far as the text tells.
  return Address::unix_path(std::filesystem::path(path).lexically_normal().string());
}

}  // namespace

Address Address::ipv4(in_addr ip, std::uint16_t port) {
  Address a;
  a.family_ = AF_INET;
  a.in4_ = sockaddr_in{};
  a.in4_.sin_family = AF_INET;
  a.in4_.sin_addr = ip;
  a.in4_.sin_port = htons(port);
  return a;
}

Address Address::ipv6(const in6_addr& ip, std::uint16_t port, std::uint32_t scope) {
  Address a;
  a.family_ = AF_INET6;
  a.in6_ = sockaddr_in6{};
  a.in6_.sin6_family = AF_INET6;
  a.in6_.sin6_addr = ip;
  a.in6_.sin6_port = htons(port);
  a.in6_.sin6_scope_id = scope;
  return a;
}

Address Address::unix_path(std::string path) {
  WEIR_ASSERT(path.size() <= kMaxUnixPath);
  Address a;
  a.family_ = AF_UNIX;
  if (!path.empty()) a.path_ = std::make_shared<const std::string>(std::move(path));
  return a;
}

Address Address::from_sockaddr(const sockaddr_storage& storage, socklen_t length) {
  Address a;
  if (storage.ss_family == AF_INET && length >= sizeof(sockaddr_in)) {
    a.family_ = AF_INET;
    std::memcpy(&a.in4_, &storage, sizeof(sockaddr_in));
  } else if (storage.ss_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    a.family_ = AF_INET6;
    std::memcpy(&a.in6_, &storage, sizeof(sockaddr_in6));
  } else if (storage.ss_family == AF_UNIX) {
    a.family_ = AF_UNIX;
    const auto* un = reinterpret_cast<const sockaddr_un*>(&storage);
    if (length > offsetof(sockaddr_un, sun_path)) {
      // A path that fills sun_path has no NUL, and the kernel's `length` then counts one past it: unix(7).
      const std::size_t most = std::min(length - offsetof(sockaddr_un, sun_path), sizeof(un->sun_path));
      const std::size_t length_of_path = ::strnlen(un->sun_path, most);
      if (length_of_path > 0) a.path_ = std::make_shared<const std::string>(un->sun_path, length_of_path);
    }
  }
  return a;
}

bool Address::is_loopback() const {
  if (family_ == AF_INET) return (ntohl(in4_.sin_addr.s_addr) >> 24) == 127;
  if (family_ != AF_INET6) return false;
  if (IN6_IS_ADDR_LOOPBACK(&in6_.sin6_addr)) return true;
  return IN6_IS_ADDR_V4MAPPED(&in6_.sin6_addr) && in6_.sin6_addr.s6_addr[12] == 127;
}

bool Address::is_wildcard() const {
  if (family_ == AF_INET) return in4_.sin_addr.s_addr == htonl(INADDR_ANY);
  return family_ == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6_.sin6_addr);
}

const std::string& Address::path() const {
  static const std::string kNone;
  return path_ == nullptr ? kNone : *path_;
}

std::uint16_t Address::port() const {
  if (family_ == AF_INET) return ntohs(in4_.sin_port);
  if (family_ == AF_INET6) return ntohs(in6_.sin6_port);
  return 0;
}

Address Address::with_port(std::uint16_t port) const {
  WEIR_ASSERT(is_ip());
  Address a = *this;
  if (family_ == AF_INET) {
    a.in4_.sin_port = htons(port);
  } else {
    a.in6_.sin6_port = htons(port);
  }
  return a;
}

socklen_t Address::to_sockaddr(sockaddr_storage& storage) const {
  storage = sockaddr_storage{};
  if (family_ == AF_INET) {
    std::memcpy(&storage, &in4_, sizeof(in4_));
    return sizeof(in4_);
  }
  if (family_ == AF_INET6) {
    std::memcpy(&storage, &in6_, sizeof(in6_));
    return sizeof(in6_);
  }
  WEIR_ASSERT(family_ == AF_UNIX);
  auto* un = reinterpret_cast<sockaddr_un*>(&storage);
  un->sun_family = AF_UNIX;
  // With a byte more than the family, an empty path would name an abstract socket.
  if (path_ == nullptr) return offsetof(sockaddr_un, sun_path);
  std::memcpy(un->sun_path, path_->data(), path_->size());
  return static_cast<socklen_t>(
      std::min(offsetof(sockaddr_un, sun_path) + path_->size() + 1, sizeof(sockaddr_un)));
}

std::string Address::ip_to_string() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family_ == AF_INET) ::inet_ntop(AF_INET, &in4_.sin_addr, text, sizeof(text));
  if (family_ == AF_INET6) ::inet_ntop(AF_INET6, &in6_.sin6_addr, text, sizeof(text));
  std::string ip = text;
  if (family_ == AF_INET6 && in6_.sin6_scope_id != 0) ip += "%" + std::to_string(in6_.sin6_scope_id);
  return ip;
}

std::string Address::to_string() const {
  switch (family_) {
    case AF_INET:
      return ip_to_string() + ":" + std::to_string(port());
    case AF_INET6:
      return "[" + ip_to_string() + "]:" + std::to_string(port());
    case AF_UNIX:
      return path_ == nullptr ? "unix" : "unix:" + *path_;
    default:
      return "none";
  }
}

Address Address::unmapped() const {
  if (family_ != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&in6_.sin6_addr)) return *this;
  in_addr ip{};
  std::memcpy(&ip, &in6_.sin6_addr.s6_addr[12], sizeof(ip));
  return ipv4(ip, port());
}

bool operator==(const Address& a, const Address& b) {
  if (a.family_ != b.family_) return false;
  switch (a.family_) {
    case AF_INET:
      return a.in4_.sin_port == b.in4_.sin_port && a.in4_.sin_addr.s_addr == b.in4_.sin_addr.s_addr;
    case AF_INET6:
      return a.in6_.sin6_port == b.in6_.sin6_port && a.in6_.sin6_scope_id == b.in6_.sin6_scope_id &&
             IN6_ARE_ADDR_EQUAL(&a.in6_.sin6_addr, &b.in6_.sin6_addr);
    case AF_UNIX:
      return a.path() == b.path();
    default:
      return true;
  }
}

std::string to_string(const Endpoint& endpoint) {
  if (const auto* address = std::get_if<Address>(&endpoint)) return address->to_string();
  const auto& name = std::get<HostPort>(endpoint);
  return name.host + ":" + std::to_string(name.port);
}

Result<Address> parse_address(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text);
  const std::size_t colon = text.rfind(':');
  std::uint16_t port = 0;
  if (colon == std::string_view::npos || !parse_port(text.substr(colon + 1), port)) {
    return failure(bad_address(text, std::string(kAddressForms) + ", with a port from 0 to 65535"));
  }
  const std::string_view host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    in6_addr ip{};
    const std::string literal(host.substr(1, host.size() - 2));
    if (::inet_pton(AF_INET6, literal.c_str(), &ip) == 1 && literal.find('\0') == std::string::npos) {
      return Address::ipv6(ip, port);
    }
    return failure(bad_address(text, "an IPv6 address between the brackets, e.g. \"[::1]:80\""));
  }
  in_addr ip{};
  const std::string literal(host);
  if (::inet_pton(AF_INET, literal.c_str(), &ip) == 1 && literal.find('\0') == std::string::npos) {
    return Address::ipv4(ip, port);
  }
  if (host.find(':') != std::string_view::npos) {
    return failure(bad_address(text, "brackets around an IPv6 address, e.g. \"[::1]:80\""));
  }
  return failure(bad_address(text, kAddressForms));
}

Result<Endpoint> parse_endpoint(std::string_view text) {
  auto address = parse_address(text);
  if (address) return Endpoint(*std::move(address));
  const std::size_t colon = text.rfind(':');
  const std::string_view host = text.substr(0, colon);
  // A path or an IPv6 address it was meant to be: what was wrong with that is the better help.
  if (text.starts_with("unix:") || host.find_first_of(":[]") != std::string_view::npos) {
    return failure(std::move(address).error());
  }
  HostPort name;
  if (colon == std::string_view::npos || !is_host_name(host))
    return failure(bad_address(text, kEndpointForms));
  if (!parse_port(text.substr(colon + 1), name.port)) {
    return failure(bad_address(text, std::string(kEndpointForms) + ", with a port from 0 to 65535"));
  }
  name.host = std::string(host);
  return Endpoint(std::move(name));
}

bool reaches(const Address& target, const Address& bound, Reach reach) {
  if (target.is_unix() || bound.is_unix()) return target == bound;
  if (target.port() != bound.port()) return false;
  const Address to = target.unmapped();
  const Address at = bound.unmapped();
  if (to == at) return true;
  const bool same_family = to.family() == at.family();
  const bool taken = same_family || (at.family() == AF_INET6 && !reach.v6only);
  const bool local = reach.target_is_local || to.is_loopback() || to.is_wildcard();
  if (at.is_wildcard()) return taken && local;
  // Connecting to a wildcard address means this host's loopback.
  return to.is_wildcard() && same_family && at.is_loopback();
}

}  // namespace weir::base
