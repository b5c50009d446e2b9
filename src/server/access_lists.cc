#include "server/access_lists.h"

#include <algorithm>
#include <cstring>

#include "config/prefix_list.h"

namespace weir::server {
namespace {

admission::ClientList load_clients(const config::ClientListConfig& from, config::Problems& problems) {
  admission::ClientList list;
  list.is_given = from.is_given();
  list.prefixes = from.prefixes;
  list.has_unix = from.has_unix;
  for (const auto& file : from.files) {
    config::PrefixList read = config::load_prefix_list(file.value);
    problems.insert(problems.end(), read.problems.begin(), read.problems.end());
    for (const config::PrefixListEntry& entry : read.entries) {
      if (entry.prefix) {
        list.prefixes.push_back(*entry.prefix);
      } else {
        list.has_unix = true;
      }
    }
  }
  return list;
}

// What is on both sides is denied; its author hardly meant that.
void warn_of_contradictions(const AccessClients& clients, const config::Place& place,
                            config::Problems& problems) {
  constexpr std::size_t kMostNamed = 5;
  const admission::Contradictions both = admission::find_contradictions(clients.allow, clients.deny);
  if (both.empty()) return;
  std::string named = both.has_unix ? "unix" : "";
  for (std::size_t i = 0; i < std::min(both.prefixes.size(), kMostNamed); ++i) {
    named += (named.empty() ? "" : ", ") + both.prefixes[i].to_string();
  }
  if (both.prefixes.size() > kMostNamed)
    named += " and " + std::to_string(both.prefixes.size() - kMostNamed) + " more";
  config::add_warning(problems, place, "both allowed and denied, so denied: " + named);
}

void add_rules(const admission::ClientList& clients, bool deny, net::PacketRules& out) {
  for (const base::Prefix& prefix : clients.prefixes) {
    net::PacketRule rule;
    rule.family = prefix.family();
    rule.length = static_cast<std::uint8_t>(prefix.length());
    rule.deny = deny;
    sockaddr_storage storage{};
    prefix.first_address().to_sockaddr(storage);
    if (prefix.family() == AF_INET) {
      std::memcpy(rule.bytes.data(), &reinterpret_cast<const sockaddr_in&>(storage).sin_addr,
                  sizeof(in_addr));
    } else {
      std::memcpy(rule.bytes.data(), &reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr,
                  sizeof(in6_addr));
    }
    out.rules.push_back(rule);
  }
}

}  // namespace

AccessAdditions additions_to(const AdditionsByListener& all, const std::string& listener) {
  const auto found = all.find(listener);
  return found == all.end() ? AccessAdditions() : found->second;
}

AccessClients load_access_clients(const config::AccessConfig& from, const AccessAdditions& additions,
                                  config::Problems& problems) {
  AccessClients clients{load_clients(from.allow, problems), load_clients(from.deny, problems)};
  // Where the configuration has no `allow` any more, an addition would deny everybody else.
  if (clients.allow.is_given) {
    clients.allow.prefixes.insert(clients.allow.prefixes.end(), additions.allow.begin(),
                                  additions.allow.end());
  }
  clients.deny.prefixes.insert(clients.deny.prefixes.end(), additions.deny.begin(), additions.deny.end());
  warn_of_contradictions(clients, from.place, problems);
  return clients;
}

std::shared_ptr<const admission::AccessList> access_list_of(const AccessClients& clients) {
  return std::make_shared<const admission::AccessList>(clients.allow, clients.deny);
}

net::PacketRules packet_rules_of(const AccessClients& clients) {
  net::PacketRules rules;
  rules.default_deny = clients.allow.is_given || !clients.allow.prefixes.empty() || clients.allow.has_unix;
  add_rules(clients.allow, false, rules);
  add_rules(clients.deny, true, rules);
  return rules;
}

}  // namespace weir::server
