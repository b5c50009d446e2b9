// An authority's word on whether a certificate was revoked, which the server hands to its clients with it
// ("OCSP stapling", RFC 6066 section 8, RFC 6960).
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/certificate.h"

namespace weir::tls {

struct Staple {
  std::string der;  // as it is sent
  UtcTime this_update = UtcTime::min();
  UtcTime next_update = UtcTime::max();  // the last moment at which it counts

  bool is_current(UtcTime now) const { return this_update <= now && now <= next_update; }
};

struct StapleFile {
  std::size_t certificate = 0;  // the position of the one that it is about
  Staple staple;
  std::vector<std::string> warnings;  // it is not current, or says that the certificate was revoked
};

// Reads a response in DER and finds the one of `certificates` that it is about. That takes its issuer's
// certificate: the next one in its file, or itself where it is its own issuer. Errors, each with the file: it
// cannot be opened, is empty, is no response, is the responder's refusal, belongs to none of the
// certificates, or its signature is not the issuer's, nor one that the issuer has appointed.
base::Result<StapleFile> load_staple(const std::string& file, const std::vector<Certificate>& certificates,
                                     UtcTime now = utc_now());

}  // namespace weir::tls
