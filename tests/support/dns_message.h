// DNS messages as bytes, for tests: the other side of wire/dns_answer, written on its own so that a mistake
// there is not repeated here. Names are not compressed unless a record's data says so. RFC 1035, 2782, 3596.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

inline constexpr std::uint16_t kDnsA = 1;
inline constexpr std::uint16_t kDnsCname = 5;
inline constexpr std::uint16_t kDnsSoa = 6;
inline constexpr std::uint16_t kDnsAaaa = 28;
inline constexpr std::uint16_t kDnsSrv = 33;

inline constexpr std::uint16_t kDnsNoError = 0;
inline constexpr std::uint16_t kDnsServFail = 2;
inline constexpr std::uint16_t kDnsNxDomain = 3;
inline constexpr std::uint16_t kDnsRefused = 5;

struct DnsRecord {
  std::string name;
  std::uint16_t type = kDnsA;
  std::uint32_t ttl = 0;  // seconds
  std::string data;       // RDATA as it goes over the wire
  std::uint16_t record_class = 1;
};

DnsRecord a_record(const std::string& name, std::uint32_t ttl, const std::string& ip);
DnsRecord aaaa_record(const std::string& name, std::uint32_t ttl, const std::string& ip);
DnsRecord cname_record(const std::string& name, std::uint32_t ttl, const std::string& target);
DnsRecord soa_record(const std::string& zone, std::uint32_t ttl, std::uint32_t minimum);

struct DnsSrvFields {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
};
DnsRecord srv_record(const std::string& name, std::uint32_t ttl, DnsSrvFields fields,
                     const std::string& target);

struct DnsMessage {
  std::uint16_t id = 0;
  std::uint16_t rcode = 0;
  bool is_answer = true;
  bool truncated = false;
  std::string name;  // the one question
  std::uint16_t type = kDnsA;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authority;
  std::vector<DnsRecord> additional;

  std::string bytes() const;
};

// Reads the header and the question of what a resolver sent; false when it is not a question.
bool read_dns_question(std::string_view bytes, DnsMessage& question);

// "app.test" as labels.
std::string dns_wire_name(std::string_view name);
std::string dns_number(std::uint16_t value);

}  // namespace weir::test
