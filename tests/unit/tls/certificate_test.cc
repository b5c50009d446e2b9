#include "tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <filesystem>

#include "support/certificates.h"
#include "unit/support.h"

namespace weir::tls {
namespace {

using test::authority_spec;
using test::server_spec;
using test::TestCertificate;
using test::write_certificate;
using test::write_file;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CertificateFile : public testing::Test {
 protected:
  // What is wrong with what the two files hold.
  std::string error_of(const std::string& chain, const std::string& key) {
    return error_of(CertificateFiles{write_file(folder.path(), "a.pem", chain),
                                     write_file(folder.path(), "a.key", key, 0600)});
  }
  static std::string error_of(const CertificateFiles& files) {
    const auto loaded = load_certificate(files);
    EXPECT_EQ(ERR_peek_error(), 0U) << "the queue is left as it was";
    return loaded ? "none" : loaded.error().message();
  }

  Certificate load(const TestCertificate& first, const std::vector<TestCertificate>& chain = {}) {
    const auto paths = write_certificate(folder.path(), "a", first, chain);
    auto loaded = load_certificate({paths.chain, paths.key});
    EXPECT_TRUE(loaded) << loaded.error().message();
    return loaded ? std::move(*loaded) : Certificate{};
  }
  // Of one that is its own issuer, so that nothing is said of the chain.
  std::vector<std::string> warnings_of(const test::CertificateSpec& spec) {
    return load(TestCertificate::self_signed(spec)).warnings;
  }

  const test::TempFolder folder;
  const TestCertificate root = TestCertificate::authority("Root");
  const TestCertificate upper = root.issue(authority_spec("Upper"));
  const TestCertificate lower = upper.issue(authority_spec("Lower"));
  const TestCertificate leaf = lower.issue(server_spec({"a.example"}));
};

TEST_F(CertificateFile, GivesTheCertificateItsKeyAndTheWayToTheRoot) {
  const Certificate loaded = load(leaf, {lower, upper});
  EXPECT_EQ(loaded.chain.size(), 2U);
  EXPECT_EQ(X509_check_private_key(loaded.leaf.get(), loaded.key.get()), 1);
  EXPECT_EQ(loaded.subject, "O=Weir tests");
  EXPECT_THAT(loaded.warnings, IsEmpty());
  EXPECT_EQ(loaded.not_after - loaded.not_before, std::chrono::hours(24 * 90 + 1));
}

TEST_F(CertificateFile, TellsTheKindOfKey) {
  for (const auto& [asked, kind, bits] : {std::tuple{test::KeyKind::kEcP256, KeyKind::kEcdsa, 256},
                                          {test::KeyKind::kRsa2048, KeyKind::kRsa, 2048},
                                          {test::KeyKind::kEd25519, KeyKind::kEd25519, 256}}) {
    const Certificate loaded = load(TestCertificate::self_signed(server_spec({"a"}, asked)));
    EXPECT_EQ(loaded.key_kind, kind);
    EXPECT_EQ(loaded.key_bits, bits);
  }
}

TEST_F(CertificateFile, MayHoldTheKeyToo) {
  for (const std::string& text : {leaf.pem() + lower.pem() + leaf.key_pem(), leaf.key_pem() + leaf.pem()}) {
    const std::string path = write_file(folder.path(), "both.pem", text, 0600);
    EXPECT_TRUE(load_certificate({path, path}));
  }
}

TEST_F(CertificateFile, MayHoldOtherTextBesides) {
  EXPECT_EQ(
      error_of("subject: a\n" + leaf.pem() + "\nissuer:\n" + lower.pem() + "\n\n", "key:\n" + leaf.key_pem()),
      "none");
}

TEST_F(CertificateFile, ThatCannotBeOpenedIsNamedWithTheReason) {
  const auto paths = write_certificate(folder.path(), "a", leaf);
  EXPECT_EQ(error_of(CertificateFiles{"/nowhere/a.pem", paths.key}),
            "/nowhere/a.pem: cannot be opened: No such file or directory");
  EXPECT_EQ(error_of(CertificateFiles{paths.chain, "/nowhere/a.key"}),
            "/nowhere/a.key: cannot be opened: No such file or directory");
  EXPECT_EQ(error_of(CertificateFiles{folder.path(), paths.key}), folder.path() + ": is not a regular file");
}

TEST_F(CertificateFile, WithoutACertificateIsRefused) {
  EXPECT_THAT(error_of("", leaf.key_pem()),
              AllOf(HasSubstr("/a.pem: there is no certificate in it; expected")));
  EXPECT_THAT(error_of("\x01\x02 garbage", leaf.key_pem()),
              HasSubstr("/a.pem: there is no certificate in it;"));
  EXPECT_THAT(error_of(leaf.key_pem(), leaf.key_pem()), HasSubstr("in it, but a private key"));
  EXPECT_THAT(error_of("\x30\x82\x01", leaf.key_pem()),
              HasSubstr("openssl x509 -inform der -in " + folder.path()));
}

TEST_F(CertificateFile, WithoutAKeyIsRefused) {
  EXPECT_THAT(error_of(leaf.pem(), ""), HasSubstr("/a.key: there is no private key in it; expected"));
  EXPECT_THAT(error_of(leaf.pem(), leaf.pem()),
              HasSubstr("/a.key: there is no private key in it, but a certificate"));
  EXPECT_THAT(error_of(leaf.pem(), "\x30\x82\x01"),
              HasSubstr("openssl pkey -inform der -in " + folder.path()));
}

TEST_F(CertificateFile, ThatIsDamagedIsRefused) {
  const std::string pem = leaf.pem();
  EXPECT_THAT(
      error_of(pem.substr(0, pem.size() / 2), leaf.key_pem()),
      AllOf(HasSubstr("/a.pem: certificate 1 in it cannot be read ("), HasSubstr("the file is damaged")));
  std::string bad = lower.pem();
  bad[bad.size() / 2] = '!';
  EXPECT_THAT(error_of(pem + bad, leaf.key_pem()), HasSubstr("/a.pem: certificate 2 in it cannot be read ("));
  EXPECT_THAT(error_of("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", leaf.key_pem()),
              HasSubstr("certificate 1 in it cannot be read ("));
  const std::string key = leaf.key_pem();
  EXPECT_THAT(error_of(pem, key.substr(0, key.size() / 2)),
              HasSubstr("/a.key: the private key cannot be read ("));
}

TEST_F(CertificateFile, WithAnEncryptedKeyIsRefusedAndNobodyIsAsked) {
  EXPECT_THAT(error_of(leaf.pem(), leaf.encrypted_key_pem("secret")),
              AllOf(HasSubstr("/a.key: the private key is encrypted"),
                    HasSubstr("`openssl pkey -in " + folder.path() + "/a.key -out NEW`")));
}

TEST_F(CertificateFile, WithAnotherKeyIsRefused) {
  const auto other = lower.issue(server_spec({"b.example"}));
  EXPECT_THAT(error_of(leaf.pem(), other.key_pem()),
              AllOf(HasSubstr("/a.key: the key does not fit the certificate in " + folder.path() + "/a.pem"),
                    testing::Not(HasSubstr("ECDSA"))));
  const auto rsa = lower.issue(server_spec({"b.example"}, test::KeyKind::kRsa2048));
  EXPECT_THAT(error_of(leaf.pem(), rsa.key_pem()),
              HasSubstr("(an RSA key, and the certificate is for an ECDSA key)"));
}

TEST_F(CertificateFile, WhoseFirstIsNotTheKeysIsRefusedWithTheRightOrder) {
  EXPECT_THAT(
      error_of(test::pem_chain({upper, lower, leaf}), leaf.key_pem()),
      AllOf(HasSubstr(
                "/a.pem: the certificate that the key fits (O=Weir tests) stands at place 3 and must be the "
                "first"),
            HasSubstr("this order would be right: 3, 2, 1")));
}

TEST_F(CertificateFile, WhoseOthersStandInAWrongOrderIsRefusedWithTheRightOne) {
  EXPECT_THAT(
      error_of(test::pem_chain({leaf, upper, lower}), leaf.key_pem()),
      AllOf(HasSubstr(
                "/a.pem: certificate 2 (CN=Upper,O=Weir tests) stands where the issuer of certificate 1 must "
                "stand (CN=Lower,O=Weir tests)"),
            HasSubstr("this order would be right: 1, 3, 2")));
}

TEST_F(CertificateFile, WithOneThatDoesNotBelongIsRefused) {
  const auto stranger = TestCertificate::authority("Stranger");
  EXPECT_THAT(
      error_of(test::pem_chain({leaf, lower, stranger}), leaf.key_pem()),
      AllOf(HasSubstr("certificate 3 (CN=Stranger,O=Weir tests) stands where the issuer of certificate 2"),
            HasSubstr("no order would be right, since certificate 3")));
  EXPECT_THAT(error_of(test::pem_chain({leaf, leaf, lower}), leaf.key_pem()), HasSubstr("certificate 2"));
}

TEST_F(CertificateFile, WithARootAtTheEndIsAccepted) {
  EXPECT_EQ(load(leaf, {lower, upper, root}).chain.size(), 3U);
}

TEST_F(CertificateFile, GivesNamesInSmallLettersAndNoAddresses) {
  auto spec = server_spec({"A.Example", "*.B.example", "a.example"});
  spec.common_name = "other.example";
  spec.ips = {"192.0.2.1"};
  EXPECT_THAT(load(TestCertificate::self_signed(spec)).names, ElementsAre("a.example", "*.b.example"));
}

TEST_F(CertificateFile, GivesTheCommonNameOnlyWithoutAnyAlternative) {
  test::CertificateSpec spec;
  spec.common_name = "A.example";
  EXPECT_THAT(load(TestCertificate::self_signed(spec)).names, ElementsAre("a.example"));
  spec.ips = {"192.0.2.1"};
  EXPECT_THAT(load(TestCertificate::self_signed(spec)).names, IsEmpty());
  spec.ips.clear();
  spec.common_name = "Our server";
  const Certificate person = load(TestCertificate::self_signed(spec));
  EXPECT_THAT(person.names, IsEmpty());
  EXPECT_THAT(person.warnings, IsEmpty());
}

TEST_F(CertificateFile, WarnsOfNamesWithAStarInAWrongPlace) {
  const auto loaded = load(TestCertificate::self_signed(
      server_spec({"a.*.example", "a*.example", "*", "*.*.example", "b.example"})));
  EXPECT_THAT(loaded.names, ElementsAre("b.example"));
  EXPECT_THAT(loaded.warnings,
              ElementsAre(HasSubstr("\"a.*.example\" does not count"), HasSubstr("\"a*.example\""),
                          HasSubstr("\"*\""), HasSubstr("\"*.*.example\"")));
}

TEST_F(CertificateFile, WarnsOfTheTime) {
  auto spec = server_spec({"a.example"});
  spec.not_after = std::chrono::hours(24 * 14 + 1);
  EXPECT_THAT(warnings_of(spec), IsEmpty());
  spec.not_after = std::chrono::hours(24 * 13 + 1);
  const std::string soon = utc_text(utc_now() + spec.not_after).substr(0, 13);
  EXPECT_THAT(warnings_of(spec),
              ElementsAre(AllOf(HasSubstr("/a.pem: "), HasSubstr("has 13 days left"), HasSubstr(soon))));
  spec.not_after = std::chrono::seconds(-60);
  EXPECT_THAT(warnings_of(spec), ElementsAre(HasSubstr("has expired: it was valid until 20")));
  spec.not_after = std::chrono::hours(24 * 90);
  spec.not_before = std::chrono::hours(1);
  EXPECT_THAT(warnings_of(spec), ElementsAre(HasSubstr("is not yet valid, only from 20")));
}

TEST_F(CertificateFile, EndsWithTheFirstOfItsCertificates) {
  auto spec = authority_spec("Short");
  spec.not_after = std::chrono::hours(24 * 13 + 1);
  const auto issuer = root.issue(spec);
  const auto own = issuer.issue(server_spec({"a.example"}));
  const Certificate loaded = load(own, {issuer, root});
  EXPECT_EQ(loaded.not_after, not_after(issuer.certificate()));
  EXPECT_THAT(loaded.warnings, ElementsAre(AllOf(HasSubstr("/a.pem: certificate 2 in it (CN=Short,"),
                                                 HasSubstr("has 13 days left"))));
  spec.not_after = std::chrono::seconds(-60);
  const auto ended = root.issue(spec);
  EXPECT_THAT(load(lower.issue(server_spec({"a.example"})), {lower, upper}).warnings, IsEmpty());
  EXPECT_THAT(load(ended.issue(server_spec({"a.example"})), {ended}).warnings,
              ElementsAre(AllOf(HasSubstr("certificate 2 in it (CN=Short,"),
                                HasSubstr("has expired: it was valid until 20"))));
}

TEST_F(CertificateFile, WhoseTimeCannotBeReadIsRefused) {
  const auto own = TestCertificate::self_signed(server_spec({"a.example"}));
  const auto with_end = [&](std::string_view text) {
    const X509Ptr changed(X509_dup(own.certificate()));
    ASN1_STRING_set(X509_getm_notAfter(changed.get()), text.data(), static_cast<int>(text.size()));
    X509_sign(changed.get(), own.key(), EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> out(BIO_new(BIO_s_mem()), BIO_free);
    PEM_write_bio_X509(out.get(), changed.get());
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(out.get(), &bytes);
    return std::string(bytes, static_cast<std::size_t>(size));
  };
  EXPECT_EQ(error_of(with_end("491231000000Z"), own.key_pem()), "none");
  EXPECT_THAT(error_of(with_end("491332000000Z"), own.key_pem()),
              HasSubstr("/a.pem: certificate 1 in it (O=Weir tests) does not say from when until when"));
}

TEST_F(CertificateFile, MayBeValidForEver) {
  auto spec = server_spec({"a.example"});
  spec.not_after = std::chrono::hours(24 * 365 * 2000L);
  EXPECT_THAT(warnings_of(spec), IsEmpty());
}

TEST_F(CertificateFile, WarnsOfAKeyThatOthersMayOpen) {
  const auto paths = write_certificate(folder.path(), "a", leaf, {lower});
  for (const auto& [mode, text] : {std::pair{0644, "0644"}, {0640, "0640"}, {0602, "0602"}}) {
    std::filesystem::permissions(paths.key, static_cast<std::filesystem::perms>(mode));
    EXPECT_THAT(load_certificate({paths.chain, paths.key})->warnings,
                ElementsAre(AllOf(HasSubstr(std::string("(mode ") + text + ")"),
                                  HasSubstr("`chmod 600 " + paths.key + "`"))));
  }
  std::filesystem::permissions(paths.key, static_cast<std::filesystem::perms>(0400));
  EXPECT_THAT(load_certificate({paths.chain, paths.key})->warnings, IsEmpty());
}

TEST_F(CertificateFile, WarnsWhenTheIssuerIsMissing) {
  EXPECT_THAT(load(leaf).warnings,
              ElementsAre(AllOf(HasSubstr("only the certificate itself"), HasSubstr("CN=Lower"))));
}

TEST(AlternativeNameText, IsTheFirstThatHasAWord) {
  const auto text = [](std::vector<std::string> names, std::vector<std::string> mails) {
    test::CertificateSpec spec;
    spec.names = std::move(names);
    spec.mails = std::move(mails);
    spec.ips = {"192.0.2.1"};
    return alternative_name_text(TestCertificate::self_signed(spec).certificate());
  };
  EXPECT_EQ(text({"a.example", "b.example"}, {"a@b.example"}), "DNS:a.example");
  EXPECT_EQ(text({}, {"a+c@b.example"}), "email:a\\+c@b.example");
  EXPECT_EQ(text({}, {}), "");
  EXPECT_EQ(alternative_name_text(TestCertificate::authority().certificate()), "");
}

TEST(UtcText, IsOfTheIsoForm) {
  EXPECT_EQ(utc_text(UtcTime(std::chrono::seconds(0))), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(UtcTime(std::chrono::seconds(253402300799))), "9999-12-31T23:59:59Z");
  EXPECT_EQ(utc_text(UtcTime::min()), "a time that cannot be read");
}

}  // namespace
}  // namespace weir::tls
