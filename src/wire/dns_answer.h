// Reads a DNS answer (RFC 1035; AAAA: RFC 3596; SRV: RFC 2782; negative answers: RFC 2308) into plain values.
// The records are taken apart by libresolv's reader, which keeps within the message; what they mean is
// decided here. Pure. What a name server sends is foreign: every message that makes no sense is an error, and
// names in messages are escaped, so that they carry no control characters.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace weir::wire {

enum class DnsType : std::uint16_t { kA = 1, kAaaa = 28, kSrv = 33 };

// "A", "AAAA", "SRV".
std::string_view to_string(DnsType type);

struct DnsAddress {
  std::string name;       // the record's owner, without the last dot
  base::Address address;  // port 0
  std::chrono::seconds ttl{0};
};

struct DnsService {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  std::string target;  // without the last dot; "" is the root, which says that there is no such service
  std::chrono::seconds ttl{0};
};

struct DnsAnswer {
  std::string name;  // what was asked for, without the last dot
  DnsType type = DnsType::kA;
  int rcode = 0;  // 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN (RFC 1035 section 4.1.1)

  // What was asked for, at the end of the chain of aliases (CNAME). A record's life is the least of the
  // chain's.
  std::vector<DnsAddress> addresses;  // for A and AAAA
  std::vector<DnsService> services;   // for SRV

  // Addresses of the additional section: those of SRV targets, when the server sends them along.
  std::vector<DnsAddress> additional;
};

// Aliases that are followed from one name to the next.
inline constexpr int kMaxDnsAliases = 16;

// Reads the whole of `message`. An error: not an answer, not exactly one question of class IN and of a type
// from above, broken or cut records, aliases in a ring or too many of them.
base::Result<DnsAnswer> parse_dns_answer(std::string_view message);

// Whether two names are one: letters of ASCII count alike in both cases, a last dot not at all. RFC 4343.
bool is_same_dns_name(std::string_view a, std::string_view b);

}  // namespace weir::wire
