// What the other tests stand on: certificates made by tests/support/certificates.
#include "support/certificates.h"

#include <gtest/gtest.h>
#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>
#include <sys/stat.h>

#include <memory>

#include "unit/support.h"

namespace weir::test {
namespace {

// X509_V_OK, or why `leaf` does not lead to `root`.
int verify(const TestCertificate& leaf, const std::vector<TestCertificate>& between,
           const TestCertificate& root) {
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), root.certificate());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  STACK_OF(X509)* untrusted = sk_X509_new_null();
  for (const TestCertificate& certificate : between) sk_X509_push(untrusted, certificate.certificate());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.certificate(), untrusted);
  X509_verify_cert(context.get());
  const int error = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(untrusted);
  return error;
}

TEST(TestCertificates, LeadToTheirAuthorityWhateverTheKey) {
  const auto root = TestCertificate::authority();
  const auto below = root.issue(authority_spec("Weir test CA 2"));
  for (const KeyKind kind : {KeyKind::kEcP256, KeyKind::kRsa2048, KeyKind::kEd25519}) {
    const auto leaf = below.issue(server_spec({"a.example"}, kind));
    EXPECT_EQ(verify(leaf, {below}, root), X509_V_OK);
    EXPECT_EQ(X509_check_private_key(leaf.certificate(), leaf.key()), 1);
  }
  EXPECT_NE(verify(below.issue(server_spec({"a.example"})), {}, root), X509_V_OK);
}

TEST(TestCertificates, AreForTheirNamesAndAddresses) {
  auto spec = server_spec({"a.example", "*.b.example"});
  spec.ips = {"192.0.2.1", "2001:db8::1"};
  const auto leaf = TestCertificate::self_signed(spec);
  EXPECT_EQ(X509_check_host(leaf.certificate(), "a.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(leaf.certificate(), "x.b.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(leaf.certificate(), "b.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(leaf.certificate(), "2001:db8::1", 0), 1);
}

TEST(TestCertificates, LiveAsLongAsAskedFor) {
  auto spec = server_spec({"a.example"});
  spec.not_after = std::chrono::seconds(-60);
  const auto root = TestCertificate::authority();
  EXPECT_EQ(verify(root.issue(spec), {}, root), X509_V_ERR_CERT_HAS_EXPIRED);
}

TEST(TestCertificates, HaveKeysThatOnlyTheirOwnerMayRead) {
  const TempFolder folder;
  const auto paths = write_certificate(folder.path(), "a", TestCertificate::self_signed(server_spec({"a"})));
  struct stat file {};
  ASSERT_EQ(::stat(paths.key.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777U, 0600U);
}

TEST(TestCertificates, HaveOcspResponsesOfTheirIssuer) {
  const auto root = TestCertificate::authority();
  const std::string der = root.ocsp_response(root.issue(server_spec({"a.example"})));
  const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
  const std::unique_ptr<OCSP_RESPONSE, decltype(&OCSP_RESPONSE_free)> response(
      d2i_OCSP_RESPONSE(nullptr, &bytes, static_cast<long>(der.size())), OCSP_RESPONSE_free);
  ASSERT_NE(response, nullptr);
  EXPECT_EQ(OCSP_response_status(response.get()), OCSP_RESPONSE_STATUS_SUCCESSFUL);
}

}  // namespace
}  // namespace weir::test
