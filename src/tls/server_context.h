// One context of a server: a set of certificates with the settings that all of them share.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tls/certificate.h"
#include "tls/openssl_ptr.h"
#include "tls/settings.h"
#include "tls/staple.h"
#include "tls/ticket_keys.h"

namespace weir::tls {

// What the contexts of one `ServerSettings` share, loaded. Contexts take what they need along, so this may
// end before them.
struct ServerParts {
  const ServerSettings& settings;
  const std::vector<Certificate>& certificates;
  const std::vector<X509Ptr>& client_authorities;          // empty: clients are not asked
  const std::unordered_map<std::size_t, Staple>& staples;  // by the certificate's position
  std::shared_ptr<TicketKeys> ticket_keys;                 // not null when there are tickets
};

// A context with the certificates at the positions `set`, at most one of each kind of key. What is wrong goes
// to `errors`, and the context is then null: words that OpenSSL does not know, a certificate that it finds
// too weak.
//
// Defaults: see cipher_choice.h. A session can be resumed in any context with certificates for the same names
// and the same demands on clients, while the ticket keys are there; a changed list of client CAs ends it.
SslCtxPtr make_server_context(const ServerParts& parts, const std::vector<std::size_t>& set,
                              std::vector<std::string>& errors);

}  // namespace weir::tls
