// Sessions that clients resume by tickets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tls/server_contexts.h"
#include "unit/tls/serving.h"

namespace weir::tls {
namespace {

class Tickets : public Serving, public testing::WithParamInterface<int> {
 protected:
  Tickets() {
    serve({"a.example"});
    limit_to(client, GetParam());
  }

  // A session of a whole handshake, with its ticket.
  SslSessionPtr first(const ServerContexts& contexts, const std::string& name = "a.example") {
    Handshake handshake(contexts.for_name(name), client.get());
    EXPECT_TRUE(handshake.run()) << handshake.server_error();
    EXPECT_FALSE(handshake.was_resumed());
    return handshake.session();
  }
  bool resumes(const ServerContexts& contexts, const SslSessionPtr& session,
               const std::string& name = "a.example") {
    Handshake handshake(contexts.for_name(name), client.get());
    handshake.resume(session);
    EXPECT_TRUE(handshake.run()) << handshake.server_error() << handshake.client_error();
    last = handshake.session();
    has_peer = X509Ptr(SSL_get1_peer_certificate(handshake.server())) != nullptr;
    verify_result = SSL_get_verify_result(handshake.server());
    return handshake.was_resumed();
  }
  static std::string ticket_of(const SslSessionPtr& session) {
    const unsigned char* ticket = nullptr;
    std::size_t size = 0;
    SSL_SESSION_get0_ticket(session.get(), &ticket, &size);
    return {reinterpret_cast<const char*>(ticket), size};
  }
  static TicketKey key_of(const SslSessionPtr& session) {
    TicketKey key;
    const std::string ticket = ticket_of(session);
    EXPECT_GE(ticket.size(), key.name.size());
    std::copy_n(ticket.begin(), key.name.size(), key.name.begin());
    return key;
  }
  // Makes as if some time had gone by: the next key takes over then.
  void turn_keys(std::chrono::minutes after) {
    EXPECT_TRUE(keys->for_new_ticket(base::coarse_now() + after));
  }

  // From the next load on, and the client has one.
  void ask_for_certificates() {
    settings.client_verify = ClientVerify::kRequired;
    settings.client_ca = write("ca.pem", ca.pem());
    use(client, ca.issue(test::client_spec("c")));
  }

  const SslCtxPtr client = client_context();
  SslSessionPtr last;
  bool has_peer = false;
  long verify_result = X509_V_OK;
};

TEST_P(Tickets, AreResumedByTheNextContextsWithTheSameKeys) {
  const auto session = first(*load());
  EXPECT_TRUE(resumes(*load(), session));
}

TEST_P(Tickets, AreNotResumedWithOtherKeys) {
  const auto session = first(*load());
  keys = TicketKeys::random();
  EXPECT_FALSE(resumes(*load(), session));
}

TEST_P(Tickets, AreResumedAndRenewedAfterTheKeyHasTurned) {
  const auto contexts = load();
  const auto session = first(*contexts);
  turn_keys(std::chrono::minutes(61));
  EXPECT_TRUE(resumes(*contexts, session));
  EXPECT_NE(key_of(last).name, key_of(session).name) << "the ticket is of the new key";
  EXPECT_TRUE(resumes(*contexts, last));
}

TEST_P(Tickets, AreNotResumedAfterTheirKeyHasEnded) {
  const auto contexts = load();
  const auto session = first(*contexts);
  turn_keys(std::chrono::minutes(181));
  EXPECT_FALSE(resumes(*contexts, session));
}

TEST_P(Tickets, FollowKeysThatAreReplacedUnderContexts) {
  const auto contexts = load();
  std::vector<std::string> ignored;
  const std::string file = write("tickets", std::string(80, 'a'));
  keys->replace(**TicketKeys::from_file(file, ignored));
  const auto session = first(*contexts);
  EXPECT_EQ(key_of(session).name[0], 'a');
  write("tickets", std::string(80, 'b') + std::string(80, 'a'));
  keys->replace(**TicketKeys::from_file(file, ignored));
  EXPECT_TRUE(resumes(*contexts, session));
  EXPECT_EQ(key_of(last).name[0], 'b');
  write("tickets", std::string(80, 'c'));
  keys->replace(**TicketKeys::from_file(file, ignored));
  EXPECT_FALSE(resumes(*contexts, last));
}

TEST_P(Tickets, AreNotMadeWhenTheyAreOff) {
  const auto with = first(*load());
  settings.session_tickets = false;
  keys.reset();
  const auto contexts = load();
  const auto without = first(*contexts);
  EXPECT_FALSE(SSL_SESSION_has_ticket(without.get()));
  EXPECT_FALSE(resumes(*contexts, without));
  EXPECT_FALSE(resumes(*contexts, with));
}

TEST_P(Tickets, LiveForTwoHours) {
  const auto session = first(*load());
  EXPECT_EQ(SSL_SESSION_get_ticket_lifetime_hint(session.get()), 7200U);
}

TEST_P(Tickets, AreNotResumedForAnotherServersName) {
  serve({"b.example"});
  const auto contexts = load();
  const auto session = first(*contexts, "a.example");
  EXPECT_FALSE(resumes(*contexts, session, "b.example"));
  EXPECT_TRUE(resumes(*contexts, session, "a.example"));
}

TEST_P(Tickets, KeepTheClientsCertificate) {
  ask_for_certificates();
  const auto contexts = load();
  const auto session = first(*contexts);
  EXPECT_TRUE(resumes(*contexts, session));
  EXPECT_TRUE(has_peer);
  EXPECT_EQ(verify_result, X509_V_OK);
}

// With each new ticket of TLS 1.3 the time would begin anew, and nobody would look at the certificate again.
// In TLS 1.2 the session keeps its own time.
TEST_P(Tickets, OfClientsWithACertificateAreNotRenewedWhenTheKeyHasTurned) {
  ask_for_certificates();
  const auto contexts = load();
  const auto session = first(*contexts);
  turn_keys(std::chrono::minutes(61));
  last = nullptr;
  EXPECT_TRUE(resumes(*contexts, session));
  if (GetParam() == TLS1_3_VERSION) {
    EXPECT_TRUE(last == nullptr || key_of(last).name == key_of(session).name) << "another ticket came";
  }
}

TEST_P(Tickets, DoNotBringAClientPastADemandThatIsNew) {
  const auto before = first(*load());
  ask_for_certificates();
  const auto demanding = load();
  EXPECT_FALSE(resumes(*demanding, before));
}

TEST_P(Tickets, EndWithTheAuthorityThatVouchedForTheClient) {
  settings.client_verify = ClientVerify::kOptional;
  settings.client_ca = write("ca.pem", ca.pem());
  const auto session = first(*load());
  settings.client_ca = write("ca.pem", TestCertificate::authority("New").pem());
  EXPECT_FALSE(resumes(*load(), session));
}

INSTANTIATE_TEST_SUITE_P(OfVersion, Tickets, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) { return version.param == TLS1_2_VERSION ? "12" : "13"; });

}  // namespace
}  // namespace weir::tls
