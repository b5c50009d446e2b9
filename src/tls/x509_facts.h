// What a certificate says, as plain values.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::tls {

// Seconds of std::chrono::system_clock: its own unit, nanoseconds, ends in 2262, and certificates may say
// 9999.
using UtcTime = std::chrono::sys_seconds;

UtcTime utc_now();

// "2026-03-01T12:00:00Z"; of one that could not be read it says so.
std::string utc_text(UtcTime time);

enum class KeyKind : std::uint8_t { kRsa, kEcdsa, kEd25519, kOther };

// "RSA", "ECDSA", "Ed25519", "unknown".
const char* to_word(KeyKind kind);

KeyKind key_kind(const EVP_PKEY* key);

// Of the subject and the issuer, as RFC 4514 writes names: "CN=a.example,O=Example". Bytes that are not
// printable ASCII are escaped.
std::string subject_text(const X509* certificate);
std::string issuer_text(const X509* certificate);

// The first name of its SAN that is one of a host, a URI or an address of mail: "DNS:a.example",
// "URI:spiffe://a.example/b", "email:a@b.example", escaped as above; empty: there is none.
std::string alternative_name_text(const X509* certificate);

// The last common name of the subject, the most specific one (RFC 9525 section 1.7.2, of what older software
// does); null: there is none. The certificate's own.
const ASN1_STRING* last_common_name(const X509* certificate);

// A time that cannot be read is the first moment that there is.
UtcTime not_before(const X509* certificate);
UtcTime not_after(const X509* certificate);
UtcTime utc_of(const ASN1_TIME* time);

// The names of servers that a certificate is for (RFC 9525 section 6.3): dNSName of its SAN; the CN only
// where there is no SAN at all. In small letters; "*.b.example" is for one label. Addresses are passed over.
struct ServerNames {
  std::vector<std::string> names;    // each once
  std::vector<std::string> ignored;  // not a host name, or with a star in a wrong place; printable
};
ServerNames server_names(const X509* certificate);

}  // namespace weir::tls
