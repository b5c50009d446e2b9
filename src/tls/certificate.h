// A certificate with its private key and the certificates that lead to its root, as it is shown to a peer.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tls/openssl_ptr.h"
#include "tls/settings.h"
#include "tls/x509_facts.h"

namespace weir::tls {

struct Certificate {
  CertificateFiles files;
  X509Ptr leaf;
  std::vector<X509Ptr> chain;  // those after the leaf, each issued the one before
  PrivateKeyPtr key;

  std::vector<std::string> names;  // of servers, see `server_names`; may be empty
  std::string subject;
  KeyKind key_kind = KeyKind::kOther;
  int key_bits = 0;
  UtcTime not_before;
  UtcTime not_after;  // of it, or of one after it that ends before

  // What the operator should know although it is served: out of its time or soon to be, one after it that has
  // ended or will soon, a key that others may read, names that do not count, no issuer in the file. Each
  // begins with the file's path.
  std::vector<std::string> warnings;
};

// Reads both files and holds one against the other. `now` is for the warnings. The first error that is found
// is told; its message begins with the file's path: cannot be opened, is not PEM, has no certificate or no
// key, the key is encrypted, does not fit or is of a kind that is not served (RSA, ECDSA and Ed25519 are),
// the order of the certificates is wrong.
base::Result<Certificate> load_certificate(const CertificateFiles& files, UtcTime now = utc_now());

// Lets `context` show it, beside those with other kinds of keys. False when OpenSSL refuses it, as too weak
// for instance; its error queue says why.
bool use_certificate(SSL_CTX* context, const Certificate& certificate);

}  // namespace weir::tls
