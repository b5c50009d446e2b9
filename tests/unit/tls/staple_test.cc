#include "tls/staple.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/tls/serving.h"

namespace weir::tls {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::AllOf;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class Stapling : public Serving {
 protected:
  // What a client that asks for a staple is given with `name`'s certificate.
  std::string given(const ServerContexts& contexts, const std::string& name, int version = TLS1_3_VERSION) {
    const SslCtxPtr client = client_context();
    limit_to(client, version);
    SSL_CTX_set_tlsext_status_type(client.get(), TLSEXT_STATUSTYPE_ocsp);
    Handshake handshake(contexts.for_name(name), client.get());
    EXPECT_TRUE(handshake.run()) << handshake.server_error();
    const unsigned char* der = nullptr;
    const long size = SSL_get_tlsext_status_ocsp_resp(handshake.client(), &der);
    return size <= 0 ? "" : std::string(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  }
  void staple(const std::string& der) {
    settings.ocsp_files.push_back(write("ocsp" + std::to_string(settings.ocsp_files.size()), der));
  }
};

TEST_F(Stapling, GivesTheResponseOfTheCertificateThatIsShown) {
  const auto a = serve({"a.example"});
  const auto b = serve({"b.example"});
  serve({"c.example"});
  const std::string of_a = ca.ocsp_response(a);
  const std::string of_b = ca.ocsp_response(b);
  staple(of_b);
  staple(of_a);
  const auto contexts = load();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_EQ(given(*contexts, "a.example", version), of_a);
    EXPECT_EQ(given(*contexts, "b.example", version), of_b);
    EXPECT_EQ(given(*contexts, "c.example", version), "");
  }
  EXPECT_TRUE(contexts->certificates().at(0).has_staple);
  EXPECT_FALSE(contexts->certificates().at(2).has_staple);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(Stapling, GivesThatOfTheKindOfKeyThatIsShown) {
  serve({"a.example"}, test::KeyKind::kRsa2048);
  const auto ecdsa = serve({"a.example"}, test::KeyKind::kEcP256);
  const std::string der = ca.ocsp_response(ecdsa);
  staple(der);
  const auto contexts = load();
  for (const auto& [algorithms, expected] :
       {std::pair{"ECDSA+SHA256", der}, {"RSA-PSS+SHA256", std::string()}}) {
    const SslCtxPtr client = client_context();
    SSL_CTX_set1_sigalgs_list(client.get(), algorithms);
    SSL_CTX_set_tlsext_status_type(client.get(), TLSEXT_STATUSTYPE_ocsp);
    Handshake handshake(contexts->for_name(""), client.get());
    EXPECT_TRUE(handshake.run());
    const unsigned char* bytes = nullptr;
    EXPECT_EQ(SSL_get_tlsext_status_ocsp_resp(handshake.client(), &bytes),
              expected.empty() ? -1 : static_cast<long>(expected.size()));
  }
}

TEST_F(Stapling, GivesNoResponseThatIsOld) {
  const auto a = serve({"a.example"});
  staple(ca.ocsp_response(a, -hours(48), -hours(24)));
  const auto contexts = load();
  EXPECT_EQ(given(*contexts, "a.example"), "");
  EXPECT_FALSE(contexts->certificates().at(0).has_staple);
  EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("/ocsp0: the OCSP response counted until 20"),
                                          HasSubstr("is not sent: get a newer one"))));
}

TEST_F(Stapling, GivesNoResponseOfTheFuture) {
  const auto a = serve({"a.example"});
  staple(ca.ocsp_response(a, hours(1), hours(24)));
  EXPECT_EQ(given(*load(), "a.example"), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("counts only from 20")));
}

TEST_F(Stapling, GivesAResponseWithoutAnEndForEver) {
  const auto a = serve({"a.example"});
  staple(ca.ocsp_response(a, -hours(24 * 365), std::nullopt));
  EXPECT_NE(given(*load(), "a.example"), "");
}

