#include "tls/x509_facts.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <memory>
#include <string_view>

#include "base/host_name.h"
#include "tls/openssl_ptr.h"

namespace weir::tls {
namespace {

using NamesPtr = std::unique_ptr<GENERAL_NAMES, Free<GENERAL_NAMES_free>>;

// Null where there is no SAN, or none that can be read.
NamesPtr alternative_names(const X509* certificate) {
  return NamesPtr(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
}

std::string text_in(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string text_of(const X509_NAME* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253) < 0) return {};
  return text_in(bio.get());
}

// With the escapes of `text_of`.
std::string text_of(const ASN1_STRING* name) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  if (!bio || ASN1_STRING_print_ex(bio.get(), name, ASN1_STRFLGS_RFC2253) < 0) return {};
  return text_in(bio.get());
}

std::string_view bytes_of(const ASN1_STRING* text) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
          static_cast<std::size_t>(ASN1_STRING_length(text))};
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return out;
}

// A star counts only as the whole first label, and not for everything (RFC 9525 section 6.3).
bool is_server_name(std::string_view name) {
  if (name.starts_with("*.")) name.remove_prefix(2);
  return base::is_host_name(name);
}

void add_name(ServerNames& all, std::string_view text) {
  std::string name = base::plain_host_name(text);
  if (!is_server_name(name)) return all.ignored.push_back(printable(text));
  if (std::find(all.names.begin(), all.names.end(), name) == all.names.end())
    all.names.push_back(std::move(name));
}

void add_common_name(ServerNames& all, const X509* certificate) {
  const ASN1_STRING* text = last_common_name(certificate);
  if (text == nullptr) return;
  // Most are the names of people and things, of which nobody expects that they are served.
  if (is_server_name(base::plain_host_name(bytes_of(text)))) add_name(all, bytes_of(text));
}

}  // namespace

const ASN1_STRING* last_common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int last = -1;
  for (int at = -1; (at = X509_NAME_get_index_by_NID(subject, NID_commonName, at)) >= 0;) last = at;
  return last < 0 ? nullptr : X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, last));
}

UtcTime utc_now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::string utc_text(UtcTime time) {
  if (time == UtcTime::min()) return "a time that cannot be read";
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time.time_since_epoch().count()));
}

const char* to_word(KeyKind kind) {
  switch (kind) {
    case KeyKind::kRsa:
      return "RSA";
    case KeyKind::kEcdsa:
      return "ECDSA";
    case KeyKind::kEd25519:
      return "Ed25519";
    case KeyKind::kOther:
      break;
  }
  return "unknown";
}

KeyKind key_kind(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "RSA") == 1) return KeyKind::kRsa;
  if (EVP_PKEY_is_a(key, "EC") == 1) return KeyKind::kEcdsa;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyKind::kEd25519;
  return KeyKind::kOther;
}

std::string subject_text(const X509* certificate) { return text_of(X509_get_subject_name(certificate)); }
std::string issuer_text(const X509* certificate) { return text_of(X509_get_issuer_name(certificate)); }

std::string alternative_name_text(const X509* certificate) {
  const NamesPtr names = alternative_names(certificate);
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) return "DNS:" + text_of(name->d.dNSName);
    if (name->type == GEN_URI) return "URI:" + text_of(name->d.uniformResourceIdentifier);
    if (name->type == GEN_EMAIL) return "email:" + text_of(name->d.rfc822Name);
  }
  return {};
}

UtcTime utc_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return UtcTime::min();
  return UtcTime(std::chrono::seconds(::timegm(&parts)));
}

UtcTime not_before(const X509* certificate) { return utc_of(X509_get0_notBefore(certificate)); }
UtcTime not_after(const X509* certificate) { return utc_of(X509_get0_notAfter(certificate)); }

ServerNames server_names(const X509* certificate) {
  ServerNames all;
  const NamesPtr alternatives = alternative_names(certificate);
  if (!alternatives) {
    if (X509_get_ext_by_NID(certificate, NID_subject_alt_name, -1) < 0) add_common_name(all, certificate);
    return all;
  }
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) add_name(all, bytes_of(name->d.dNSName));
  }
  return all;
}

}  // namespace weir::tls
