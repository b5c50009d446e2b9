#include "support/certificates.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>
#include <fstream>
#include <stdexcept>

#include "support/test_user.h"

namespace weir::test {
namespace {

void require(bool succeeded, const char* what) {
  if (!succeeded) throw std::runtime_error(std::string("OpenSSL: ") + what + " failed");
}

template <class T>
T* require(T* object, const char* what) {
  require(object != nullptr, what);
  return object;
}

std::shared_ptr<EVP_PKEY> share(EVP_PKEY* key) { return {require(key, "making a key"), EVP_PKEY_free}; }

std::shared_ptr<EVP_PKEY> make_key(KeyKind kind) {
  switch (kind) {
    case KeyKind::kEcP256:
      return share(EVP_EC_gen("P-256"));
    case KeyKind::kRsa2048: {
      static const std::shared_ptr<EVP_PKEY> rsa = share(EVP_RSA_gen(2048));
      return rsa;
    }
    case KeyKind::kEd25519:
      return share(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  throw std::logic_error("no such kind of key");
}

// Ed25519 digests by itself, and must be given none.
const EVP_MD* digest_for(const EVP_PKEY* key) {
  return EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256();
}

void set_serial(X509* certificate) {
  unsigned char bytes[8];
  require(RAND_bytes(bytes, sizeof(bytes)) == 1, "RAND_bytes");
  std::uint64_t serial = 1;
  for (const unsigned char byte : bytes) serial = serial << 7 | (byte & 0x7fU);
  require(ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1, "the serial number");
}

void add_name(X509_NAME* name, const char* field, const std::string& value) {
  require(X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()), -1, 0) == 1,
          "a name's entry");
}

void set_subject(X509* certificate, const std::string& common_name) {
  X509_NAME* name = X509_get_subject_name(certificate);
  add_name(name, "O", "Weir tests");
  if (!common_name.empty()) add_name(name, "CN", common_name);
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension =
      require(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()), value.c_str());
  const int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  require(added == 1, "adding an extension");
}

std::string alternative_names(const CertificateSpec& spec) {
  std::string all;
  const auto add = [&all](const char* kind, const std::string& name) {
    if (!all.empty()) all += ',';
    all += kind + name;
  };
  for (const std::string& name : spec.names) add("DNS:", name);
  for (const std::string& uri : spec.uris) add("URI:", uri);
  for (const std::string& mail : spec.mails) add("email:", mail);
  for (const std::string& ip : spec.ips) add("IP:", ip);
  return all;
}

void add_extensions(X509* certificate, X509* issuer, const CertificateSpec& spec) {
  add_extension(certificate, issuer, NID_subject_key_identifier, "hash");
  if (issuer != certificate) add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
  if (spec.is_authority) {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, issuer, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature");
  } else {
    add_extension(certificate, issuer, NID_basic_constraints, "critical,CA:FALSE");
    add_extension(certificate, issuer, NID_ext_key_usage, spec.is_for_clients ? "clientAuth" : "serverAuth");
  }
  const std::string names = alternative_names(spec);
  if (!names.empty()) add_extension(certificate, issuer, NID_subject_alt_name, names);
}

// Without an issuer it signs itself.
std::shared_ptr<X509> make_certificate(const CertificateSpec& spec, EVP_PKEY* key, X509* issuer,
                                       EVP_PKEY* issuer_key) {
  std::shared_ptr<X509> made(require(X509_new(), "X509_new"), X509_free);
  X509* certificate = made.get();
  require(X509_set_version(certificate, X509_VERSION_3) == 1, "the version");
  set_serial(certificate);
  std::time_t now = std::time(nullptr);
  require(X509_time_adj_ex(X509_getm_notBefore(certificate), 0, spec.not_before.count(), &now), "notBefore");
  require(X509_time_adj_ex(X509_getm_notAfter(certificate), 0, spec.not_after.count(), &now), "notAfter");
  if (spec.has_subject) set_subject(certificate, spec.common_name);
  if (issuer == nullptr) issuer = certificate;
  require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1, "the issuer");
  require(X509_set_pubkey(certificate, key) == 1, "the public key");
  add_extensions(certificate, issuer, spec);
  require(X509_sign(certificate, issuer_key, digest_for(issuer_key)) > 0, "signing");
  return made;
}

std::string take_text(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free_all)>;
BioPtr memory_bio() { return {require(BIO_new(BIO_s_mem()), "BIO_new"), BIO_free_all}; }

using ResponsePtr = std::unique_ptr<OCSP_RESPONSE, decltype(&OCSP_RESPONSE_free)>;

std::string to_der(const OCSP_RESPONSE* response) {
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  require(size > 0, "i2d_OCSP_RESPONSE");
  std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return text;
}

