// What TLS is to be like, on the side of a listener and on that of a pool, as plain values. Paths are as they
// are to be opened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace weir::tls {

enum class Version : std::uint8_t { k12, k13 };

// PEM files: `chain` has the certificate and then those that lead to the root's, `key` the certificate's
// private key, not encrypted. Both may be the same file.
struct CertificateFiles {
  std::string chain;
  std::string key;
};

enum class ClientVerify : std::uint8_t {
  kOff,       // clients are not asked for a certificate
  kOptional,  // one who sends none is served; one who sends a bad one is not
  kRequired,
};

struct ServerSettings {
  std::vector<CertificateFiles> certificates;  // not empty; the first is for names that no other has
  Version min_version = Version::k12;
  std::vector<std::string> alpn;  // in order of preference; empty: protocols are not negotiated
  std::string client_ca;          // PEM, with one or more; not empty unless `client_verify` is off
  ClientVerify client_verify = ClientVerify::kOff;
  unsigned client_verify_depth = 4;  // of certificates between a client's and a CA of `client_ca`
  std::vector<std::string>
      ciphers;  // OpenSSL's names, those of TLS 1.3 too ("TLS_..."); empty: see `cipher_choice.h`
  std::vector<std::string> groups;  // "X25519", "prime256v1"; empty: see `cipher_choice.h`
  bool session_tickets = true;
  std::string ticket_key_file;          // empty: keys of its own, rotated
  std::vector<std::string> ocsp_files;  // DER, each belongs to one of `certificates`
};

struct ClientSettings {
  bool verify = true;
  std::string ca;           // PEM; empty: the system's
  std::string server_name;  // asked for, and what the certificate must be for; empty: the backend's host name
  std::string certificate;  // PEM, of this client; empty: none
  std::string key;
  std::vector<std::string> alpn;
  Version min_version = Version::k12;
};

}  // namespace weir::tls
