#include "server/listener_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/certificates.h"
#include "unit/support.h"

namespace weir::server {
namespace {

using test::server_spec;
using testing::HasSubstr;

// A listener that ends TLS with one certificate, for a.example.
class TlsOfAListener : public testing::Test {
 protected:
  TlsOfAListener() {
    listener.name = "web";
    listener.tls.emplace();
    listener.tls->mode = config::TlsMode::kTerminate;
    listener.tls->place = {"weir.toml", 7, 1};
    add("a", authority.issue(server_spec({"a.example"})));
  }
  void add(const std::string& name, const test::TestCertificate& certificate) {
    const auto paths = test::write_certificate(folder.path(), name, certificate, {authority});
    listener.tls->certificates.push_back({{}, paths.chain, paths.key});
  }
  void route(const std::string& name, config::TlsMode mode = config::TlsMode::kTerminate) {
    config::RouteConfig one;
    one.mode = mode;
    one.server_names.push_back({name, {"weir.toml", 9, 1}});
    listener.routes.push_back(one);
  }
  std::string problems() {
    std::string text;
    for (const config::Problem& problem : found) text += config::to_string(problem) + "\n";
    return text;
  }

  test::TempFolder folder;
  const test::TestCertificate authority = test::TestCertificate::authority();
  config::ListenerConfig listener;
  config::Problems found;
};

TEST_F(TlsOfAListener, IsBuiltWithItsLimits) {
  listener.tls->max_handshakes = 7;
  listener.tls->handshake_timeout = base::Millis(300);
  const ListenerTls built = build_listener_tls(listener, found);
  ASSERT_NE(built.termination, nullptr) << problems();
  EXPECT_EQ(built.termination->handshakes.limit(), 7u);
  EXPECT_EQ(built.termination->handshake_timeout, base::Millis(300));
  EXPECT_NE(built.tickets, nullptr);
  EXPECT_EQ(built.termination->contexts->current()->certificates().size(), 1u);
}

TEST_F(TlsOfAListener, ThatPassesThroughIsNone) {
  listener.tls->mode = config::TlsMode::kPassthrough;
  EXPECT_EQ(build_listener_tls(listener, found).termination, nullptr);
  EXPECT_TRUE(found.empty());
}

TEST_F(TlsOfAListener, SaysWhichListenerAndFileIsWrong) {
  listener.tls->certificates[0].key = folder.file("none.key");
  EXPECT_EQ(build_listener_tls(listener, found).termination, nullptr);
  EXPECT_THAT(problems(), HasSubstr("weir.toml:7:1: error: listeners.web.tls: "));
  EXPECT_THAT(problems(), HasSubstr("none.key"));
}

TEST_F(TlsOfAListener, SaysThatATicketFileIsWrong) {
  listener.tls->ticket_key_file.value = test::write_file(folder.path(), "tickets", "too short", 0600);
  EXPECT_EQ(build_listener_tls(listener, found).tickets, nullptr);
  EXPECT_THAT(problems(), HasSubstr("error: listeners.web.tls: "));
  EXPECT_THAT(problems(), HasSubstr("80"));
}

TEST_F(TlsOfAListener, WarnsOfRoutesThatNoCertificateIsFor) {
  route("a.example");
  route("b.example");
  route("*.c.example");
  route("d.example", config::TlsMode::kPassthrough);
  EXPECT_NE(build_listener_tls(listener, found).termination, nullptr);
  ASSERT_EQ(found.size(), 2u) << problems();
  EXPECT_EQ(found[0].severity, config::Severity::kWarning);
  EXPECT_THAT(problems(), HasSubstr("weir.toml:9:1: warning: listeners.web.routes: no certificate is for "
                                    "\"b.example\""));
  EXPECT_THAT(problems(), HasSubstr("\"*.c.example\""));
}

TEST_F(TlsOfAListener, AWildcardIsForOneOfACertificate) {
  add("wild", authority.issue(server_spec({"*.c.example"})));
  route("*.c.example");
  EXPECT_NE(build_listener_tls(listener, found).termination, nullptr);
  EXPECT_TRUE(found.empty()) << problems();
}

TEST_F(TlsOfAListener, IsReadAgainAsAWhole) {
  const ListenerTls live = build_listener_tls(listener, found);
  const auto before = live.termination->contexts->current();
  auto spec = server_spec({"a.example"});
  spec.common_name = "renewed";
  test::write_certificate(folder.path(), "a", authority.issue(spec));
  const ReloadedTls fresh = reload_listener_tls(listener, live);
  ASSERT_NE(fresh.contexts, nullptr);
  EXPECT_EQ(live.termination->contexts->current(), before) << "not before it is put in force";
  put_in_force(fresh, live);
  EXPECT_THAT(live.termination->contexts->current()->certificates()[0].subject, HasSubstr("renewed"));
}

TEST_F(TlsOfAListener, IsRenewedWithoutTheOcspResponseOfTheOldCertificate) {
  const auto old = authority.issue(server_spec({"a.example"}));
  test::write_certificate(folder.path(), "a", old, {authority});
  listener.tls->ocsp_files.push_back(
      {test::write_file(folder.path(), "a.ocsp", authority.ocsp_response(old)), {}});
  const ListenerTls live = build_listener_tls(listener, found);
  EXPECT_TRUE(live.termination->contexts->current()->certificates()[0].has_staple);
  test::write_certificate(folder.path(), "a", authority.issue(server_spec({"a.example"})), {authority});
  const ReloadedTls fresh = reload_listener_tls(listener, live);
  ASSERT_NE(fresh.contexts, nullptr);
  EXPECT_FALSE(fresh.contexts->certificates()[0].has_staple);
  ASSERT_EQ(fresh.problems.size(), 1u);
  EXPECT_THAT(config::to_string(fresh.problems[0]), HasSubstr("a.ocsp: the OCSP response is about none"));
}

TEST_F(TlsOfAListener, ReadAgainWithAMistakeBringsNothing) {
  const ListenerTls live = build_listener_tls(listener, found);
  test::write_file(folder.path(), "a.pem", authority.issue(server_spec({"a.example"})).pem());
  const ReloadedTls fresh = reload_listener_tls(listener, live);
  EXPECT_EQ(fresh.contexts, nullptr) << "the key is the old one's";
  EXPECT_TRUE(config::has_error(fresh.problems));
}

TEST_F(TlsOfAListener, EveryFileIsNamed) {
  listener.tls->client_ca.value = "ca.pem";
  listener.tls->ticket_key_file.value = "tickets";
  listener.tls->ocsp_files.push_back({"a.ocsp", {}});
  listener.tls->certificates.push_back({{}, "both.pem", "both.pem"});
  EXPECT_THAT(tls_files(*listener.tls), testing::ElementsAre(folder.file("a.pem"), folder.file("a.key"),
                                                             "both.pem", "ca.pem", "tickets", "a.ocsp"));
}

}  // namespace
}  // namespace weir::server
