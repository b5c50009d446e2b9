#include "wire/proxy_header.h"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "wire/crc32c.h"
#include "wire/proxy_tlv.h"

namespace weir::wire {
namespace {

using base::Address;

constexpr std::string_view kLinePrefix = "PROXY ";
constexpr std::string_view kLineEnd = "\r\n";

ProxyRead fault(ProxyFault what) {
  ProxyRead read;
  read.outcome = ProxyRead::Outcome::kFault;
  read.fault = what;
  return read;
}

ProxyRead needs(std::size_t bytes) {
  ProxyRead read;
  read.needed = bytes;
  return read;
}

ProxyRead found(const ProxyHeader& header) {
  ProxyRead read;
  read.outcome = ProxyRead::Outcome::kHeader;
  read.header = header;
  return read;
}

// Whether `bytes` may be the beginning of what begins with `prefix`, or begin with it.
bool may_begin_with(std::string_view bytes, std::string_view prefix) {
  const std::size_t both = std::min(bytes.size(), prefix.size());
  return bytes.substr(0, both) == prefix.substr(0, both);
}

// Takes what stands before the next space, and the space; nothing when there is none.
std::optional<std::string_view> take_word(std::string_view& rest) {
  const std::size_t space = rest.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string_view word = rest.substr(0, space);
  rest.remove_prefix(space + 1);
  return word;
}

// A decimal number without leading zeros.
std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  return port;
}

std::optional<Address> read_host(int family, std::string_view text, std::uint16_t port) {
  // inet_pton(3) takes a NUL for the end; what follows one must not be overlooked.
  char copy[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof(copy) || text.find('\0') != std::string_view::npos) return std::nullopt;
  std::memcpy(copy, text.data(), text.size());
  if (family == AF_INET) {
    in_addr ip{};
    return ::inet_pton(AF_INET, copy, &ip) == 1 ? std::optional(Address::ipv4(ip, port)) : std::nullopt;
  }
  in6_addr ip{};
  return ::inet_pton(AF_INET6, copy, &ip) == 1 ? std::optional(Address::ipv6(ip, port)) : std::nullopt;
}

// `line` is without its end.
ProxyRead read_line(std::string_view line) {
  ProxyHeader header;
  header.version = 1;
  header.size = line.size() + kLineEnd.size();
  std::string_view rest = line.substr(kLinePrefix.size());
  if (rest == "UNKNOWN" || rest.starts_with("UNKNOWN ")) return found(header);
  const auto protocol = take_word(rest);
  const auto source = take_word(rest);
  const auto destination = take_word(rest);
  const auto source_port = take_word(rest);
  if (!protocol || !source || !destination || !source_port) return fault(ProxyFault::kLine);
  if (*protocol != "TCP4" && *protocol != "TCP6") return fault(ProxyFault::kFamily);
  const int family = *protocol == "TCP4" ? AF_INET : AF_INET6;
  const auto from = read_port(*source_port);
  const auto to = read_port(rest);
  if (!from || !to) return fault(ProxyFault::kAddress);
  const auto client = read_host(family, *source, *from);
  const auto server = read_host(family, *destination, *to);
  if (!client || !server) return fault(ProxyFault::kAddress);
  header.source = *client;
  header.destination = *server;
  return found(header);
}

ProxyRead read_version_1(std::string_view bytes) {
  const std::string_view longest = bytes.substr(0, kMaxProxyLine);
  const std::size_t end = longest.find(kLineEnd);
  // "Unknown" may be followed by anything, the others not by half of an end of line.
  const std::size_t line_feed = longest.find('\n');
  const bool ends_there = end != std::string_view::npos && line_feed == end + 1;
  if (line_feed != std::string_view::npos && !ends_there && !bytes.starts_with("PROXY UNKNOWN "))
    return fault(ProxyFault::kLine);
  if (end != std::string_view::npos) {
    return end < kLinePrefix.size() ? fault(ProxyFault::kLine) : read_line(bytes.substr(0, end));
  }
  return bytes.size() >= kMaxProxyLine ? fault(ProxyFault::kLine) : needs(bytes.size() + 1);
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

enum class Family : std::uint8_t { kUnspecified, kIpv4, kIpv6, kUnix };
enum class Transport : std::uint8_t { kUnspecified, kStream, kDatagram };

// Of each family: two addresses of 4, 16 or 108 bytes, and two ports of 2 where there are ports.
constexpr std::array<std::size_t, 4> kAddressBytes{0, 12, 36, 216};

void read_addresses(std::string_view block, Family family, ProxyHeader& header) {
  if (family == Family::kIpv4) {
    in_addr source{};
    in_addr destination{};
    std::memcpy(&source, block.data(), sizeof(source));
    std::memcpy(&destination, block.data() + 4, sizeof(destination));
    header.source = Address::ipv4(source, number_at(block, 8));
    header.destination = Address::ipv4(destination, number_at(block, 10));
  } else {
    in6_addr source{};
    in6_addr destination{};
    std::memcpy(&source, block.data(), sizeof(source));
    std::memcpy(&destination, block.data() + 16, sizeof(destination));
    header.source = Address::ipv6(source, number_at(block, 32));
    header.destination = Address::ipv6(destination, number_at(block, 34));
  }
}

struct Tlv {
  ProxyTlv type;
  std::string_view value;
};

// Takes the next TLV; nothing when it reaches beyond what there is.
std::optional<Tlv> take_tlv(std::string_view& rest) {
  if (rest.size() < kTlvHead) return std::nullopt;
  const std::size_t length = number_at(rest, 1);
  if (rest.size() < kTlvHead + length) return std::nullopt;
  const Tlv tlv{static_cast<ProxyTlv>(static_cast<unsigned char>(rest[0])), rest.substr(kTlvHead, length)};
  rest.remove_prefix(kTlvHead + length);
  return tlv;
}

// Whether `sum`, four bytes within `header`, is that of the header with zeros in their place.
bool is_checksum(std::string_view header, std::string_view sum) {
  const auto at = static_cast<std::size_t>(sum.data() - header.data());
  const std::uint32_t told = std::uint32_t{number_at(sum, 0)} << 16 | number_at(sum, 2);
  constexpr std::string_view kZeros("\0\0\0\0", 4);
  return Crc32c().add(header.substr(0, at)).add(kZeros).add(header.substr(at + 4)).value() == told;
}

// Reads the TLVs at the end of `bytes`, the whole header; says what is wrong with them.
std::optional<ProxyFault> read_tlvs(std::string_view bytes, std::size_t from, ProxyHeader& header) {
  std::string_view rest = bytes.substr(from);
  bool has_checksum = false;
  while (!rest.empty()) {
    const auto tlv = take_tlv(rest);
    if (!tlv) return ProxyFault::kTlv;
    switch (tlv->type) {
      case ProxyTlv::kAlpn:
        header.alpn = tlv->value;
        break;
      case ProxyTlv::kAuthority:
        header.authority = tlv->value;
        break;
      case ProxyTlv::kCrc32c:
        // Once: each of them costs a walk over the header.
        if (tlv->value.size() != 4 || std::exchange(has_checksum, true)) return ProxyFault::kTlv;
        if (!is_checksum(bytes, tlv->value)) return ProxyFault::kChecksum;
        break;
      case ProxyTlv::kUniqueId:
        if (tlv->value.size() > kMaxUniqueId) return ProxyFault::kTlv;
        header.unique_id = tlv->value;
        break;
      case ProxyTlv::kSsl:
        // Flags and the outcome of the verification, and TLVs within.
        if (tlv->value.size() < 5) return ProxyFault::kTlv;
        for (std::string_view within = tlv->value.substr(5); !within.empty();) {
          if (!take_tlv(within)) return ProxyFault::kTlv;
        }
        header.ssl = tlv->value;
        break;
      default:
        break;
    }
  }
  return std::nullopt;
}

ProxyRead read_version_2(std::string_view bytes) {
  if (bytes.size() <= 12) return needs(kProxyFixed);
  const auto version_and_command = static_cast<unsigned char>(bytes[12]);
  if (version_and_command >> 4 != 2) return fault(ProxyFault::kVersion);
  const unsigned command = version_and_command & 0x0f;
  if (command > 1) return fault(ProxyFault::kCommand);
  ProxyHeader header;
  header.version = 2;
  header.is_local = command == 0;
  if (bytes.size() <= 13) return needs(kProxyFixed);
  const auto family_and_transport = static_cast<unsigned char>(bytes[13]);
  const unsigned family = family_and_transport >> 4;
  const unsigned transport = family_and_transport & 0x0f;
  // Of LOCAL the whole block is to be discarded, the family too.
  if (!header.is_local && (family > 3 || transport > 2)) return fault(ProxyFault::kFamily);
  if (bytes.size() < kProxyFixed) return needs(kProxyFixed);
  const std::size_t length = number_at(bytes, 14);
  const std::size_t addresses = header.is_local ? 0 : kAddressBytes[family];
  if (length < addresses) return fault(ProxyFault::kAddress);
  header.size = kProxyFixed + length;
  if (bytes.size() < header.size) return needs(header.size);
  if (header.is_local) return found(header);
  const std::string_view whole = bytes.substr(0, header.size);
  // Without a family nobody can tell where addresses end and TLVs begin.
  if (static_cast<Family>(family) == Family::kUnspecified) return found(header);
  if (const auto wrong = read_tlvs(whole, kProxyFixed + addresses, header)) return fault(*wrong);
  if (static_cast<Transport>(transport) == Transport::kStream &&
      static_cast<Family>(family) != Family::kUnix) {
    read_addresses(whole.substr(kProxyFixed), static_cast<Family>(family), header);
  }
  return found(header);
}

}  // namespace

bool is_meant_as_proxy_header(std::string_view bytes) {
  return bytes.starts_with(kProxySignature) || bytes.starts_with(kLinePrefix);
}

ProxyRead read_proxy_header(std::string_view bytes) {
  if (bytes.empty()) return needs(1);
  if (may_begin_with(bytes, kProxySignature)) return read_version_2(bytes);
  if (may_begin_with(bytes, kLinePrefix)) return read_version_1(bytes);
  return fault(ProxyFault::kAbsent);
}

}  // namespace weir::wire