TEST(Staple, IsCurrentFromItsFirstMomentToItsLast) {
  const UtcTime from(seconds(1'000));
  const Staple staple{"", from, from + hours(1)};
  EXPECT_FALSE(staple.is_current(from - seconds(1)));
  EXPECT_TRUE(staple.is_current(from));
  EXPECT_TRUE(staple.is_current(from + hours(1)));
  EXPECT_FALSE(staple.is_current(from + hours(1) + seconds(1)));
}

TEST_F(Stapling, LeavesOutWhatIsNoResponse) {
  const auto a = serve({"a.example"});
  const std::string der = ca.ocsp_response(a);
  staple("garbage");
  staple(der.substr(0, der.size() - 1));
  staple(der + "x");
  staple(test::unsuccessful_ocsp_response());
  staple("");
  settings.ocsp_files.push_back("/nowhere/ocsp");
  settings.ocsp_files.push_back(folder.path());
  const auto contexts = load();
  ASSERT_NE(contexts, nullptr) << "the certificates are served all the same";
  EXPECT_EQ(given(*contexts, "a.example"), "");
  EXPECT_FALSE(contexts->certificates().at(0).has_staple);
  EXPECT_THAT(warnings,
              ElementsAre(HasSubstr("/ocsp0: is not an OCSP response in DER form"),
                          HasSubstr("/ocsp1: is not"), HasSubstr("/ocsp2: is not"),
                          HasSubstr("/ocsp3: the responder has refused to answer (trylater)"),
                          HasSubstr("/ocsp4: is empty"), HasSubstr("/nowhere/ocsp: cannot be opened"),
                          HasSubstr(": is not a regular file")));
  EXPECT_THAT(warnings, testing::Each(EndsWith("; it is left out")));
}

TEST_F(Stapling, UsesTheGoodOneBesideABadOne) {
  const auto a = serve({"a.example"});
  staple("garbage");
  staple(ca.ocsp_response(a));
  EXPECT_NE(given(*load(), "a.example"), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/ocsp0: is not")));
}

TEST_F(Stapling, LeavesOutAResponseOfAnotherCertificate) {
  serve({"a.example"});
  staple(ca.ocsp_response(ca.issue(test::server_spec({"a.example"}))));
  EXPECT_EQ(given(*load(), "a.example"), "");
  EXPECT_THAT(warnings,
              ElementsAre(AllOf(HasSubstr("/ocsp0: the OCSP response is about none of the certificates"),
                                testing::Not(HasSubstr("missing")))));
}

TEST_F(Stapling, NeedsTheIssuersCertificate) {
  const auto a = ca.issue(test::server_spec({"a.example"}));
  serve_with(a, {});
  staple(ca.ocsp_response(a));
  EXPECT_EQ(given(*load(), "a.example"), "");
  EXPECT_THAT(warnings, testing::Contains(AllOf(HasSubstr("/ocsp0: the OCSP response is about none"),
                                                HasSubstr("the issuer's certificate, which is missing in"),
                                                HasSubstr("/cert0.pem"))));
}

TEST_F(Stapling, LeavesOutAResponseThatTheIssuerHasNotSigned) {
  const auto a = serve({"a.example"});
  std::string der = ca.ocsp_response(a);
  der[der.find("Weir test CA")] = 'X';  // in the responder's name, which is signed
  staple(der);
  EXPECT_EQ(given(*load(), "a.example"), "");
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/ocsp0: the OCSP response was not signed for the issuer of")));
}

TEST_F(Stapling, UsesTheFirstOfTwoResponses) {
  const auto a = serve({"a.example"});
  staple(ca.ocsp_response(a));
  staple(ca.ocsp_response(a, -hours(2)));
  load();
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("/ocsp1: not used: another OCSP response for")));
}

}  // namespace
}  // namespace weir::tls
