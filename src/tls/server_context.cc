#include "tls/server_context.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/assert.h"
#include "tls/alpn.h"
#include "tls/authorities.h"
#include "tls/cipher_choice.h"
#include "tls/fault.h"
#include "tls/modes.h"
#include "tls/ticket_callback.h"

namespace weir::tls {
namespace {

// What the callbacks of a context need. The context owns it: connections may outlive a reload.
struct Callbacks {
  std::string alpn;
  std::unordered_map<const X509*, Staple> staples;
  std::shared_ptr<TicketKeys> ticket_keys;
};

void free_callbacks(void*, void* data, CRYPTO_EX_DATA*, int, long, void*) {
  delete static_cast<Callbacks*>(data);
}

int callbacks_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_callbacks);
  return kIndex;
}

int on_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in,
            unsigned in_size, void* callbacks) {
  const std::string_view offered(reinterpret_cast<const char*>(in), in_size);
  const std::string_view chosen = select_protocol(static_cast<const Callbacks*>(callbacks)->alpn, offered);
  // OpenSSL makes this the alert no_application_protocol (RFC 7301 section 3.2).
  if (chosen.empty()) return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = reinterpret_cast<const unsigned char*>(chosen.data());
  *out_size = static_cast<unsigned char>(chosen.size());
  return SSL_TLSEXT_ERR_OK;
}

int on_status(SSL* ssl, void* callbacks) {
  const auto& staples = static_cast<const Callbacks*>(callbacks)->staples;
  const auto found = staples.find(SSL_get_certificate(ssl));
  if (found == staples.end() || !found->second.is_current(utc_now())) return SSL_TLSEXT_ERR_NOACK;
  const std::string& der = found->second.der;
  void* copy = OPENSSL_memdup(der.data(), der.size());  // OpenSSL frees it
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(der.size()));
  return SSL_TLSEXT_ERR_OK;
}

// A ticket of TLS 1.3 is used once (RFC 8446 appendix C.4), so who resumes gets another one. Not who has
// shown a certificate: it would not be looked at again for as long as the client comes back in time.
bool renews(const SSL* ssl) { return SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE; }

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
              int seals) {
  const auto* callbacks =
      static_cast<const Callbacks*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), callbacks_index()));
  const int done = prepare_ticket(*callbacks->ticket_keys, name, iv, cipher, mac, seals == 1);
  // That the key makes no more tickets is no reason in TLS 1.3: a new ticket has its whole time before it.
  if (seals == 1 || done <= 0 || SSL_version(ssl) != TLS1_3_VERSION) return done;
  return renews(ssl) ? 2 : 1;
}

// Null when OpenSSL has no memory.
Callbacks* give_callbacks(SSL_CTX* context, const ServerParts& parts, const std::vector<std::size_t>& set) {
  auto made = std::make_unique<Callbacks>();
  made->alpn = alpn_wire(parts.settings.alpn);
  made->ticket_keys = parts.ticket_keys;
  for (const std::size_t i : set) {
    const auto found = parts.staples.find(i);
    if (found != parts.staples.end()) made->staples.emplace(parts.certificates[i].leaf.get(), found->second);
  }
  if (SSL_CTX_set_ex_data(context, callbacks_index(), made.get()) != 1) return nullptr;
  return made.release();
}

bool ask_clients(SSL_CTX* context, const ServerParts& parts) {
  const bool is_required = parts.settings.client_verify == ClientVerify::kRequired;
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | (is_required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
  SSL_CTX_set_verify_depth(context, static_cast<int>(parts.settings.client_verify_depth));
  const auto& authorities = parts.client_authorities;
  return SSL_CTX_set_purpose(context, X509_PURPOSE_SSL_CLIENT) == 1 && trust(context, authorities) &&
         std::all_of(authorities.begin(), authorities.end(), [context](const X509Ptr& one) {
           return SSL_CTX_add_client_CA(context, one.get()) == 1;
         });
}

// What must be the same for a session to be resumed: the names, so that none is resumed at another server's
// (RFC 6066 section 3), and who vouches for clients.
bool set_session_context(SSL_CTX* context, const ServerParts& parts, const std::vector<std::size_t>& set) {
  std::vector<std::string> names;
  for (const std::size_t i : set)
    names.insert(names.end(), parts.certificates[i].names.begin(), parts.certificates[i].names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string content = fmt::format("weir {} {} {}\n", static_cast<int>(parts.settings.client_verify),
                                    parts.settings.client_verify_depth, fmt::join(names, " "));
  for (const X509Ptr& one : parts.client_authorities) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    if (X509_digest(one.get(), EVP_sha256(), digest.data(), &size) != 1) return false;
    content.append(reinterpret_cast<const char*>(digest.data()), size);
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  return EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1 &&
         SSL_CTX_set_session_id_context(context, digest.data(), size) == 1;
}

bool set_tickets(SSL_CTX* context, bool are_made) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, static_cast<long>(std::chrono::seconds(kTicketLife).count()));
  if (are_made) return SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket) == 1;
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  return SSL_CTX_set_num_tickets(context, 0) == 1;
}

bool set_up(SSL_CTX* context, const ServerParts& parts, const std::vector<std::size_t>& set) {
  Callbacks* callbacks = give_callbacks(context, parts, set);
  if (callbacks == nullptr) return false;
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
  if (!callbacks->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, on_alpn, callbacks);
  if (!callbacks->staples.empty()) {
    SSL_CTX_set_tlsext_status_cb(context, on_status);
    SSL_CTX_set_tlsext_status_arg(context, callbacks);
  }
  return set_common_modes(context, parts.settings.min_version) &&
         set_tickets(context, parts.settings.session_tickets) && set_session_context(context, parts, set) &&
         (parts.client_authorities.empty() || ask_clients(context, parts));
}

}  // namespace

SslCtxPtr make_server_context(const ServerParts& parts, const std::vector<std::size_t>& set,
                              std::vector<std::string>& errors) {
  WEIR_ASSERT(parts.ticket_keys != nullptr || !parts.settings.session_tickets);
  SslCtxPtr context(SSL_CTX_new(TLS_server_method()));
  if (!context || !set_up(context.get(), parts, set)) {
    errors.push_back("OpenSSL cannot make a context: " + take_error_text());
    return nullptr;
  }
  const std::size_t before = errors.size();
  for (std::string& fault : set_ciphers(context.get(), parts.settings.ciphers))
    errors.push_back(std::move(fault));
  for (std::string& fault : set_groups(context.get(), parts.settings.groups))
    errors.push_back(std::move(fault));
  for (const std::size_t i : set) {
    if (use_certificate(context.get(), parts.certificates[i])) continue;
    errors.push_back(fmt::format("{}: OpenSSL does not take the certificate: {}",
                                 parts.certificates[i].files.chain, take_error_text()));
  }
  return errors.size() == before ? std::move(context) : nullptr;
}

}  // namespace weir::tls
