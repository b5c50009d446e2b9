#include "tls/server_contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/tls/serving.h"

namespace weir::tls {
namespace {

using test::KeyKind;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ServerContextsTest : public Serving {
 protected:
  // What a client of `context` that asks for `name` is shown.
  static bool shows(const ServerContexts& contexts, const std::string& name,
                    const test::TestCertificate& certificate, const SslCtxPtr& context = client_context()) {
    Handshake handshake(contexts.for_name(name), context.get());
    EXPECT_TRUE(handshake.run()) << handshake.client_error() << handshake.server_error();
    return handshake.was_shown(certificate);
  }
  static SslCtxPtr client_of(const char* signature_algorithms, int version) {
    SslCtxPtr context = client_context();
    limit_to(context, version);
    EXPECT_EQ(SSL_CTX_set1_sigalgs_list(context.get(), signature_algorithms), 1);
    return context;
  }
};

TEST_F(ServerContextsTest, ShowTheCertificateOfTheName) {
  const auto a = serve({"a.example"});
  const auto b = serve({"b.example", "c.example"});
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "a.example", a));
  EXPECT_TRUE(shows(*contexts, "b.example", b));
  EXPECT_TRUE(shows(*contexts, "c.example", b));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(ServerContextsTest, TellWhenTheFirstCertificateOfAFileEnds) {
  auto spec = test::authority_spec("Short");
  spec.not_after = std::chrono::hours(24 * 30);
  const auto issuer = ca.issue(spec);
  serve_with(issuer.issue(test::server_spec({"a.example"})), {issuer});
  EXPECT_EQ(load()->certificates().at(0).not_after, not_after(issuer.certificate()));
}

TEST_F(ServerContextsTest, ShowTheFirstForNamesThatNoneHas) {
  const auto a = serve({"a.example"});
  serve({"b.example"});
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "x.example", a));
  EXPECT_TRUE(shows(*contexts, "", a));
  EXPECT_TRUE(contexts->covers("b.example"));
  EXPECT_FALSE(contexts->covers("x.example"));
  EXPECT_FALSE(contexts->covers(""));
}

TEST_F(ServerContextsTest, ShowAnExactNameBeforeAWildcard) {
  serve({"z.example"});
  const auto any = serve({"*.b.example"});
  const auto one = serve({"one.b.example"});
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "one.b.example", one));
  EXPECT_TRUE(shows(*contexts, "two.b.example", any));
}

TEST_F(ServerContextsTest, ShowAWildcardForOneLabelOnly) {
  const auto first = serve({"z.example"});
  serve({"*.b.example"});
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "b.example", first));
  EXPECT_TRUE(shows(*contexts, "x.y.b.example", first));
  EXPECT_TRUE(contexts->covers("y.b.example"));
  EXPECT_FALSE(contexts->covers("x.y.b.example"));
}

TEST_F(ServerContextsTest, ShowTheKindOfKeyThatTheClientCanVerify) {
  const auto rsa = serve({"a.example"}, KeyKind::kRsa2048);
  const auto ecdsa = serve({"a.example"}, KeyKind::kEcP256);
  const auto ed25519 = serve({"a.example"}, KeyKind::kEd25519);
  const auto contexts = load();
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    EXPECT_TRUE(shows(*contexts, "a.example", rsa, client_of("RSA-PSS+SHA256:RSA+SHA256", version)));
    EXPECT_TRUE(shows(*contexts, "a.example", ecdsa, client_of("ECDSA+SHA256", version)));
    EXPECT_TRUE(shows(*contexts, "a.example", ed25519, client_of("ed25519", version)));
  }
  EXPECT_EQ(contexts->for_name("a.example"), contexts->for_name("")) << "the default has them all too";
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(ServerContextsTest, ShowAWildcardsKindOfKeyWhereTheExactNameHasNone) {
  const auto exact = serve({"one.b.example"}, KeyKind::kEcP256);
  const auto any = serve({"*.b.example"}, KeyKind::kRsa2048);
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "one.b.example", exact, client_of("ECDSA+SHA256", TLS1_3_VERSION)));
  EXPECT_TRUE(shows(*contexts, "one.b.example", any, client_of("RSA-PSS+SHA256", TLS1_3_VERSION)));
}

TEST_F(ServerContextsTest, UseTheFirstOfTwoWithTheSameKindOfKey) {
  const auto first = serve({"a.example", "b.example"});
  const auto second = serve({"a.example", "b.example", "c.example"});
  const auto contexts = load();
  EXPECT_TRUE(shows(*contexts, "a.example", first));
  EXPECT_TRUE(shows(*contexts, "c.example", second));
  EXPECT_THAT(warnings, ElementsAre(AllOf(HasSubstr("/cert1.pem: not used for a.example and 1 more"),
                                          HasSubstr("/cert0.pem has an ECDSA key"))));
}

TEST_F(ServerContextsTest, WarnOfACertificateThatNoClientGets) {
  serve({"a.example"});
  test::CertificateSpec spec;
  spec.ips = {"192.0.2.1"};
  serve_one_like(spec);
  load();
  EXPECT_THAT(warnings,
              ElementsAre(HasSubstr("/cert1.pem: the certificate (O=Weir tests) is for no host name")));
}

