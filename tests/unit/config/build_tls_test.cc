// What is refused is in the cases of case_test.
#include "config/build_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A listener with these lines; only what concerns TLS is read of them.
ListenerConfig listener_of(const std::string& lines) {
  const Node table = tree_of(lines, "conf/t");
  Problems problems;
  ListenerConfig out;
  TableReader reader(Section::kListener, table, "listeners.web", table.place, problems);
  read_tls(reader, "listeners.web", out, problems);
  EXPECT_THAT(lines_of(problems), IsEmpty());
  return out;
}

std::string terminating(const std::string& more = "") {
  return "[tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"a.pem\", key = \"a.key\" }]\n" + more;
}

TEST(BuildTls, DefaultsOfTheSchemaAreThoseOfTheModel) {
  const ListenerConfig listener = listener_of(terminating());
  const TlsConfig& tls = *listener.tls;
  const TlsConfig usual;
  EXPECT_EQ(tls.no_route, usual.no_route);
  EXPECT_EQ(tls.not_tls, usual.not_tls);
  EXPECT_EQ(tls.min_version, usual.min_version);
  EXPECT_EQ(tls.alpn, usual.alpn);
  EXPECT_EQ(tls.client_ca.value, usual.client_ca.value);
  EXPECT_EQ(tls.client_verify, usual.client_verify);
  EXPECT_EQ(tls.client_verify_depth, usual.client_verify_depth);
  EXPECT_EQ(tls.ciphers, usual.ciphers);
  EXPECT_EQ(tls.groups, usual.groups);
  EXPECT_EQ(tls.session_tickets, usual.session_tickets);
  EXPECT_EQ(tls.ticket_key_file.value, usual.ticket_key_file.value);
  EXPECT_THAT(tls.ocsp_files, IsEmpty());
  EXPECT_EQ(tls.handshake_timeout, usual.handshake_timeout);
  EXPECT_EQ(tls.max_handshakes, usual.max_handshakes);
}

TEST(BuildTls, EveryWrittenValueArrives) {
  const ListenerConfig listener = listener_of(terminating(R"(
no_route = "refuse"
not_tls = "pool"
min_version = "1.3"
alpn = ["h2", "http/1.1"]
client_ca = "clients.pem"
client_verify = "optional"
client_verify_depth = 0
ciphers = ["ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"]
groups = ["X25519", "prime256v1"]
ticket_key_file = "/run/tickets"
ocsp_files = ["a.ocsp"]
handshake_timeout = "2s"
max_handshakes = 7
)"));
  const TlsConfig& tls = *listener.tls;
  EXPECT_EQ(tls.mode, TlsMode::kTerminate);
  EXPECT_EQ(tls.no_route, Otherwise::kRefuse);
  EXPECT_EQ(tls.not_tls, Otherwise::kPool);
  EXPECT_EQ(tls.min_version, TlsVersion::k13);
  EXPECT_THAT(tls.alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(tls.client_ca.value, "conf/clients.pem");
  EXPECT_EQ(tls.client_ca.place.line, 9u);
  EXPECT_EQ(tls.client_verify, ClientVerify::kOptional);
  EXPECT_EQ(tls.client_verify_depth, 0u);
  EXPECT_THAT(tls.ciphers, ElementsAre("ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"));
  EXPECT_THAT(tls.groups, ElementsAre("X25519", "prime256v1"));
  EXPECT_EQ(tls.ticket_key_file.value, "/run/tickets");
  ASSERT_EQ(tls.ocsp_files.size(), 1u);
  EXPECT_EQ(tls.ocsp_files[0].value, "conf/a.ocsp");
  EXPECT_EQ(tls.handshake_timeout, Millis(2'000));
  EXPECT_EQ(tls.max_handshakes, 7u);
  EXPECT_FALSE(listener_of(terminating("session_tickets = false\n")).tls->session_tickets);
  EXPECT_EQ(listener_of(terminating("client_verify = \"required\"\nclient_ca = \"a\"\n")).tls->client_verify,
            ClientVerify::kRequired);
}

TEST(BuildTls, FilesOfCertificatesStandBesideTheConfigurationUnlessTheyAreAbsolute) {
  const ListenerConfig listener = listener_of(R"([tls]
mode = "terminate"
certificates = [{ chain = "a.pem", key = "../a.key" }, { chain = "/b.pem", key = "/b.pem" }]
)");
  const std::vector<CertificateConfig>& certificates = listener.tls->certificates;
  ASSERT_EQ(certificates.size(), 2u);
  EXPECT_EQ(certificates[0].chain, "conf/a.pem");
  EXPECT_EQ(certificates[0].key, "a.key");
  EXPECT_EQ(certificates[0].place.line, 3u);
  EXPECT_EQ(certificates[1].chain, "/b.pem");
  EXPECT_EQ(certificates[1].key, "/b.pem");
}

TEST(BuildTls, ARouteWithoutAModeHasThatOfItsListener) {
  const std::string routes =
      "[[routes]]\npool = \"a\"\nalpn = [\"a\"]\nmode = \"terminate\"\n"
      "[[routes]]\npool = \"b\"\nalpn = [\"b\"]\nmode = \"passthrough\"\n"
      "[[routes]]\npool = \"c\"\n[[routes]]\npool = \"d\"\nalpn = [\"d\"]\nmode = \"\"\n";
  const auto modes = [&](const std::string& listener) {
    std::vector<TlsMode> out;
    for (const RouteConfig& route : listener_of(listener + routes).routes) out.push_back(route.mode);
    return out;
  };
  const TlsMode ends = TlsMode::kTerminate;
  const TlsMode passes = TlsMode::kPassthrough;
  EXPECT_THAT(modes(terminating()), ElementsAre(ends, passes, ends, ends));
  EXPECT_THAT(modes("[tls]\nmode = \"passthrough\"\ncertificates = [{ chain = \"a\", key = \"a\" }]\n"),
              ElementsAre(ends, passes, passes, passes));
}

TEST(BuildTls, AListenerTerminatesWhenItDoesOrOneOfItsRoutes) {
  EXPECT_TRUE(listener_of(terminating()).terminates());
  EXPECT_TRUE(listener_of(terminating("[[routes]]\npool = \"a\"\nmode = \"passthrough\"\n")).terminates());
  EXPECT_TRUE(listener_of("[tls]\nmode = \"passthrough\"\ncertificates = [{ chain = \"a\", key = \"a\" }]\n"
                          "[[routes]]\npool = \"a\"\nmode = \"terminate\"\n")
                  .terminates());
  EXPECT_FALSE(listener_of("[tls]\nmode = \"passthrough\"\n[[routes]]\npool = \"a\"\n").terminates());
  EXPECT_FALSE(listener_of("").terminates());
}

}  // namespace
}  // namespace weir::config
