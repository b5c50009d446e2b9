#include "server/access_lists.h"

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

}  // namespace

std::shared_ptr<const admission::AccessList> load_access_list(const config::AccessConfig& from,
                                                              config::Problems& problems) {
  const admission::ClientList allow = load_clients(from.allow, problems);
  const admission::ClientList deny = load_clients(from.deny, problems);
  return std::make_shared<const admission::AccessList>(allow, deny);
}

}  // namespace weir::server
