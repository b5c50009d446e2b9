#include "support/dns_message.h"

#include <arpa/inet.h>

#include <algorithm>
#include <stdexcept>

namespace weir::test {
namespace {

std::string long_number(std::uint32_t value) {
  return dns_number(static_cast<std::uint16_t>(value >> 16)) + dns_number(static_cast<std::uint16_t>(value));
}

std::string ip_bytes(int family, const std::string& ip, std::size_t size) {
  std::string bytes(size, '\0');
  if (::inet_pton(family, ip.c_str(), bytes.data()) != 1) throw std::runtime_error("not an address: " + ip);
  return bytes;
}

std::string record_bytes(const DnsRecord& record) {
  return dns_wire_name(record.name) + dns_number(record.type) + dns_number(record.record_class) +
         long_number(record.ttl) + dns_number(static_cast<std::uint16_t>(record.data.size())) + record.data;
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

}  // namespace

std::string dns_number(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}

std::string dns_wire_name(std::string_view name) {
  std::string bytes;
  while (!name.empty()) {
    const std::string_view label = name.substr(0, name.find('.'));
    name.remove_prefix(std::min(label.size() + 1, name.size()));
    if (label.empty()) continue;
    bytes += static_cast<char>(label.size());
    bytes += label;
  }
  return bytes + '\0';
}

DnsRecord a_record(const std::string& name, std::uint32_t ttl, const std::string& ip) {
  return {name, kDnsA, ttl, ip_bytes(AF_INET, ip, 4)};
}

DnsRecord aaaa_record(const std::string& name, std::uint32_t ttl, const std::string& ip) {
  return {name, kDnsAaaa, ttl, ip_bytes(AF_INET6, ip, 16)};
}

DnsRecord cname_record(const std::string& name, std::uint32_t ttl, const std::string& target) {
  return {name, kDnsCname, ttl, dns_wire_name(target)};
}

DnsRecord soa_record(const std::string& zone, std::uint32_t ttl, std::uint32_t minimum) {
  return {zone, kDnsSoa, ttl,
          dns_wire_name("ns." + zone) + dns_wire_name("admin." + zone) + long_number(1) + long_number(3'600) +
              long_number(600) + long_number(86'400) + long_number(minimum)};
}

DnsRecord srv_record(const std::string& name, std::uint32_t ttl, DnsSrvFields fields,
                     const std::string& target) {
  return {name, kDnsSrv, ttl,
          dns_number(fields.priority) + dns_number(fields.weight) + dns_number(fields.port) +
              dns_wire_name(target)};
}

std::string DnsMessage::bytes() const {
  const auto flags = static_cast<std::uint16_t>((is_answer ? 0x8000 : 0) | (truncated ? 0x0200 : 0) | 0x0180 |
                                                (rcode & 0x0f));
  std::string all = dns_number(id) + dns_number(flags) + dns_number(1);
  for (const auto* section : {&answers, &authority, &additional})
    all += dns_number(static_cast<std::uint16_t>(section->size()));
  all += dns_wire_name(name) + dns_number(type) + dns_number(1);
  for (const auto* section : {&answers, &authority, &additional}) {
    for (const DnsRecord& record : *section) all += record_bytes(record);
  }
  return all;
}

bool read_dns_question(std::string_view bytes, DnsMessage& question) {
  if (bytes.size() < 17 || (bytes[2] & 0x80) != 0 || number_at(bytes, 4) != 1) return false;
  question.id = number_at(bytes, 0);
  std::size_t at = 12;
  while (at < bytes.size() && bytes[at] != 0) {
    const auto length = static_cast<unsigned char>(bytes[at]);
    if (length > 63 || at + 1 + length >= bytes.size()) return false;
    if (!question.name.empty()) question.name += '.';
    question.name += bytes.substr(at + 1, length);
    at += 1u + length;
  }
  if (at + 5 > bytes.size()) return false;
  question.type = number_at(bytes, at + 1);
  return true;
}

}  // namespace weir::test
