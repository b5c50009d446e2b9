// Certificates, keys and OCSP responses for tests, made with OpenSSL: authorities, those below them, servers'
// and clients'. Names and lifetimes are as asked for, wrong ones too. Copies share what they hold. A failure
// of OpenSSL throws std::runtime_error.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::test {

enum class KeyKind {
  kEcP256,
  kRsa2048,  // the process makes one such key, for all that want one: it takes long
  kEd25519,
};

struct CertificateSpec {
  std::string common_name;         // empty: the subject has an organisation only
  bool has_subject = true;         // else it is empty
  std::vector<std::string> names;  // SAN, dNSName
  std::vector<std::string> uris;   // SAN, uniformResourceIdentifier
  std::vector<std::string> mails;  // SAN, rfc822Name
  std::vector<std::string> ips;    // SAN, iPAddress
  KeyKind key = KeyKind::kEcP256;
  std::chrono::seconds not_before = -std::chrono::hours(1);  // from now
  std::chrono::seconds not_after = std::chrono::hours(24 * 90);
  bool is_authority = false;
  bool is_for_clients = false;  // the extended key usage of anything but an authority; else for servers
};

// What a test most often wants: `names`, all else as above.
CertificateSpec server_spec(std::vector<std::string> names, KeyKind key = KeyKind::kEcP256);
CertificateSpec client_spec(std::string common_name);
// One that outlives what it issues.
CertificateSpec authority_spec(std::string common_name);

class TestCertificate {
 public:
  static TestCertificate self_signed(const CertificateSpec& spec);
  // An authority that is its own issuer.
  static TestCertificate authority(std::string common_name = "Weir test CA");

  // A certificate signed by this one.
  TestCertificate issue(const CertificateSpec& spec) const;

  X509* certificate() const { return certificate_.get(); }
  EVP_PKEY* key() const { return key_.get(); }

  std::string pem() const;
  std::string key_pem() const;
  std::string encrypted_key_pem(std::string_view password) const;

  // The status "good" of `leaf`, which this one has issued, in DER. Without `next_update` newer information
  // is always to be had (RFC 6960 section 4.2.2.1).
  std::string ocsp_response(const TestCertificate& leaf,
                            std::chrono::seconds this_update = -std::chrono::hours(1),
                            std::optional<std::chrono::seconds> next_update = std::chrono::hours(24 *
                                                                                                 7)) const;

 private:
  TestCertificate(std::shared_ptr<X509> certificate, std::shared_ptr<EVP_PKEY> key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}

  std::shared_ptr<X509> certificate_;
  std::shared_ptr<EVP_PKEY> key_;
};

// An OCSP responder's refusal, "tryLater", in DER.
std::string unsuccessful_ocsp_response();

// The PEM texts one after the other.
std::string pem_chain(const std::vector<TestCertificate>& certificates);

struct CertificatePaths {
  std::string chain;
  std::string key;
};

// Writes `text` to `folder`/`name`, with that mode, and returns the path.
std::string write_file(const std::string& folder, std::string_view name, std::string_view text,
                       unsigned mode = 0644);

// Writes `folder`/`name`.pem with `leaf` and then `chain`, and `folder`/`name`.key with mode 0600.
CertificatePaths write_certificate(const std::string& folder, std::string_view name,
                                   const TestCertificate& leaf,
                                   const std::vector<TestCertificate>& chain = {});

}  // namespace weir::test
