#include "admission/access_list.h"

#include <algorithm>
#include <iterator>

namespace weir::admission {
namespace {

PrefixSet set_of(const ClientList& allow, const ClientList& deny) {
  std::vector<PrefixSet::Entry> entries;
  entries.reserve(allow.prefixes.size() + deny.prefixes.size());
  for (const base::Prefix& prefix : allow.prefixes) entries.push_back({prefix, PrefixMatch::kAllow});
  for (const base::Prefix& prefix : deny.prefixes) entries.push_back({prefix, PrefixMatch::kDeny});
  return PrefixSet::build(std::move(entries));
}

PrefixMatch unix_match(const ClientList& allow, const ClientList& deny) {
  if (deny.has_unix) return PrefixMatch::kDeny;
  return allow.has_unix ? PrefixMatch::kAllow : PrefixMatch::kNone;
}

std::vector<base::Prefix> sorted_once(std::vector<base::Prefix> prefixes) {
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  return prefixes;
}

}  // namespace

AccessList::AccessList(const ClientList& allow, const ClientList& deny)
    : prefixes_(set_of(allow, deny)),
      unix_(unix_match(allow, deny)),
      admits_others_(!allow.is_given && allow.prefixes.empty() && !allow.has_unix) {}

Contradictions find_contradictions(const ClientList& allow, const ClientList& deny) {
  Contradictions found;
  const auto allowed = sorted_once(allow.prefixes);
  const auto denied = sorted_once(deny.prefixes);
  std::set_intersection(allowed.begin(), allowed.end(), denied.begin(), denied.end(),
                        std::back_inserter(found.prefixes));
  found.has_unix = allow.has_unix && deny.has_unix;
  return found;
}

}  // namespace weir::admission
