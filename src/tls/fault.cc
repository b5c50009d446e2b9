#include "tls/fault.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <string_view>
#include <system_error>

namespace weir::tls {
namespace {

// Errors that only say that some part has failed, and leave what it was to that part: ERR_R_EVP_LIB and its
// like, which are numbered as the libraries are (ERR_GET_LIB(3)).
bool says_nothing(unsigned long code) {
  constexpr unsigned long kWithoutFlags = (1UL << ERR_RFLAGS_OFFSET) - 1;
  const unsigned long reason = static_cast<unsigned long>(ERR_GET_REASON(code)) & kWithoutFlags;
  return ERR_COMMON_ERROR(code) && reason <= ERR_LIB_USER;
}

// The deepest error says most, but one of the handshake more than one of the parts that it uses.
unsigned long take_first_telling() {
  unsigned long first = 0;
  unsigned long telling = 0;
  while (const unsigned long code = ERR_get_error()) {
    if (first == 0) first = code;
    if (telling == 0 && ERR_GET_LIB(code) == ERR_LIB_SSL && !says_nothing(code)) telling = code;
  }
  return telling != 0 ? telling : first;
}

// Alerts of the peer are numbered from SSL_AD_REASON_OFFSET on (ssl.h).
bool is_alert(unsigned long code) {
  return ERR_GET_LIB(code) == ERR_LIB_SSL && !ERR_COMMON_ERROR(code) &&
         ERR_GET_REASON(code) >= SSL_AD_REASON_OFFSET;
}

std::string alert_text(unsigned long code) {
  std::string_view text = SSL_alert_desc_string_long(ERR_GET_REASON(code) - SSL_AD_REASON_OFFSET);
  // That does not know those of TLS 1.3; the reasons do: "tlsv13 alert certificate required".
  const char* reason = ERR_reason_error_string(code);
  if (text == "unknown" && reason != nullptr) {
    constexpr std::string_view kWord = " alert ";
    text = reason;
    if (const std::size_t at = text.find(kWord); at != std::string_view::npos)
      text.remove_prefix(at + kWord.size());
  }
  return "the other side's alert: " + std::string(text);
}

// What a reason of the handshake most often means, for those that say it badly; else nothing.
const char* hint_of(int reason) {
  switch (reason) {
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
      return ": not TLS?";
    case SSL_R_HTTP_REQUEST:
      return ": HTTP without TLS";
    case SSL_R_UNSUPPORTED_PROTOCOL:
      return ": an older version of TLS than is allowed";
    default:
      return "";
  }
}

std::string text_of(unsigned long code) {
  if (code == 0) return {};
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  if (is_alert(code)) return alert_text(code);
  const char* reason = ERR_reason_error_string(code);
  if (reason == nullptr) return "OpenSSL's error " + std::to_string(code);
  if (ERR_GET_LIB(code) != ERR_LIB_SSL) return reason;
  return reason + std::string(hint_of(ERR_GET_REASON(code)));
}

}  // namespace

std::string take_error_text() { return text_of(take_first_telling()); }

std::string take_error_text(const SSL* ssl) {
  const unsigned long code = take_first_telling();
  std::string text = text_of(code);
  const bool is_unverified =
      ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED;
  const long result = SSL_get_verify_result(ssl);
  if (is_unverified && result != X509_V_OK) text += std::string(": ") + X509_verify_cert_error_string(result);
  return text;
}

}  // namespace weir::tls
