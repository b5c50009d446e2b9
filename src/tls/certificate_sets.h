// Which certificates are for which name. Those of different kinds of keys for one name stand side by side, so
// that a client gets the one that it can verify.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tls/certificate.h"

namespace weir::tls {

struct CertificateSets {
  // Positions of certificates, at most one of a kind of key; no two sets are the same.
  std::vector<std::vector<std::size_t>> sets;
  std::unordered_map<std::string, std::size_t> of_name;  // "a.example", "*.b.example" -> position in `sets`
  std::size_t fallback = 0;                              // the set of the first certificate
  std::vector<std::string> warnings;  // of certificates that are not used for a name, or for none

  // Position in `sets` for a server's name in its plain form (base/host_name.h): the exact name, else the
  // wildcard for its first label, else nothing.
  std::optional<std::size_t> find(std::string_view name) const;
};

// The first certificate of a kind counts for a name. Where an exact name has none of some kind, a wildcard's
// serves. Precondition: there is one at least.
CertificateSets sort_by_names(const std::vector<Certificate>& certificates);

}  // namespace weir::tls
