#include "net/tcp_facts.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::net {
namespace {

TEST(TcpFacts, AreWhatTheKernelHasSeen) {
  const test::SocketPair pair = test::tcp_pair();
  ASSERT_EQ(test::send_some(pair.a.get(), "hello"), 5u);
  EXPECT_EQ(test::receive(pair.b.get()), "hello");
  std::optional<TcpFacts> sender;
  ASSERT_TRUE(test::eventually([&] {
    sender = tcp_facts(pair.a.get());
    return sender && sender->bytes_acknowledged >= 5;
  }));
  EXPECT_EQ(sender->state, "established");
  EXPECT_GT(sender->rtt, base::Micros(0));
  EXPECT_GT(sender->congestion_window, 0u);
  EXPECT_GT(sender->send_segment, 500u);
  EXPECT_EQ(sender->segments_unacknowledged, 0u);
  EXPECT_EQ(sender->bytes_unsent, 0u);
  EXPECT_EQ(sender->bytes_received, 0u);
  const auto receiver = tcp_facts(pair.b.get());
  ASSERT_TRUE(receiver.has_value());
  EXPECT_EQ(receiver->bytes_received, 5u);
}

TEST(TcpFacts, TellWhatCouldNotBeSent) {
  const test::SocketPair pair = test::tcp_pair();
  test::fill_up(pair.a.get());
  const auto sender = tcp_facts(pair.a.get());
  ASSERT_TRUE(sender.has_value());
  EXPECT_GT(sender->bytes_unsent, 0u);
}

TEST(TcpFacts, FollowTheState) {
  test::SocketPair pair = test::tcp_pair();
  pair.a.reset();
  EXPECT_TRUE(test::eventually([&] { return tcp_facts(pair.b.get())->state == "close_wait"; }));
  const test::Listening listening = test::listen_on_loopback();
  EXPECT_EQ(tcp_facts(listening.fd.get())->state, "listen");
  const base::UniqueFd fresh(::socket(AF_INET, SOCK_STREAM, 0));
  EXPECT_EQ(tcp_facts(fresh.get())->state, "close");
  EXPECT_EQ(tcp_facts(fresh.get())->least_rtt, base::Micros(0)) << "nothing was measured";
}

TEST(TcpFacts, AreNoneOfWhatIsNoTcpSocket) {
  const test::SocketPair pair = test::unix_pair();
  EXPECT_FALSE(tcp_facts(pair.a.get()).has_value());
  const base::UniqueFd datagrams(::socket(AF_INET, SOCK_DGRAM, 0));
  EXPECT_FALSE(tcp_facts(datagrams.get()).has_value());
  EXPECT_FALSE(tcp_facts(-1).has_value());
}

}  // namespace
}  // namespace weir::net
