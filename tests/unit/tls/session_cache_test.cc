#include "tls/session_cache.h"

#include <gtest/gtest.h>

#include "tls/client_context.h"
#include "unit/tls/handshake.h"

namespace weir::tls {
namespace {

using test::server_spec;
using test::TestCertificate;

// Connections to one backend, resuming where that is possible.
class Resuming : public testing::TestWithParam<int> {
 protected:
  Resuming() {
    settings.ca = test::write_file(folder.path(), "ca.pem", ca.pem());
    use(backend, ca.issue(server_spec({"a.example", "b.example"})));
    limit_to(backend, GetParam());
    context = *ClientContext::load(settings, warnings);
  }
  static const base::Address& port(std::uint16_t number) {
    static std::map<std::uint16_t, base::Address> made;
    return made.try_emplace(number, test::loopback(number)).first->second;
  }
  // Whether a connection was made by resuming a session. With TLS 1.3 sessions come after the handshake.
  bool resumes(SslPtr client) {
    Handshake handshake(SslPtr(SSL_new(backend.get())), std::move(client));
    EXPECT_TRUE(handshake.run()) << handshake.client_error();
    char c = 0;
    EXPECT_EQ(SSL_write(handshake.server(), "x", 1), 1);
    EXPECT_EQ(SSL_read(handshake.client(), &c, 1), 1);
    return SSL_session_reused(handshake.client()) == 1;
  }
  bool resumes(const char* name, std::uint16_t at) { return resumes(context->make_resuming(name, port(at))); }

  test::TempFolder folder;
  const TestCertificate ca = TestCertificate::authority();
  SslCtxPtr backend{SSL_CTX_new(TLS_server_method())};
  ClientSettings settings;
  std::vector<std::string> warnings;
  std::shared_ptr<const ClientContext> context;
};

INSTANTIATE_TEST_SUITE_P(Versions, Resuming, testing::Values(TLS1_2_VERSION, TLS1_3_VERSION),
                         [](const auto& version) {
                           return version.param == TLS1_2_VERSION ? "Tls12" : "Tls13";
                         });

TEST_P(Resuming, ASessionIsForItsBackendAndItsName) {
  EXPECT_FALSE(resumes("a.example", 1));
  EXPECT_TRUE(resumes("a.example", 1));
  EXPECT_TRUE(resumes("a.example", 1)) << "again and again";
  EXPECT_FALSE(resumes("a.example", 2)) << "another backend";
  EXPECT_FALSE(resumes("b.example", 1)) << "its certificate has not been looked at for that name";
}

TEST_P(Resuming, WhoeverWantsAFullHandshakeGetsIt) {
  EXPECT_FALSE(resumes("a.example", 1));
  EXPECT_FALSE(resumes(context->make("a.example", &port(1))));
  EXPECT_TRUE(resumes("a.example", 1));
}

TEST_P(Resuming, AServerThatHasForgottenMakesAFullHandshake) {
  EXPECT_FALSE(resumes("a.example", 1));
  SslCtxPtr other(SSL_CTX_new(TLS_server_method()));
  use(other, ca.issue(server_spec({"a.example"})));
  limit_to(other, GetParam());
  backend.swap(other);
  EXPECT_FALSE(resumes("a.example", 1));
  EXPECT_TRUE(resumes("a.example", 1));
}

TEST_P(Resuming, ConnectionsOutliveTheContext) {
  SslPtr client = context->make_resuming("a.example", port(1));
  context.reset();
  EXPECT_FALSE(resumes(std::move(client)));
}

// One that may be resumed.
SslSessionPtr a_session(unsigned char number = 1) {
  SslSessionPtr session(SSL_SESSION_new());
  const unsigned char id[] = {number};
  EXPECT_EQ(SSL_SESSION_set1_id(session.get(), id, sizeof(id)), 1);
  return session;
}

TEST(SessionCache, ForgetsTheOneThatWasKeptLongestAgo) {
  SessionCache cache;
  // Their keys fall, so that those do not say which one is old.
  const auto key = [](std::size_t i) { return std::to_string(9'000'000 - i); };
  for (std::size_t i = 0; i < SessionCache::kMost; ++i) cache.keep(key(i), *a_session());
  EXPECT_NE(cache.find(key(0)), nullptr);
  cache.keep(key(0), *a_session());
  cache.keep(key(SessionCache::kMost), *a_session());
  EXPECT_NE(cache.find(key(0)), nullptr) << "it was kept again";
  EXPECT_EQ(cache.find(key(1)), nullptr);
  EXPECT_NE(cache.find(key(2)), nullptr);
  EXPECT_NE(cache.find(key(SessionCache::kMost)), nullptr);
}

TEST(SessionCache, GivesTheLastOfAServer) {
  SessionCache cache;
  cache.keep("a", *a_session(1));
  cache.keep("a", *a_session(2));
  const SslSessionPtr last = cache.find("a");
  ASSERT_NE(last, nullptr);
  unsigned size = 0;
  const unsigned char* id = SSL_SESSION_get_id(last.get(), &size);
  ASSERT_EQ(size, 1u);
  EXPECT_EQ(id[0], 2);
}

// OpenSSL marks a session that a connection has used while others may be looking at it.
TEST(SessionCache, GivesEachConnectionASessionOfItsOwn) {
  SessionCache cache;
  const SslSessionPtr given = a_session();
  cache.keep("a", *given);
  const SslSessionPtr one = cache.find("a");
  const SslSessionPtr other = cache.find("a");
  EXPECT_NE(one, given);
  EXPECT_NE(one, other);
}

TEST(SessionCache, ForgetsASessionWhoseTimeIsOver) {
  SessionCache cache;
  const SslSessionPtr session = a_session();
  SSL_SESSION_set_time(session.get(), 1'000);
  SSL_SESSION_set_timeout(session.get(), 60);
  cache.keep("a", *session);
  const auto at = [](long seconds) { return UtcTime(std::chrono::seconds(seconds)); };
  EXPECT_NE(cache.find("a", at(1'059)), nullptr);
  EXPECT_EQ(cache.find("a", at(1'060)), nullptr);
  EXPECT_EQ(cache.find("a", at(1'059)), nullptr) << "it has gone";
}

TEST(SessionCache, ForgetsTheOneOfAServer) {
  SessionCache cache;
  cache.keep("a", *a_session());
  cache.keep("b", *a_session());
  cache.forget("a");
  cache.forget("c");
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_NE(cache.find("b"), nullptr);
}

}  // namespace
}  // namespace weir::tls