TEST_F(ServerContextsTest, SendTheChainAsItIsInTheFile) {
  const auto below = ca.issue(test::authority_spec("Below"));
  serve_with(below.issue(test::server_spec({"a.example"})), {below});
  serve_with(below.issue(test::server_spec({"b.example"})), {});
  settings.client_verify = ClientVerify::kOptional;  // and so knows `below`, which must not be sent for that
  settings.client_ca = write("ca.pem", below.pem() + ca.pem());
  const auto contexts = load();
  const SslCtxPtr client = client_context();
  for (const auto& [name, count] : {std::pair{"a.example", 2}, {"b.example", 1}}) {
    Handshake handshake(contexts->for_name(name), client.get());
    ASSERT_TRUE(handshake.run());
    EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(handshake.client())), count);
  }
}

TEST_F(ServerContextsTest, TellWhatTheCertificatesAre) {
  test::CertificateSpec spec = test::server_spec({"a.example"}, KeyKind::kRsa2048);
  spec.common_name = "A";
  serve_one_like(spec);
  const auto contexts = load();
  const auto& fact = contexts->certificates().at(0);
  EXPECT_EQ(fact.file, folder.file("cert0.pem"));
  EXPECT_THAT(fact.names, ElementsAre("a.example"));
  EXPECT_EQ(fact.subject, "CN=A,O=Weir tests");
  EXPECT_EQ(fact.key_kind, tls::KeyKind::kRsa);
  EXPECT_EQ(fact.key_bits, 2048);
  EXPECT_LT(fact.not_before, utc_now());
  EXPECT_GT(fact.not_after, utc_now());
  EXPECT_FALSE(fact.has_staple);
}

TEST_F(ServerContextsTest, TellAllErrorsAtOnce) {
  serve({"a.example"});
  settings.certificates.push_back({"/nowhere/a.pem", "/nowhere/a.key"});
  settings.certificates.push_back({"/nowhere/b.pem", "/nowhere/b.key"});
  settings.client_verify = ClientVerify::kRequired;
  settings.client_ca = "/nowhere/ca.pem";
  settings.ciphers = {"NONSENSE"};
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("/nowhere/a.pem"), HasSubstr("/nowhere/b.pem"),
                                    HasSubstr("/nowhere/ca.pem"), HasSubstr("\"NONSENSE\"")));
}

TEST_F(ServerContextsTest, NegotiateTheFirstOfTheirProtocolsThatTheClientHas) {
  serve({"a.example"});
  settings.alpn = {"h2", "http/1.1"};
  const auto contexts = load();
  const auto negotiated = [&](std::string_view wire) {
    const SslCtxPtr client = client_context();
    SSL_CTX_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(wire.data()),
                            static_cast<unsigned>(wire.size()));
    Handshake handshake(contexts->for_name(""), client.get());
    return handshake.run() ? handshake.protocol() : handshake.client_error();
  };
  EXPECT_EQ(negotiated("\x08http/1.1\x02h2"), "h2");
  EXPECT_EQ(negotiated("\x08http/1.1"), "http/1.1");
  EXPECT_EQ(negotiated("\x03"
                       "ftp"),
            "the other side's alert: no application protocol");
  EXPECT_EQ(negotiated(""), "") << "a client that offers none is served";
}

TEST_F(ServerContextsTest, LeaveProtocolsAloneWhenTheyHaveNone) {
  serve({"a.example"});
  const auto contexts = load();
  const SslCtxPtr client = client_context();
  SSL_CTX_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>("\x02h2"), 3);
  Handshake handshake(contexts->for_name(""), client.get());
  EXPECT_TRUE(handshake.run());
  EXPECT_EQ(handshake.protocol(), "");
}

TEST_F(ServerContextsTest, RefuseVersionsOlderThanTheOldest) {
  serve({"a.example"});
  const SslCtxPtr old = client_context();
  limit_to(old, TLS1_2_VERSION);
  EXPECT_TRUE(Handshake(load()->for_name(""), old.get()).run());
  settings.min_version = Version::k13;
  Handshake refused(load()->for_name(""), old.get());
  EXPECT_FALSE(refused.run());
  EXPECT_EQ(refused.server_error(), "unsupported protocol: an older version of TLS than is allowed");
  EXPECT_EQ(refused.client_error(), "the other side's alert: protocol version");
  EXPECT_TRUE(Handshake(load()->for_name(""), client_context().get()).run());
}

TEST_F(ServerContextsTest, RefuseToNegotiateAgain) {
  serve({"a.example"});
  const SslCtxPtr client = client_context();
  limit_to(client, TLS1_2_VERSION);
  Handshake handshake(load()->for_name(""), client.get());
  ASSERT_TRUE(handshake.run());
  ASSERT_EQ(SSL_renegotiate(handshake.client()), 1);
  SSL_do_handshake(handshake.client());
  static_cast<void>(handshake.run());
  EXPECT_EQ(handshake.client_error(), "no renegotiation");
}

