#include "base/prefix.h"

#include <arpa/inet.h>
#include <endian.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <tuple>

#include "base/assert.h"

namespace weir::base {
namespace {

// ::ffff:0:0/96 is RFC 4291 section 2.5.5.2's form for IPv4.
constexpr unsigned kMappedLength = 96;

constexpr std::string_view kForms =
    "expected an IPv4 or IPv6 address or network, e.g. \"10.0.0.0/8\", \"192.0.2.1\" or \"2001:db8::/32\"";

std::uint64_t big_endian(const std::uint8_t* bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes, sizeof(value));
  return be64toh(value);
}

void to_big_endian(std::uint64_t value, std::uint8_t* bytes) {
  value = htobe64(value);
  std::memcpy(bytes, &value, sizeof(value));
}

// The `length` leading bits of 64.
std::uint64_t mask(unsigned length) {
  if (length == 0) return 0;
  return length >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> length);
}

std::uint64_t mask_high(unsigned length) { return mask(length); }
std::uint64_t mask_low(unsigned length) { return length > 64 ? mask(length - 64) : 0; }

unsigned most_of(int family) { return family == AF_INET ? Prefix::kMostIpv4 : Prefix::kMostIpv6; }

tl::unexpected<Error> refuse(std::string expected) {
  return failure({ErrorSide::kConfiguration, std::move(expected)});
}

// inet_pton(3) is as strict as is wanted here but for NULs, which end its text early.
std::optional<Address> parse_host(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> literal{};
  if (text.size() >= literal.size() || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(literal.data(), text.data(), text.size());
  in_addr ipv4{};
  if (::inet_pton(AF_INET, literal.data(), &ipv4) == 1) return Address::ipv4(ipv4, 0);
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, literal.data(), &ipv6) == 1) return Address::ipv6(ipv6, 0);
  return std::nullopt;
}

// Digits only, no sign, no leading zero, 0 to `most`.
std::optional<unsigned> parse_length(std::string_view text, unsigned most) {
  if (text.size() > 1 && text[0] == '0') return std::nullopt;
  unsigned length = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  if (error != std::errc{} || end != text.data() + text.size() || length > most) return std::nullopt;
  return length;
}

std::string mapped_advice(const Address& ipv4, unsigned length) {
  std::string advice = "an IPv4 address in IPv6 form needs a prefix length from 96 to 128";
  if (length <= Prefix::kMostIpv4)
    advice += "; if IPv4 is meant, write \"" + Prefix::of(ipv4, length).to_string() + "\"";
  return advice;
}

}  // namespace

IpBits ip_bits(const Address& address) {
  if (address.family() == AF_INET) {
    return {AF_INET, std::uint64_t{ntohl(address.ipv4_host().s_addr)} << 32, 0};
  }
  if (address.family() != AF_INET6) return {};
  const std::uint8_t* bytes = address.ipv6_host().s6_addr;
  const std::uint64_t high = big_endian(bytes);
  const std::uint64_t low = big_endian(bytes + 8);
  if (high == 0 && low >> 32 == 0xffff) return {AF_INET, low << 32, 0};
  return {AF_INET6, high, low};
}

Prefix::Prefix(const IpBits& bits, unsigned length)
    : high_(bits.high & mask_high(length)),
      low_(bits.low & mask_low(length)),
      family_(static_cast<sa_family_t>(bits.family)),
      length_(static_cast<std::uint8_t>(length)) {
  WEIR_ASSERT(bits.family != AF_UNSPEC);
  WEIR_ASSERT(length <= most_of(bits.family));
}

Prefix Prefix::of(const Address& address, unsigned length) { return {ip_bits(address), length}; }

Address Prefix::first_address() const {
  if (family_ == AF_INET) return Address::ipv4({htonl(static_cast<std::uint32_t>(high_ >> 32))}, 0);
  in6_addr ip{};
  to_big_endian(high_, ip.s6_addr);
  to_big_endian(low_, ip.s6_addr + 8);
  return Address::ipv6(ip, 0);
}

bool Prefix::contains(const Address& address) const {
  const IpBits bits = ip_bits(address);
  return bits.family == family_ && (bits.high & mask_high(length_)) == high_ &&
         (bits.low & mask_low(length_)) == low_;
}

std::string Prefix::to_string() const {
  return first_address().ip_to_string() + "/" + std::to_string(length_);
}

std::strong_ordering operator<=>(const Prefix& a, const Prefix& b) {
  return std::tie(a.family_, a.high_, a.low_, a.length_) <=> std::tie(b.family_, b.high_, b.low_, b.length_);
}

Result<ParsedPrefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto host = parse_host(text.substr(0, slash));
  if (!host) {
    if (text.find('%') != std::string_view::npos)
      return refuse("expected an address without a scope (\"%...\")");
    if (text.starts_with('[')) return refuse("expected an address without brackets and port");
    return refuse(std::string(kForms));
  }
  const unsigned most = most_of(host->family());
  unsigned length = most;
  if (slash != std::string_view::npos) {
    const auto given = parse_length(text.substr(slash + 1), most);
    if (!given)
      return refuse("expected a prefix length from 0 to " + std::to_string(most) + " after the \"/\"");
    length = *given;
  }
  const IpBits bits = ip_bits(*host);
  if (bits.family != host->family()) {
    if (length < kMappedLength) return refuse(mapped_advice(*host, length));
    length -= kMappedLength;
  }
  const Prefix prefix = Prefix::of(*host, length);
  return ParsedPrefix{prefix, prefix.high() != bits.high || prefix.low() != bits.low};
}

}  // namespace weir::base
