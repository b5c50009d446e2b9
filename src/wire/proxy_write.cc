#include "wire/proxy_write.h"

#include <fmt/format.h>

#include <cstring>

#include "base/assert.h"
#include "wire/crc32c.h"
#include "wire/proxy_tlv.h"

namespace weir::wire {
namespace {

using base::Address;

constexpr unsigned char kLocal = 0x20;
constexpr unsigned char kProxy = 0x21;
constexpr unsigned char kUnspecified = 0x00;
constexpr unsigned char kTcp4 = 0x11;
constexpr unsigned char kTcp6 = 0x21;

// PP2_CLIENT_SSL, PP2_CLIENT_CERT_CONN, PP2_CLIENT_CERT_SESS.
constexpr unsigned kSslUsed = 0x01;
constexpr unsigned kSslCertificateHere = 0x02;
constexpr unsigned kSslCertificateInSession = 0x04;
constexpr std::size_t kMostSslText = 255;

in6_addr mapped(in_addr ip) {
  in6_addr wide{};
  wide.s6_addr[10] = wide.s6_addr[11] = 0xff;
  std::memcpy(&wide.s6_addr[12], &ip, sizeof(ip));
  return wide;
}

Address as_ipv6(const Address& address) {
  return address.family() == AF_INET6 ? address : Address::ipv6(mapped(address.ipv4_host()), address.port());
}

// A scope means something on this host only, and has no place in the header.
Address without_scope(const Address& address) {
  const Address plain = address.unmapped();
  return plain.family() == AF_INET6 ? Address::ipv6(plain.ipv6_host(), plain.port()) : plain;
}

// Both of one family: IPv4 where both are, else IPv6; or nothing where one is not IP.
ProxyEnds of_one_family(const ProxyEnds& ends) {
  if (!ends.source.is_ip() || !ends.destination.is_ip()) return {};
  ProxyEnds plain{without_scope(ends.source), without_scope(ends.destination)};
  if (plain.source.family() == plain.destination.family()) return plain;
  return {as_ipv6(plain.source), as_ipv6(plain.destination)};
}

void append_number(std::string& out, std::size_t number) {
  out.push_back(static_cast<char>(number >> 8));
  out.push_back(static_cast<char>(number & 0xff));
}

void append_host(std::string& out, const Address& address) {
  if (address.family() == AF_INET) {
    const in_addr ip = address.ipv4_host();
    out.append(reinterpret_cast<const char*>(&ip), sizeof(ip));
  } else {
    out.append(reinterpret_cast<const char*>(&address.ipv6_host()), sizeof(in6_addr));
  }
}

void append_tlv(std::string& out, ProxyTlv type, std::string_view value) {
  out.push_back(static_cast<char>(type));
  append_number(out, value.size());
  out.append(value);
}

void append_tlvs(std::string& out, const ProxyTlvs& tlvs) {
  WEIR_ASSERT(tlvs.unique_id.size() <= kMaxUniqueId);
  if (!tlvs.alpn.empty()) append_tlv(out, ProxyTlv::kAlpn, tlvs.alpn);
  if (!tlvs.authority.empty()) append_tlv(out, ProxyTlv::kAuthority, tlvs.authority);
  if (!tlvs.unique_id.empty()) append_tlv(out, ProxyTlv::kUniqueId, tlvs.unique_id);
  if (!tlvs.ssl.empty()) append_tlv(out, ProxyTlv::kSsl, tlvs.ssl);
  if (tlvs.crc32c) append_tlv(out, ProxyTlv::kCrc32c, std::string_view("\0\0\0\0", 4));
}

std::string block_head(unsigned char command, unsigned char family) {
  std::string out(kProxySignature);
  out.push_back(static_cast<char>(command));
  out.push_back(static_cast<char>(family));
  append_number(out, 0);
  return out;
}

void put_length(std::string& block) {
  const std::size_t length = block.size() - kProxyFixed;
  WEIR_ASSERT(length <= 0xffff);
  block[14] = static_cast<char>(length >> 8);
  block[15] = static_cast<char>(length & 0xff);
}

// Into its last four bytes.
void put_checksum(std::string& block) {
  const std::uint32_t sum = Crc32c().add(block).value();
  for (std::size_t i = 0; i < 4; ++i) block[block.size() - 4 + i] = static_cast<char>(sum >> (24 - 8 * i));
}

}  // namespace

std::string proxy_ssl(const ProxySsl& client) {
  unsigned flags = kSslUsed;
  if (client.has_certificate) flags |= kSslCertificateInSession;
  if (client.has_certificate && !client.is_resumed) flags |= kSslCertificateHere;
  std::string out(1, static_cast<char>(flags));
  // 0: a certificate has been shown, and verified.
  out.append(std::string_view(client.has_certificate ? "\0\0\0\0" : "\0\0\0\1", 4));
  const auto add = [&](ProxyTlv type, std::string_view value) {
    if (!value.empty() && value.size() <= kMostSslText) append_tlv(out, type, value);
  };
  add(ProxyTlv::kSslVersion, client.version);
  add(ProxyTlv::kSslCommonName, client.common_name);
  add(ProxyTlv::kSslCipher, client.cipher);
  add(ProxyTlv::kSslSignatureAlgorithm, client.signature_algorithm);
  add(ProxyTlv::kSslKeyAlgorithm, client.key_algorithm);
  return out;
}

std::string proxy_line(const ProxyEnds& ends) {
  const ProxyEnds same = of_one_family(ends);
  if (!same.source.is_ip()) return "PROXY UNKNOWN\r\n";
  return fmt::format("PROXY {} {} {} {} {}\r\n", same.source.family() == AF_INET ? "TCP4" : "TCP6",
                     same.source.ip_to_string(), same.destination.ip_to_string(), same.source.port(),
                     same.destination.port());
}

std::string proxy_block(const ProxyEnds& ends, const ProxyTlvs& tlvs) {
  const ProxyEnds same = of_one_family(ends);
  if (!same.source.is_ip()) return proxy_block_local();
  std::string out = block_head(kProxy, same.source.family() == AF_INET ? kTcp4 : kTcp6);
  append_host(out, same.source);
  append_host(out, same.destination);
  append_number(out, same.source.port());
  append_number(out, same.destination.port());
  append_tlvs(out, tlvs);
  put_length(out);
  if (tlvs.crc32c) put_checksum(out);
  return out;
}

std::string proxy_block_local() { return block_head(kLocal, kUnspecified); }

}  // namespace weir::wire
