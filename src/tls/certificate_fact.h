// A certificate with its files, for the log, the status and the metrics.
#pragma once

#include <string>
#include <vector>

#include "tls/certificate.h"

namespace weir::tls {

struct CertificateFact {
  std::string file;
  std::vector<std::string> names;
  std::string subject;
  KeyKind key_kind = KeyKind::kOther;
  int key_bits = 0;
  UtcTime not_before;
  UtcTime not_after;        // of it, or of one after it in the file that ends before
  bool has_staple = false;  // an OCSP response was there, and current when it was loaded
};

inline CertificateFact fact_of(const Certificate& one) {
  return {one.files.chain, one.names,      one.subject,   one.key_kind,
          one.key_bits,    one.not_before, one.not_after, false};
}

}  // namespace weir::tls
