#include <gtest/gtest.h>

#include <optional>

#include "relay/relay.h"
#include "unit/relay/coded_stream.h"
#include "unit/support.h"

namespace weir::relay {
namespace {

using test::coded;

const std::string kAsks(1, test::kStreamAsks);

// client ~~ [client's stream | relay | backend's stream] ~~ backend: which side has one is a parameter.
class RelayOverStreams : public testing::TestWithParam<Side>, public Relay::Owner {
 protected:
  RelayOverStreams() {
    test::SocketPair left = test::tcp_pair();
    test::SocketPair right = test::tcp_pair();
    peer(Side::kClient).fd = std::move(left.a);
    peer(Side::kBackend).fd = std::move(right.a);
    far[0] = std::move(left.b);
    far[1] = std::move(right.b);
    Peer& with = peer(streamed);
    with.stream = std::make_unique<test::CodedStream>(with.fd.get());
  }

  void relay_moved(Side, std::uint64_t) override {}
  void relay_half_closed() override { ++half_closed; }
  void relay_lingers() override {}
  void relay_ended(Ending how) override {
    ending = how;
    for (Peer& one : peers) how.cause == EndCause::kFinished ? one.close() : one.abort();
  }

  Peer& peer(Side side) { return peers[static_cast<std::size_t>(side)]; }
  test::CodedStream& stream() { return static_cast<test::CodedStream&>(*peer(streamed).stream); }
  int coded_end() const { return far[static_cast<std::size_t>(streamed)].get(); }
  int plain_end() const { return far[static_cast<std::size_t>(other(streamed))].get(); }
  // On the side of the stream. Once it is full it stays so until something is taken: no acknowledgement of
  // the other host makes room.
  void use_unix_socket() {
    test::SocketPair pair = test::unix_pair();
    Peer& with = peer(streamed);
    with.fd = std::move(pair.a);
    with.is_tcp = false;
    with.stream = std::make_unique<test::CodedStream>(with.fd.get());
    far[static_cast<std::size_t>(streamed)] = std::move(pair.b);
  }
  void start(net::BufferPool& pool) {
    services.emplace(Relay::Services{*loop, pool, pipes, wheel});
    relay.emplace(*services, *this, peers[0], peers[1]);
    relay->start({base::Millis(5'000), {}, {}});
  }
  void start() { start(buffers); }
  // What has come out at `fd` by the time that there are `size` bytes.
  std::string take(int fd, std::size_t size) {
    std::string got;
    EXPECT_TRUE(driver.until([&] {
      char buffer[16 * 1024];
      const ssize_t n = ::recv(fd, buffer, std::min(sizeof(buffer), size - got.size()), 0);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      return got.size() >= size;
    }));
    return got;
  }
  bool has_ended_stream(int fd) {
    return driver.until([fd] {
      char c = 0;
      return ::recv(fd, &c, 1, 0) == 0;
    });
  }
  bool ended() {
    return driver.until([this] { return ending.has_value(); });
  }
  // All of `data` goes in at one end and comes out at the other as `expected`.
  void carry(int in, const std::string& data, int out, const std::string& expected) {
    std::size_t given = 0;
    std::string got;
    EXPECT_TRUE(driver.until([&] {
      given += test::send_some(in, std::string_view(data).substr(given));
      char buffer[16 * 1024];
      const ssize_t n = ::recv(out, buffer, sizeof(buffer), 0);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      return got.size() >= expected.size();
    }));
    EXPECT_TRUE(got == expected) << "of " << expected.size() << " came " << got.size();
  }
  static std::string bulk() {
    std::string data;
    for (int i = 0; data.size() < 3'000'000; ++i) data += std::to_string(i) + ",";
    return data;
  }

  const Side streamed = GetParam();
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  net::BufferPool buffers{8};
  net::PipePool pipes{4};
  base::UniqueFd far[2];
  Peer peers[2];
  int half_closed = 0;
  std::optional<Ending> ending;
  net::TimerWheel wheel{base::precise_now()};
  std::optional<Relay::Services> services;
  std::optional<Relay> relay;
};

INSTANTIATE_TEST_SUITE_P(Sides, RelayOverStreams, testing::Values(Side::kClient, Side::kBackend),
                         [](const auto& side) { return side.param == Side::kClient ? "Client" : "Backend"; });

TEST_P(RelayOverStreams, CarriesBytesBothWays) {
  start();
  test::send_some(plain_end(), "question");
  EXPECT_EQ(take(coded_end(), 8), coded("question"));
  test::send_some(coded_end(), coded("answer"));
  EXPECT_EQ(take(plain_end(), 6), "answer");
  EXPECT_EQ(relay->upload().bytes + relay->download().bytes, 14u);
}

// And is no news until then: a far side that begins to say something and falls silent is quiet.
TEST_P(RelayOverStreams, SendsWhatWaitsForAWordOnceThatHasCome) {
  start();
  stream().must_hear = true;
  test::send_some(plain_end(), "question");
  EXPECT_TRUE(driver.until([&] { return relay->upload().blocked || relay->download().blocked; }));
  driver.turns(3);
  EXPECT_FALSE(relay->has_news());
  test::send_some(coded_end(), coded("answer"));
  EXPECT_EQ(take(coded_end(), 8), coded("question"));
  EXPECT_EQ(take(plain_end(), 6), "answer");
}

TEST_P(RelayOverStreams, SendsWhatWaitsForAnotherTurn) {
  start();
  stream().turns_to_wait = 3;
  test::send_some(plain_end(), "question");
  EXPECT_EQ(take(coded_end(), 8), coded("question"));
}

// What the far side says comes when the loop has told its news: the send reads it all, and the socket has
// nothing to tell then.
TEST_P(RelayOverStreams, ReadsOnWhatASendHasRead) {
  start();
  driver.turns(3);
  stream().must_hear = true;
  stream().meanwhile = [this] {
    test::send_some(coded_end(), coded("answer"));
    EXPECT_TRUE(test::wait_for(peer(streamed).fd.get(), POLLIN));
  };
  test::send_some(plain_end(), "question");
  EXPECT_EQ(take(coded_end(), 8), coded("question"));
  EXPECT_EQ(take(plain_end(), 6), "answer");
}

TEST_P(RelayOverStreams, TakesAllThatTheStreamHasKept) {
  net::BufferPool one{1};
  start(one);
  const std::string data = bulk().substr(0, 200'000);
  carry(coded_end(), coded(data), plain_end(), data);
}

TEST_P(RelayOverStreams, TakesManyRecordsThatCameBeforeItBegan) {
  stream().most_at_once = 1;
  char first = 0;
  test::send_some(coded_end(), coded("a hundred bytes, of which each is a record"));
  ASSERT_TRUE(test::wait_for(peer(streamed).fd.get(), POLLIN));
  ASSERT_EQ(stream().receive(&first, 1), 1) << "now the socket has nothing to tell any more";
  services.emplace(Relay::Services{*loop, buffers, pipes, wheel});
  relay.emplace(*services, *this, peers[0], peers[1]);
  // Of a backend's stream the connector says so.
  relay->start({base::Millis(5'000), {}, {}}, {.read = streamed == Side::kBackend});
  EXPECT_EQ(take(plain_end(), 41), " hundred bytes, of which each is a record");
}

TEST_P(RelayOverStreams, CarriesBulkThroughAFullSocket) {
  for (Peer& one : peers) test::shrink_send_buffer(one.fd.get());
  start();
  const std::string data = bulk();
  carry(plain_end(), data, coded_end(), coded(data));
  carry(coded_end(), coded(data), plain_end(), data);
}

TEST_P(RelayOverStreams, CarriesBulkWithoutABuffer) {
  net::BufferPool none{0};
  for (Peer& one : peers) test::shrink_send_buffer(one.fd.get());
  start(none);
  const std::string data = bulk();
  carry(plain_end(), data, coded_end(), coded(data));
  carry(coded_end(), coded(data), plain_end(), data);
}

TEST_P(RelayOverStreams, TellsTheStreamsEndAndHearsOfIt) {
  start();
  ASSERT_EQ(::shutdown(plain_end(), SHUT_WR), 0);
  EXPECT_EQ(take(coded_end(), 1), std::string(1, test::kStreamEnd));
  EXPECT_EQ(half_closed, 1);
  test::send_some(coded_end(), coded("late") + test::kStreamEnd);
  EXPECT_EQ(take(plain_end(), 4), "late");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
  EXPECT_EQ(ending->side, other(streamed)) << "who ended first";
  EXPECT_TRUE(has_ended_stream(plain_end()));
  EXPECT_TRUE(has_ended_stream(coded_end()));
}

TEST_P(RelayOverStreams, TheStreamMayEndFirst) {
  start();
  test::send_some(coded_end(), std::string(1, test::kStreamEnd));
  EXPECT_TRUE(has_ended_stream(plain_end()));
  EXPECT_EQ(half_closed, 1);
  test::send_some(plain_end(), "still");
  EXPECT_EQ(take(coded_end(), 5), coded("still"));
  ASSERT_EQ(::shutdown(plain_end(), SHUT_WR), 0);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
  EXPECT_EQ(take(coded_end(), 1), std::string(1, test::kStreamEnd));
}

TEST_P(RelayOverStreams, TheEndWaitsForASocketThatIsFull) {
  test::fill_up(peer(streamed).fd.get());
  start();
  ASSERT_EQ(::shutdown(plain_end(), SHUT_WR), 0);
  const Direction& towards = streamed == Side::kClient ? relay->download() : relay->upload();
  ASSERT_TRUE(driver.until([&] { return towards.blocked; }));
  EXPECT_EQ(half_closed, 0);
  EXPECT_FALSE(stream().has_ended);
  std::string got;
  ASSERT_TRUE(driver.until([&] {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(coded_end(), buffer, sizeof(buffer), 0);
    if (n > 0) got.assign(buffer, static_cast<std::size_t>(n));
    return half_closed == 1 && n <= 0;
  }));
  EXPECT_EQ(got.back(), test::kStreamEnd);
}

// Nobody sends anything to that side meanwhile, so that it is the read alone that waits for room.
TEST_P(RelayOverStreams, AReadThatWaitsForRoomToAnswerGoesOnOnceThereIsSome) {
  use_unix_socket();
  const std::size_t before = test::fill_up(peer(streamed).fd.get());
  start();
  test::send_some(coded_end(), kAsks + coded("go on"));
  ASSERT_TRUE(driver.until([&] { return stream().wants_write(); }));
  test::send_some(coded_end(), coded("!"));
  ASSERT_TRUE(test::wait_for(peer(streamed).fd.get(), POLLIN));
  driver.turns(3);
  EXPECT_FALSE(relay->has_news()) << "what can be read is none before there is room";
  EXPECT_EQ(take(coded_end(), before + 1).back(), test::kStreamAnswers);
  EXPECT_EQ(take(plain_end(), 5), "go on");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kBroken) << "what came after that has been read too";
}

TEST_P(RelayOverStreams, WhatIsBrokenIsSaidAndTheOtherSideReset) {
  start();
  test::send_some(coded_end(), coded("before!"));
  EXPECT_EQ(take(plain_end(), 6), "before");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kBroken);
  EXPECT_EQ(ending->side, streamed);
}

TEST_P(RelayOverStreams, AStreamThatIsCutIsBroken) {
  start();
  test::send_some(coded_end(), coded("half"));
  ASSERT_EQ(::shutdown(coded_end(), SHUT_WR), 0);
  EXPECT_EQ(take(plain_end(), 4), "half");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kBroken);
}

TEST_P(RelayOverStreams, AResetOfTheStreamsSocketIsOne) {
  start();
  base::UniqueFd& gone = far[static_cast<std::size_t>(streamed)];
  net::abort_connection(gone);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, streamed);
}

}  // namespace
}  // namespace weir::relay
