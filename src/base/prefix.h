// A network: an IPv4 or IPv6 address and the number of its leading bits that count (RFC 4632, RFC 4291
// section 2.3), and IP addresses as plain numbers, which is how prefixes are compared with them. Values,
// pure. Not a set of networks: that is admission's. IPv4-mapped IPv6 is IPv4 here, always: one host has one
// identity. So an IPv6 prefix holds IPv6 addresses only, and even "::/0" does not hold ::ffff:192.0.2.1,
// which is 192.0.2.1.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/result.h"

namespace weir::base {

// The bits of an IP address as a number of 128 bits in host order. IPv4 is left-aligned: 192.0.2.1 has
// 0xc0000201 in the upper half of `high`, so that a prefix length means the same in both families.
struct IpBits {
  int family = AF_UNSPEC;  // AF_INET or AF_INET6; AF_UNSPEC when the address has no IP
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  friend bool operator==(const IpBits&, const IpBits&) = default;
};

// Mapped addresses give the bits of their IPv4 form; the port and the scope are left out.
IpBits ip_bits(const Address& address);

class Prefix {
 public:
  static constexpr unsigned kMostIpv4 = 32;   // the length of a prefix that is one IPv4 host
  static constexpr unsigned kMostIpv6 = 128;  // the same of IPv6

  // The network of `length` bits that `address` is in; a mapped address counts as IPv4.
  // Precondition: `address` is an IP, and `length` at most `kMostIpv4` or `kMostIpv6`, as it is one or the
  // other.
  static Prefix of(const Address& address, unsigned length);

  int family() const { return family_; }        // AF_INET or AF_INET6
  unsigned length() const { return length_; }   // 0 to 32, or to 128
  std::uint64_t high() const { return high_; }  // the bits as in `IpBits`; those beyond the length are 0
  std::uint64_t low() const { return low_; }

  // Its first address, with port 0.
  Address first_address() const;

  // False for what is no IP address. The port does not matter.
  bool contains(const Address& address) const;

  // "10.0.0.0/8", "192.0.2.1/32", "2001:db8::/32": always with the length.
  std::string to_string() const;

  friend bool operator==(const Prefix&, const Prefix&) = default;
  // IPv4 first, then by address, then the wider network first: each stands behind all that hold it.
  friend std::strong_ordering operator<=>(const Prefix& a, const Prefix& b);

 private:
  Prefix(const IpBits& bits, unsigned length);

  std::uint64_t high_;
  std::uint64_t low_;
  sa_family_t family_;
  std::uint8_t length_;
};

struct ParsedPrefix {
  Prefix prefix;
  // The text had bits set beyond the length ("10.1.2.3/8"); `prefix` is without them. No error, but worth a
  // warning: the author may have meant another network.
  bool has_host_bits = false;
};

// "10.0.0.0/8", "10.1.2.3" (which is /32), "2001:db8::/32", "::1" (/128). No spaces, port, scope, brackets,
// netmask or leading zero in an octet or the length. What is written in ::ffff:0:0/96 means IPv4: its length
// must be 96 or more, and "::ffff:10.0.0.0/104" is 10.0.0.0/8; a shorter one is refused, for it would be an
// IPv6 network, which no IPv4 address is in. The error says what was expected and leaves the text out, so
// that it can be shown whatever the text was.
Result<ParsedPrefix> parse_prefix(std::string_view text);

}  // namespace weir::base
