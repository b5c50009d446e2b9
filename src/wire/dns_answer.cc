#include "wire/dns_answer.h"

#include <arpa/nameser.h>

#include <algorithm>
#include <cstring>

namespace weir::wire {
namespace {

using base::Address;
using base::Error;
using base::ErrorSide;
using base::failure;
using base::Result;
using std::chrono::seconds;

Error malformed(std::string_view what) {
  return {ErrorSide::kBackend, "malformed answer of a name server: " + std::string(what)};
}

struct Alias {
  std::string name;
  std::string target;
  seconds ttl;
};

// The record's parts that libresolv has found, and the message that names in it point back into.
struct Record {
  const ns_msg& message;
  const ns_rr& rr;

  std::string name() const { return rr.name; }
  // The upper half of the range counts as zero: RFC 2181 section 8.
  seconds ttl() const { return seconds(rr.ttl > 0x7fffffff ? 0 : rr.ttl); }
  std::size_t length() const { return rr.rdlength; }
  const unsigned char* begin() const { return rr.rdata; }
  const unsigned char* end() const { return rr.rdata + rr.rdlength; }
  std::uint16_t number_at(std::size_t offset) const {
    return static_cast<std::uint16_t>(rr.rdata[offset] << 8 | rr.rdata[offset + 1]);
  }
};

// The name at `from` in a record's data and what follows it there; nothing when it is broken or leaves the
// record. ns_name_uncompress bounds its output and refuses rings of pointers.
struct NameAt {
  std::string name;
  const unsigned char* next;
};
std::optional<NameAt> read_name(const Record& record, const unsigned char* from) {
  char text[NS_MAXDNAME];
  const int used =
      ns_name_uncompress(ns_msg_base(record.message), ns_msg_end(record.message), from, text, sizeof(text));
  if (used < 0 || used > record.end() - from) return std::nullopt;
  // The root is "." here and "" in the owners that ns_parserr gives: one spelling for both.
  return NameAt{std::strcmp(text, ".") == 0 ? "" : text, from + used};
}

std::optional<DnsAddress> read_address(const Record& record) {
  if (record.rr.type == ns_t_a && record.length() == NS_INADDRSZ) {
    in_addr ip{};
    std::memcpy(&ip, record.begin(), sizeof(ip));
    return DnsAddress{record.name(), Address::ipv4(ip, 0), record.ttl()};
  }
  if (record.rr.type == ns_t_aaaa && record.length() == NS_IN6ADDRSZ) {
    in6_addr ip{};
    std::memcpy(&ip, record.begin(), sizeof(ip));
    return DnsAddress{record.name(), Address::ipv6(ip, 0), record.ttl()};
  }
  return std::nullopt;
}

std::optional<DnsService> read_service(const Record& record) {
  constexpr std::size_t kFixed = 6;  // priority, weight, port
  if (record.length() <= kFixed) return std::nullopt;
  auto target = read_name(record, record.begin() + kFixed);
  if (!target || target->next != record.end()) return std::nullopt;
  return DnsService{record.number_at(0), record.number_at(2), record.number_at(4), std::move(target->name),
                    record.ttl()};
}

// What is found in the records before it is known which name they lead to.
struct Found {
  std::vector<Alias> aliases;
  std::vector<DnsAddress> addresses;
  std::vector<std::pair<std::string, DnsService>> services;
};

Result<Found> read_answers(ns_msg& message, DnsType asked) {
  Found found;
  ns_rr rr;
  for (int i = 0; i < ns_msg_count(message, ns_s_an); ++i) {
    if (ns_parserr(&message, ns_s_an, i, &rr) != 0) return failure(malformed("a broken record"));
    if (rr.rr_class != ns_c_in) continue;
    const Record record{message, rr};
    if (rr.type == ns_t_cname) {
      auto target = read_name(record, record.begin());
      if (!target || target->next != record.end()) return failure(malformed("a broken CNAME record"));
      found.aliases.push_back({record.name(), std::move(target->name), record.ttl()});
    } else if (rr.type != static_cast<std::uint16_t>(asked)) {
      continue;
    } else if (asked == DnsType::kSrv) {
      auto service = read_service(record);
      if (!service) return failure(malformed("a broken SRV record"));
      found.services.emplace_back(record.name(), *std::move(service));
    } else {
      auto address = read_address(record);
      if (!address) return failure(malformed("an address of the wrong length"));
      found.addresses.push_back(*std::move(address));
    }
  }
  return found;
}

// The name that `name` stands for, and the shortest life on the way there.
struct End {
  std::string name;
  seconds ttl;
};
Result<End> follow_aliases(const std::string& name, const std::vector<Alias>& aliases) {
  End end{name, seconds::max()};
  for (int steps = 0;; ++steps) {
    const auto next = std::find_if(aliases.begin(), aliases.end(), [&](const Alias& alias) {
      return is_same_dns_name(alias.name, end.name);
    });
    if (next == aliases.end()) return end;
    if (steps == kMaxDnsAliases) return failure(malformed("aliases in a ring, or too many of them"));
    end = {next->target, std::min(end.ttl, next->ttl)};
  }
}

Result<DnsAnswer> read_question(ns_msg& message) {
  DnsAnswer answer;
  ns_rr question;
  if (ns_msg_getflag(message, ns_f_qr) == 0) return failure(malformed("it is a question"));
  if (ns_msg_getflag(message, ns_f_opcode) != ns_o_query)
    return failure(malformed("another kind of message"));
  if (ns_msg_count(message, ns_s_qd) != 1 || ns_parserr(&message, ns_s_qd, 0, &question) != 0)
    return failure(malformed("not one question"));
  answer.type = static_cast<DnsType>(question.type);
  if (question.rr_class != ns_c_in || to_string(answer.type).empty())
    return failure(malformed("a question that was never asked"));
  answer.name = question.name;
  answer.rcode = ns_msg_getflag(message, ns_f_rcode);
  return answer;
}

Result<bool> read_rest(ns_msg& message, DnsAnswer& answer) {
  ns_rr rr;
  for (const ns_sect section : {ns_s_ns, ns_s_ar}) {
    for (int i = 0; i < ns_msg_count(message, section); ++i) {
      if (ns_parserr(&message, section, i, &rr) != 0) return failure(malformed("a broken record"));
      if (rr.rr_class != ns_c_in) continue;
      const Record record{message, rr};
      if (section != ns_s_ar || (rr.type != ns_t_a && rr.type != ns_t_aaaa)) continue;
      auto address = read_address(record);
      if (!address) return failure(malformed("an address of the wrong length"));
      answer.additional.push_back(*std::move(address));
    }
  }
  return true;
}

}  // namespace

std::string_view to_string(DnsType type) {
  switch (type) {
    case DnsType::kA:
      return "A";
    case DnsType::kAaaa:
      return "AAAA";
    case DnsType::kSrv:
      return "SRV";
  }
  return {};
}

bool is_same_dns_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  if (a.ends_with('.')) a.remove_suffix(1);
  if (b.ends_with('.')) b.remove_suffix(1);
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

Result<DnsAnswer> parse_dns_answer(std::string_view bytes) {
  ns_msg message;
  if (bytes.size() > NS_MAXMSG || ns_initparse(reinterpret_cast<const unsigned char*>(bytes.data()),
                                               static_cast<int>(bytes.size()), &message) != 0) {
    return failure(malformed("cut short, or with more than it says"));
  }
  auto answer = read_question(message);
  if (!answer) return answer;
  auto found = read_answers(message, answer->type);
  if (!found) return failure(std::move(found).error());
  const auto end = follow_aliases(answer->name, found->aliases);
  if (!end) return failure(end.error());
  for (DnsAddress& address : found->addresses) {
    if (!is_same_dns_name(address.name, end->name)) continue;
    address.ttl = std::min(address.ttl, end->ttl);
    answer->addresses.push_back(std::move(address));
  }
  for (auto& [name, service] : found->services) {
    if (!is_same_dns_name(name, end->name)) continue;
    service.ttl = std::min(service.ttl, end->ttl);
    answer->services.push_back(std::move(service));
  }
  auto rest = read_rest(message, *answer);
  if (!rest) return failure(std::move(rest).error());
  return answer;
}

}  // namespace weir::wire
