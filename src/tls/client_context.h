// What connections to a pool's backends are made with where they speak TLS. Immutable once loaded; shared by
// all workers and checks.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "tls/certificate_fact.h"
#include "tls/openssl_ptr.h"
#include "tls/settings.h"

namespace weir::tls {

class ClientContext {
 public:
  // Errors name the file: the CAs, the certificate or its key cannot be read or are wrong, as for
  // `load_certificate`. Without a `key` it is looked for in the certificate's file. What the operator should
  // know although it works is added to `warnings`.
  static base::Result<std::shared_ptr<const ClientContext>> load(const ClientSettings& settings,
                                                                 std::vector<std::string>& warnings);

  // Weir's own certificate; nothing: there is none.
  const std::optional<CertificateFact>& certificate() const { return certificate_; }

  // A connection in connect state, without a transport yet. `server_name` is the backend's host name, empty
  // when it has none; the settings' `server_name` goes before it. A DNS name is asked for (SNI, RFC 6066
  // section 3), and the certificate must be for it (RFC 9525; stars only as the whole first label). Without a
  // name it must be for the address `ip`, which may be null; with neither, as with unix sockets, only its way
  // to a CA is verified. `alpn` is offered instead of what the settings have, unless it is empty. Null when
  // there is no memory, or the name cannot be one. Thread-safe.
  SslPtr make(std::string_view server_name, const base::Address* ip,
              const std::vector<std::string>& alpn = {}) const;

  // The same to `backend`, whose address is the `ip` of above where it is one; a session that it has given
  // before is resumed where there is one, and then its certificate is not looked at again.
  SslPtr make_resuming(std::string_view server_name, const base::Address& backend) const;

 private:
  ClientContext(SslCtxPtr context, bool verifies, std::string server_name)
      : context_(std::move(context)), verifies_(verifies), server_name_(std::move(server_name)) {}

  SslCtxPtr context_;
  bool verifies_;
  std::string server_name_;
  std::optional<CertificateFact> certificate_;
};

}  // namespace weir::tls
