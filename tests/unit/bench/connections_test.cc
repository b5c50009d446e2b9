#include "load/connections.h"

#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "support/listener.h"
#include "support/tls_socket.h"

namespace weir::load {
namespace {

using base::Millis;

Connections one_to(const base::Address& target) {
  Clients clients;
  clients.target = target;
  return std::move(*Connections::create(clients));
}

class ConnectionsTest : public ::testing::Test {
 protected:
  // Asks, and is answered.
  test::Socket ask() {
    load_.ask(base::precise_now());
    test::Socket server = listener_.accept();
    server.receive_some();
    server.send_all("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n");
    EXPECT_TRUE(wait_until([&] { return load_.unanswered() == 0; }));
    EXPECT_EQ(load_.tally().requests, 1u);
    return server;
  }

  bool wait_until(const std::function<bool()>& holds) {
    return test::eventually([&] {
      load_.wait(Millis(0));
      return holds();
    });
  }

  test::Listener listener_;
  Connections load_ = one_to(listener_.address());
};

TEST_F(ConnectionsTest, BytesThatNobodyAskedForAreAnError) {
  test::Socket server = ask();
  server.send_all("more");
  EXPECT_TRUE(wait_until([&] { return load_.lost() == 1; }));
  EXPECT_EQ(load_.tally().read_errors, 1u);
}

TEST_F(ConnectionsTest, MayEndWhenNobodyUsesThem) {
  ask().close();
  EXPECT_TRUE(wait_until([&] { return load_.lost() == 1; }));
  EXPECT_EQ(load_.tally().read_errors, 0u);
}

constexpr const char* kAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

bool answers_all(Connections& load) {
  return test::eventually([&] {
    load.wait(Millis(0));
    return load.unanswered() == 0;
  });
}

TEST(HelloTest, GoesBeforeTheFirstRequestOnly) {
  test::Listener listener;
  Clients clients;
  clients.target = listener.address();
  clients.says_hello = true;
  Connections load = std::move(*Connections::create(clients));
  load.ask(base::precise_now());
  test::Socket server = listener.accept();
  const std::string first = server.receive_some().bytes;
  EXPECT_TRUE(first.starts_with("\x16\x03")) << "no record of a handshake";
  EXPECT_NE(first.find("bench.example"), std::string::npos);
  EXPECT_TRUE(first.ends_with("\r\n\r\n"));
  server.send_all(kAnswer);
  ASSERT_TRUE(answers_all(load));
  load.ask(base::precise_now());
  EXPECT_TRUE(server.receive_some().bytes.starts_with("GET / "));
}

// What comes of requests to a server of TLS that knows no session any more.
Tally ask_a_forgetful_server(Handshakes handshakes, std::size_t count) {
  test::Listener listener;
  Clients clients;
  clients.target = listener.address();
  clients.tls = handshakes;
  clients.is_one_request_each = true;
  Connections load = std::move(*Connections::create(clients));
  const auto own = test::TestCertificate::self_signed(test::server_spec({"bench.example"}));
  test::TlsOptions options;
  options.own = &own;
  for (std::size_t i = 0; i < count; ++i) {
    std::thread server([&] {
      test::TlsSocket tls = test::TlsSocket::accept(listener.accept(), options);
      tls.receive_some();
      if (tls.try_send(kAnswer)) tls.end_stream();
    });
    load.ask(base::precise_now());
    EXPECT_TRUE(answers_all(load));
    server.join();
  }
  return load.tally();
}

TEST(TlsTest, AHandshakeInFullIsWhatIsAskedFor) {
  const Tally tally = ask_a_forgetful_server(Handshakes::kFull, 3);
  EXPECT_EQ(tally.requests, 3u);
  EXPECT_EQ(tally.read_errors, 0u);
}

TEST(TlsTest, ASessionThatIsNotResumedIsAnError) {
  const Tally tally = ask_a_forgetful_server(Handshakes::kResumed, 2);
  EXPECT_EQ(tally.requests, 1u);
  EXPECT_EQ(tally.read_errors, 1u);
}

}  // namespace
}  // namespace weir::load
