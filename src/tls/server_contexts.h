// What a listener needs to serve TLS: its certificates, each name's context. Immutable once loaded, so that
// all workers share it; a reload loads another one (tls/live_contexts.h).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tls/certificate_fact.h"
#include "tls/certificate_sets.h"
#include "tls/openssl_ptr.h"
#include "tls/settings.h"
#include "tls/ticket_keys.h"

namespace weir::tls {

class ServerContexts {
 public:
  struct Loaded {
    std::shared_ptr<const ServerContexts> contexts;  // null when there are errors
    std::vector<std::string> errors;                 // all that were found, each for a line of its own
    std::vector<std::string> warnings;
  };

  // Reads all files and makes the contexts. An OCSP response that is not to be used is a warning. `keys` seal
  // session tickets: not null when the settings want tickets, and else not looked at. The settings' own
  // `ticket_key_file` is the caller's: see `TicketKeys::from_file`.
  static Loaded load(const ServerSettings& settings, std::shared_ptr<TicketKeys> keys);

  // For a name in its plain form (base/host_name.h): the certificates of exactly that name, else those with a
  // wildcard for its first label, else the first certificate's, as for the empty name. Never null; lives as
  // long as this and as connections made of it. Thread-safe.
  SSL_CTX* for_name(std::string_view server_name) const;

  // Whether a certificate is for that name, and not only the first one for want of a better.
  bool covers(std::string_view name) const;

  // In the settings' order.
  const std::vector<CertificateFact>& certificates() const { return facts_; }

 private:
  ServerContexts(CertificateSets sets, std::vector<SslCtxPtr> contexts, std::vector<CertificateFact> facts)
      : sets_(std::move(sets)), contexts_(std::move(contexts)), facts_(std::move(facts)) {}

  CertificateSets sets_;
  std::vector<SslCtxPtr> contexts_;  // one for each of the sets
  std::vector<CertificateFact> facts_;
};

}  // namespace weir::tls
