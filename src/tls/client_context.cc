#include "tls/client_context.h"

#include <arpa/inet.h>
#include <openssl/x509v3.h>

#include <optional>

#include "base/host_name.h"
#include "tls/alpn.h"
#include "tls/authorities.h"
#include "tls/certificate.h"
#include "tls/fault.h"
#include "tls/modes.h"
#include "tls/session_cache.h"

namespace weir::tls {
namespace {

using base::Address;

base::Error fault(const std::string& what) { return {base::ErrorSide::kConfiguration, what}; }

// With nothing in it when all is well.
using Fault = std::optional<base::Error>;

Fault set_system_authorities(SSL_CTX* context, std::vector<std::string>& warnings) {
  if (!trust_system(context))
    return fault("the system's certificates of authorities cannot be read: " + take_error_text());
  const std::string empty = empty_system_places(context);
  if (empty.empty()) return std::nullopt;
  warnings.push_back(
      "ca = \"system\": this host has no certificates of authorities (there is none in " + empty +
      "), so every backend will be refused: install the package ca-certificates, or name a file "
      "with ca = \"internal.pem\"");
  return std::nullopt;
}

Fault set_authorities(SSL_CTX* context, const ClientSettings& settings, std::vector<std::string>& warnings) {
  if (!settings.verify) return std::nullopt;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  if (settings.ca.empty()) return set_system_authorities(context, warnings);
  const auto authorities = load_authorities(settings.ca);
  if (!authorities) return authorities.error();
  if (trust(context, *authorities)) return std::nullopt;
  return fault(settings.ca + ": OpenSSL does not take the certificates: " + take_error_text());
}

Fault set_certificate(SSL_CTX* context, const ClientSettings& settings, std::vector<std::string>& warnings,
                      std::optional<CertificateFact>& out) {
  if (settings.certificate.empty()) return std::nullopt;
  auto loaded =
      load_certificate({settings.certificate, settings.key.empty() ? settings.certificate : settings.key});
  if (!loaded) return loaded.error();
  warnings.insert(warnings.end(), loaded->warnings.begin(), loaded->warnings.end());
  out = fact_of(*loaded);
  if (use_certificate(context, *loaded)) return std::nullopt;
  return fault(settings.certificate + ": OpenSSL does not take the certificate: " + take_error_text());
}

// The functions of ALPN, `set` is one of a context or of a connection, give 0 for success, as no others do
// (SSL_CTX_set_alpn_protos(3)).
template <class Set, class Of>
bool set_alpn(Set set, Of* of, const std::vector<std::string>& protocols) {
  const std::string wire = alpn_wire(protocols);
  return wire.empty() || set(of, reinterpret_cast<const unsigned char*>(wire.data()),
                             static_cast<unsigned>(wire.size())) == 0;
}

bool is_ip(const std::string& name) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, name.c_str(), &ignored) == 1 ||
         ::inet_pton(AF_INET6, name.c_str(), &ignored) == 1;
}

bool expect_name(SSL* ssl, const std::string& name) {
  SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), name.data(), name.size()) == 1;
}

bool expect_address(SSL* ssl, const Address& address) {
  X509_VERIFY_PARAM* parameters = SSL_get0_param(ssl);
  const Address plain = address.unmapped();
  if (plain.family() == AF_INET) {
    const in_addr host = plain.ipv4_host();
    return X509_VERIFY_PARAM_set1_ip(parameters, reinterpret_cast<const unsigned char*>(&host),
                                     sizeof(host)) == 1;
  }
  if (plain.family() == AF_INET6)
    return X509_VERIFY_PARAM_set1_ip(parameters, plain.ipv6_host().s6_addr, sizeof(in6_addr)) == 1;
  return true;
}

}  // namespace

base::Result<std::shared_ptr<const ClientContext>> ClientContext::load(const ClientSettings& settings,
                                                                       std::vector<std::string>& warnings) {
  SslCtxPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context || !set_common_modes(context.get(), settings.min_version) ||
      !set_alpn(SSL_CTX_set_alpn_protos, context.get(), settings.alpn) ||
      !SessionCache::attach(context.get()))
    return base::failure(fault("OpenSSL cannot make a context: " + take_error_text()));
  if (Fault found = set_authorities(context.get(), settings, warnings))
    return base::failure(std::move(*found));
  std::optional<CertificateFact> certificate;
  if (Fault found = set_certificate(context.get(), settings, warnings, certificate))
    return base::failure(std::move(*found));
  std::shared_ptr<ClientContext> made(
      new ClientContext(std::move(context), settings.verify, base::plain_host_name(settings.server_name)));
  made->certificate_ = std::move(certificate);
  return made;
}

SslPtr ClientContext::make(std::string_view server_name, const Address* ip,
                           const std::vector<std::string>& alpn) const {
  SslPtr ssl(SSL_new(context_.get()));
  if (!ssl) return nullptr;
  SSL_set_connect_state(ssl.get());
  const std::string name = server_name_.empty() ? base::plain_host_name(server_name) : server_name_;
  bool is_done = set_alpn(SSL_set_alpn_protos, ssl.get(), alpn);
  if (name.empty()) {
    if (verifies_ && ip != nullptr) is_done &= expect_address(ssl.get(), *ip);
  } else if (is_ip(name)) {
    // No address is asked for by SNI (RFC 6066 section 3).
    if (verifies_) is_done &= X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), name.c_str()) == 1;
  } else {
    is_done &= SSL_set_tlsext_host_name(ssl.get(), name.c_str()) == 1 &&
               (!verifies_ || expect_name(ssl.get(), name));
  }
  if (is_done) return ssl;
  static_cast<void>(take_error_text());
  return nullptr;
}

SslPtr ClientContext::make_resuming(std::string_view server_name, const Address& backend) const {
  SslPtr ssl = make(server_name, backend.is_ip() ? &backend : nullptr);
  const std::string key = backend.to_string() + " " + std::string(server_name);
  return ssl != nullptr && SessionCache::use(ssl.get(), key) ? std::move(ssl) : nullptr;
}

}  // namespace weir::tls
