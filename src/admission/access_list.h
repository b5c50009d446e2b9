// Who may come in, by where they come from: what the `allow` and `deny` of a listener come to. Immutable, so
// any thread may ask; a changed list is a new one, published whole. Not rates or counts, which are other
// rules. The surprising rule: a list of allowed clients that is there but empty (a file without entries) lets
// nobody in, since it was written to keep others out.
#pragma once

#include <cstddef>
#include <vector>

#include "admission/prefix_set.h"
#include "base/address.h"
#include "base/prefix.h"

namespace weir::admission {

// The clients of one side, from the configuration and all its files.
struct ClientList {
  bool is_given = false;  // it was written, even if it came out empty; one that has entries need not say so
  std::vector<base::Prefix> prefixes;
  bool has_unix = false;  // the word `unix`: every client of a unix socket
};

class AccessList {
 public:
  // Admits everybody.
  AccessList() = default;

  // The longest network decides, and one that is on both sides denies; so does `unix`. A client that is on
  // neither is denied when there is an `allow`, else admitted.
  AccessList(const ClientList& allow, const ClientList& deny);

  // A client whose address is not known (the empty `Address`) is on neither side. IPv4-mapped addresses count
  // as IPv4. No allocation, no lock.
  bool admits(const base::Address& client) const {
    const PrefixMatch match = client.is_unix() ? unix_ : prefixes_.match(client);
    return match == PrefixMatch::kNone ? admits_others_ : match == PrefixMatch::kAllow;
  }

  const PrefixSet& prefixes() const { return prefixes_; }

 private:
  PrefixSet prefixes_;
  PrefixMatch unix_ = PrefixMatch::kNone;
  bool admits_others_ = true;
};

// What stands on both sides: no error of the rule, which denies, but hardly meant.
struct Contradictions {
  std::vector<base::Prefix> prefixes;  // sorted, each once
  bool has_unix = false;

  bool empty() const { return prefixes.empty() && !has_unix; }
};

// The same network on both sides; one within another is how exceptions are written, and no contradiction.
Contradictions find_contradictions(const ClientList& allow, const ClientList& deny);

}  // namespace weir::admission