using TimePtr = std::unique_ptr<ASN1_TIME, decltype(&ASN1_TIME_free)>;
TimePtr time_from_now(std::chrono::seconds offset) {
  std::time_t now = std::time(nullptr);
  TimePtr time(X509_time_adj_ex(nullptr, 0, offset.count(), &now), ASN1_TIME_free);
  // OCSP has the long form of times only (RFC 6960 section 4.2.2.1).
  return {require(ASN1_TIME_to_generalizedtime(time.get(), nullptr), "a time"), ASN1_TIME_free};
}

}  // namespace

CertificateSpec server_spec(std::vector<std::string> names, KeyKind key) {
  CertificateSpec spec;
  spec.names = std::move(names);
  spec.key = key;
  return spec;
}

CertificateSpec client_spec(std::string common_name) {
  CertificateSpec spec;
  spec.common_name = std::move(common_name);
  spec.is_for_clients = true;
  return spec;
}

CertificateSpec authority_spec(std::string common_name) {
  CertificateSpec spec;
  spec.common_name = std::move(common_name);
  spec.is_authority = true;
  spec.not_after = std::chrono::hours(24 * 365);
  return spec;
}

TestCertificate TestCertificate::self_signed(const CertificateSpec& spec) {
  const auto key = make_key(spec.key);
  return {make_certificate(spec, key.get(), nullptr, key.get()), key};
}

TestCertificate TestCertificate::authority(std::string common_name) {
  return self_signed(authority_spec(std::move(common_name)));
}

TestCertificate TestCertificate::issue(const CertificateSpec& spec) const {
  const auto key = make_key(spec.key);
  return {make_certificate(spec, key.get(), certificate_.get(), key_.get()), key};
}

std::string TestCertificate::pem() const {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_X509(bio.get(), certificate_.get()) == 1, "PEM_write_bio_X509");
  return take_text(bio.get());
}

std::string TestCertificate::key_pem() const {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1,
          "PEM_write_bio_PKCS8PrivateKey");
  return take_text(bio.get());
}

std::string TestCertificate::encrypted_key_pem(std::string_view password) const {
  const BioPtr bio = memory_bio();
  require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), EVP_aes_256_cbc(), password.data(),
                                        static_cast<int>(password.size()), nullptr, nullptr) == 1,
          "PEM_write_bio_PKCS8PrivateKey");
  return take_text(bio.get());
}

std::string TestCertificate::ocsp_response(const TestCertificate& leaf, std::chrono::seconds this_update,
                                           std::optional<std::chrono::seconds> next_update) const {
  const std::unique_ptr<OCSP_BASICRESP, decltype(&OCSP_BASICRESP_free)> basic(
      require(OCSP_BASICRESP_new(), "OCSP_BASICRESP_new"), OCSP_BASICRESP_free);
  const std::unique_ptr<OCSP_CERTID, decltype(&OCSP_CERTID_free)> id(
      require(OCSP_cert_to_id(nullptr, leaf.certificate(), certificate()), "OCSP_cert_to_id"),
      OCSP_CERTID_free);
  const TimePtr from = time_from_now(this_update);
  const TimePtr until = time_from_now(next_update.value_or(std::chrono::seconds(0)));
  require(OCSP_basic_add1_status(basic.get(), id.get(), V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from.get(),
                                 next_update ? until.get() : nullptr),
          "OCSP_basic_add1_status");
  require(OCSP_basic_sign(basic.get(), certificate(), key(), EVP_sha256(), nullptr, 0) == 1,
          "OCSP_basic_sign");
  const ResponsePtr response(
      require(OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()), "OCSP_response_create"),
      OCSP_RESPONSE_free);
  return to_der(response.get());
}

std::string unsuccessful_ocsp_response() {
  const ResponsePtr response(
      require(OCSP_response_create(OCSP_RESPONSE_STATUS_TRYLATER, nullptr), "OCSP_response_create"),
      OCSP_RESPONSE_free);
  return to_der(response.get());
}

std::string pem_chain(const std::vector<TestCertificate>& certificates) {
  std::string all;
  for (const TestCertificate& certificate : certificates) all += certificate.pem();
  return all;
}

std::string write_file(const std::string& folder, std::string_view name, std::string_view text,
                       unsigned mode) {
  const std::string path = folder + "/" + std::string(name);
  std::ofstream out(path, std::ios::binary);
  out << text;
  if (!out.flush() || ::chmod(path.c_str(), mode) != 0) throw std::runtime_error("cannot write " + path);
  give_to_test_user(path);
  return path;
}

CertificatePaths write_certificate(const std::string& folder, std::string_view name,
                                   const TestCertificate& leaf, const std::vector<TestCertificate>& chain) {
  const std::string base(name);
  return {write_file(folder, base + ".pem", leaf.pem() + pem_chain(chain)),
          write_file(folder, base + ".key", leaf.key_pem(), 0600)};
}

}  // namespace weir::test
