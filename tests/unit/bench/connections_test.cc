#include "load/connections.h"

#include <gtest/gtest.h>

#include <functional>

#include "support/listener.h"

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

}  // namespace
}  // namespace weir::load