class Ciphers : public ServerContextsTest {
 protected:
  Ciphers() { serve({"a.example"}); }

  // What a client with that list (of 1.2, or of 1.3) gets; the server's error when it gets none.
  std::string chosen(const std::string& list, int version) {
    const SslCtxPtr client = client_context();
    limit_to(client, version);
    EXPECT_EQ(version == TLS1_3_VERSION ? SSL_CTX_set_ciphersuites(client.get(), list.c_str())
                                        : SSL_CTX_set_cipher_list(client.get(), list.c_str()),
              1);
    Handshake handshake(load()->for_name(""), client.get());
    return handshake.run() ? SSL_get_cipher_name(handshake.server()) : handshake.server_error();
  }
  std::string group_of(const char* list) {
    const SslCtxPtr client = client_context();
    EXPECT_EQ(SSL_CTX_set1_groups_list(client.get(), list), 1);
    Handshake handshake(load()->for_name(""), client.get());
    return handshake.run() ? OBJ_nid2sn(static_cast<int>(SSL_get_negotiated_group(handshake.server())))
                           : handshake.server_error();
  }
};

TEST_F(Ciphers, AreForwardSecretAndAuthenticatedByDefault) {
  EXPECT_EQ(chosen("ECDHE-ECDSA-AES256-SHA:AES128-GCM-SHA256:DHE-RSA-AES128-GCM-SHA256", TLS1_2_VERSION),
            "no shared cipher");
  EXPECT_EQ(chosen("ALL", TLS1_2_VERSION), "ECDHE-ECDSA-AES128-GCM-SHA256");
  EXPECT_EQ(chosen("TLS_AES_128_GCM_SHA256", TLS1_3_VERSION), "TLS_AES_128_GCM_SHA256");
}

TEST_F(Ciphers, AreChaCha20WhereTheClientPutsItFirst) {
  EXPECT_EQ(chosen("ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256", TLS1_2_VERSION),
            "ECDHE-ECDSA-CHACHA20-POLY1305");
  EXPECT_EQ(chosen("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION),
            "ECDHE-ECDSA-AES128-GCM-SHA256");
}

TEST_F(Ciphers, AreThoseAskedForInTheirOrder) {
  settings.ciphers = {"ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256"};
  EXPECT_EQ(chosen("ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384", TLS1_2_VERSION),
            "ECDHE-ECDSA-AES256-GCM-SHA384");
  EXPECT_EQ(chosen("ECDHE-ECDSA-CHACHA20-POLY1305", TLS1_2_VERSION), "no shared cipher");
  EXPECT_EQ(chosen("TLS_AES_256_GCM_SHA384", TLS1_3_VERSION), "TLS_AES_256_GCM_SHA384")
      << "those keep their default";
}

TEST_F(Ciphers, OfTheNewestVersionAreAskedForByThemselves) {
  settings.ciphers = {"TLS_CHACHA20_POLY1305_SHA256"};
  EXPECT_EQ(chosen("TLS_CHACHA20_POLY1305_SHA256", TLS1_3_VERSION), "TLS_CHACHA20_POLY1305_SHA256");
  EXPECT_EQ(chosen("TLS_AES_128_GCM_SHA256", TLS1_3_VERSION), "no shared cipher");
  EXPECT_EQ(chosen("ALL", TLS1_2_VERSION), "ECDHE-ECDSA-AES128-GCM-SHA256") << "those keep their default";
}

TEST_F(Ciphers, ThatAreUnknownAreNamed) {
  settings.ciphers = {"ECDHE-ECDSA-AES128-GCM-SHA256",
                      "ECDHE-ECDSA-AES129-GCM-SHA256",
                      "TLS_AES_129_GCM_SHA256",
                      "!aNULL",
                      "",
                      "@SECLEVEL=0"};
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("no cipher \"ECDHE-ECDSA-AES129-GCM-SHA256\""),
                                    HasSubstr("no cipher \"TLS_AES_129_GCM_SHA256\""),
                                    HasSubstr("no cipher \"!aNULL\""), HasSubstr("no cipher \"\""),
                                    HasSubstr("\"@SECLEVEL=0\"")));
}

TEST_F(Ciphers, OfTheOlderVersionInTheNewFormAreNamedWithTheOldOne) {
  settings.ciphers = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"};
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("is called \"ECDHE-RSA-AES128-GCM-SHA256\" here")));
}

TEST_F(Ciphers, ComeWithTheGroupsAskedFor) {
  for (const char* group : {"X25519", "prime256v1", "secp384r1"}) EXPECT_EQ(group_of(group), group);
  EXPECT_THAT(group_of("P-521"), testing::StartsWith("no suitable key share"));
  settings.groups = {"secp384r1", "secp521r1"};
  EXPECT_EQ(group_of("P-521"), "secp521r1");
  EXPECT_NE(group_of("X25519"), "X25519");
  settings.groups = {"X25519", "X25520"};
  EXPECT_THAT(errors(), ElementsAre(HasSubstr("no group \"X25520\"")));
}

}  // namespace
}  // namespace weir::tls
