#include "session/handshake.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/certificates.h"
#include "unit/support.h"

namespace weir::session {
namespace {

using testing::HasSubstr;

// A handshake with a client that the test drives.
class HandshakeWithAClient : public testing::Test, public Handshake::Owner {
 protected:
  HandshakeWithAClient() {
    tls::ServerSettings settings;
    const auto paths = test::write_certificate(
        folder.path(), "own", test::TestCertificate::self_signed(test::server_spec({"a.example"})));
    settings.certificates.push_back({paths.chain, paths.key});
    auto loaded = tls::ServerContexts::load(settings, tls::TicketKeys::random());
    contexts = std::make_shared<tls::LiveContexts>(std::move(loaded.contexts));
    test::SocketPair pair = test::tcp_pair();
    far = std::move(pair.a);
    peer.fd = std::move(pair.b);
    SSL_set_fd(client.get(), far.get());
    SSL_set_connect_state(client.get());
  }
  ~HandshakeWithAClient() override { peer.watch.stop(); }

  void handshake_done() override {
    EXPECT_FALSE(done || failed) << "one outcome";
    done = true;
  }
  void handshake_failed(CloseReason reason) override {
    EXPECT_FALSE(done || failed) << "one outcome";
    failed = reason;
  }

  void begin(std::uint32_t most = 10) {
    how.emplace(contexts, base::Millis(5'000), most);
    handshake.emplace(*loop, *this, peer, *how, counters);
  }
  // What the client says first, as it is read ahead.
  std::string hello() {
    EXPECT_EQ(SSL_do_handshake(client.get()), -1);
    return test::receive(peer.fd.get());
  }
  bool over() {
    return driver.until([&] {
      SSL_do_handshake(client.get());
      return done || failed;
    });
  }
  std::uint64_t count(HandshakeNews news) const {
    return counters.handshakes[static_cast<std::size_t>(news)].value();
  }

  test::TempFolder folder;
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  std::shared_ptr<tls::LiveContexts> contexts;
  std::optional<TlsTermination> how;
  base::UniqueFd far;
  relay::Peer peer;
  ListenerCounters counters;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> client_context{SSL_CTX_new(TLS_client_method()),
                                                                         &SSL_CTX_free};
  const std::unique_ptr<SSL, decltype(&SSL_free)> client{SSL_new(client_context.get()), &SSL_free};
  std::optional<Handshake> handshake;
  bool done = false;
  std::optional<CloseReason> failed;
};

TEST_F(HandshakeWithAClient, LeavesAStreamWithThePeer) {
  begin();
  handshake->start("a.example", hello());
  EXPECT_EQ(how->handshakes.used(), 1u);
  ASSERT_TRUE(over());
  EXPECT_TRUE(done);
  EXPECT_NE(peer.stream, nullptr);
  EXPECT_EQ(peer.watch.interest(), net::Interest::kNone) << "the next one watches it";
  EXPECT_EQ(how->handshakes.used(), 0u);
  EXPECT_EQ(count(HandshakeNews::kFull), 1u);
}

TEST_F(HandshakeWithAClient, FailsWithoutAPlaceForIt) {
  begin(0);
  handshake->start("", hello());
  EXPECT_EQ(failed, CloseReason::kHandshakeLimit);
  EXPECT_EQ(count(HandshakeNews::kLimit), 1u);
}

TEST_F(HandshakeWithAClient, FailsWhereTheTwoDoNotAgree) {
  SSL_set_cipher_list(client.get(), "AES128-SHA");
  SSL_set_max_proto_version(client.get(), TLS1_2_VERSION);
  begin();
  handshake->start("", hello());
  ASSERT_TRUE(over());
  EXPECT_EQ(failed, CloseReason::kHandshake);
  EXPECT_THAT(handshake->fault(), HasSubstr("no shared cipher"));
  EXPECT_EQ(count(HandshakeNews::kFailed), 1u);
  EXPECT_EQ(peer.stream, nullptr);
}

TEST_F(HandshakeWithAClient, FailsWhenTheClientLeaves) {
  begin();
  handshake->start("", hello());
  ::shutdown(far.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] { return failed.has_value(); }));
  EXPECT_EQ(failed, CloseReason::kHandshake);
  EXPECT_THAT(handshake->fault(), HasSubstr("has left"));
  EXPECT_EQ(count(HandshakeNews::kLeft), 1u);
}

TEST_F(HandshakeWithAClient, FailsWhenTheClientResets) {
  begin();
  handshake->start("", hello());
  net::abort_connection(far);
  ASSERT_TRUE(driver.until([&] { return failed.has_value(); }));
  EXPECT_EQ(failed, CloseReason::kClientReset);
  EXPECT_EQ(count(HandshakeNews::kLeft), 1u);
}

TEST_F(HandshakeWithAClient, FailsWhenItsTimeIsOver) {
  begin();
  handshake->start("", hello());
  EXPECT_GT(handshake->deadline(), base::precise_now());
  handshake->timed_out();
  EXPECT_EQ(failed, CloseReason::kHandshakeTimeout);
  EXPECT_EQ(count(HandshakeNews::kTimeout), 1u);
  EXPECT_EQ(how->handshakes.used(), 0u);
}

TEST_F(HandshakeWithAClient, WhatHasComeByThenCounts) {
  begin();
  handshake->start("", hello());
  ASSERT_TRUE(test::eventually([&] { return SSL_do_handshake(client.get()) == 1; })) << "the client is done";
  ASSERT_TRUE(test::wait_for(peer.fd.get(), POLLIN));
  handshake->timed_out();
  EXPECT_TRUE(done) << "the loop was late, not the client";
}

}  // namespace
}  // namespace weir::session
