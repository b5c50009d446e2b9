#include "relay/relay.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>

#include <optional>
#include <random>

#include "unit/support.h"

namespace weir::relay {
namespace {

// client <-> [peer client | relay | peer backend] <-> backend, over TCP, with this fixture as the owner.
class RelayOverTcp : public testing::Test, public Relay::Owner {
 protected:
  RelayOverTcp() {
    test::SocketPair left = test::tcp_pair();
    client = std::move(left.a);
    client_peer.fd = std::move(left.b);
    test::SocketPair right = test::tcp_pair();
    backend_peer.fd = std::move(right.a);
    backend = std::move(right.b);
  }
  ~RelayOverTcp() override {
    client_peer.watch.stop();
    backend_peer.watch.stop();
  }

  void relay_moved(Side, std::uint64_t) override {
    EXPECT_FALSE(ending.has_value()) << "called after the last call";
    ++moved;
  }
  void relay_half_closed() override {
    EXPECT_FALSE(ending.has_value()) << "called after the last call";
    ++half_closed;
  }
  void relay_lingers() override {
    EXPECT_FALSE(ending.has_value()) << "called after the last call";
    ++lingered;
  }
  void relay_ended(Ending how) override {
    EXPECT_FALSE(ending.has_value()) << "ended twice";
    ending = how;
    if (how.cause == EndCause::kFinished) {
      client_peer.close();
      backend_peer.close();
      return;
    }
    client_peer.abort();
    backend_peer.abort();
  }

  void start(base::Millis reset_linger = base::Millis(5'000)) { relay.start({reset_linger, {}, {}}); }
  [[nodiscard]] bool ended() {
    return driver.until([this] { return ending.has_value(); });
  }
  // Runs the loop and turns the wheel until `condition` holds.
  [[nodiscard]] bool turn_until(const std::function<bool()>& condition) {
    return driver.until([&] {
      wheel.advance(base::precise_now());
      return condition();
    });
  }
  // Runs the loop until `size` bytes have come out at `fd`.
  std::string take(int fd, std::size_t size) {
    std::string got;
    EXPECT_TRUE(driver.until([&] {
      char buffer[16 * 1024];
      const ssize_t n = ::recv(fd, buffer, std::min(sizeof(buffer), size - got.size()), 0);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      return got.size() >= size;
    })) << "of "
        << size << " came " << got.size();
    return got;
  }
  bool has_ended_stream(int fd) {
    return driver.until([fd] {
      char c = 0;
      return ::recv(fd, &c, 1, 0) == 0;
    });
  }
  int error_of(int fd) {
    int error = 0;
    EXPECT_TRUE(driver.until([&] {
      char buffer[16 * 1024];
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n < 0 && errno != EAGAIN) error = errno;
      return n == 0 || error != 0;
    }));
    return error;
  }
  // Both directions are blocked or idle, and the client's bytes no longer move.
  void block_upload() {
    test::shrink_send_buffer(backend_peer.fd.get());
    const std::string block(16 * 1024, 'u');
    // For good: what was on its way has arrived in the backend's receive queue.
    std::uint64_t before = 0;
    int turns_at_rest = 0;
    ASSERT_TRUE(driver.until([&] {
      if (!relay.upload().blocked) test::send_some(client.get(), block);
      const std::uint64_t now = relay.upload().bytes;
      turns_at_rest = relay.upload().blocked && now == before ? turns_at_rest + 1 : 0;
      before = now;
      return turns_at_rest == 100;
    }));
  }

  // What the backend sends fills the client's receive window and waits in the relay's socket; none is on its
  // way to the relay any more.
  std::size_t send_more_than_the_client_takes() {
    const std::string data(1'000'000, 'w');
    std::size_t given = 0;
    EXPECT_TRUE(driver.until([&] {
      given += test::send_some(backend.get(), std::string_view(data).substr(given));
      return relay.download().bytes == data.size();
    }));
    EXPECT_GT(net::unacknowledged_bytes(client_peer.fd.get()), 0);
    return given;
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  net::BufferPool buffers{8};
  net::PipePool pipes{4};
  base::UniqueFd client;
  base::UniqueFd backend;
  Peer client_peer;
  Peer backend_peer;
  int moved = 0;
  int half_closed = 0;
  int lingered = 0;
  std::optional<Ending> ending;
  net::TimerWheel wheel{base::precise_now()};
  const Relay::Services services{*loop, buffers, pipes, wheel};
  Relay relay{services, *this, client_peer, backend_peer};
};

TEST_F(RelayOverTcp, CarriesBytesBothWays) {
  test::send_some(client.get(), "question");
  start();
  EXPECT_EQ(take(backend.get(), 8), "question");
  test::send_some(backend.get(), "an answer");
  EXPECT_EQ(take(client.get(), 9), "an answer");
  EXPECT_EQ(relay.upload().bytes, 8u);
  EXPECT_EQ(relay.download().bytes, 9u);
  EXPECT_GE(moved, 2);
  EXPECT_FALSE(ending.has_value());
}

TEST_F(RelayOverTcp, CarriesAHalfCloseOfTheClientAndThenTheAnswer) {
  start();
  test::send_some(client.get(), "all I have");
  ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
  EXPECT_EQ(take(backend.get(), 10), "all I have");
  EXPECT_TRUE(has_ended_stream(backend.get()));
  EXPECT_EQ(half_closed, 1);
  EXPECT_FALSE(ending.has_value());
  test::send_some(backend.get(), "late answer");
  EXPECT_EQ(take(client.get(), 11), "late answer");
  backend.reset();
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
  EXPECT_EQ(ending->side, Side::kClient) << "who ended first";
  EXPECT_TRUE(has_ended_stream(client.get()));
}

TEST_F(RelayOverTcp, CarriesAHalfCloseOfTheBackendAndThenTheUpload) {
  start();
  test::send_some(backend.get(), "greeting");
  ASSERT_EQ(::shutdown(backend.get(), SHUT_WR), 0);
  EXPECT_EQ(take(client.get(), 8), "greeting");
  EXPECT_TRUE(has_ended_stream(client.get()));
  EXPECT_EQ(half_closed, 1);
  test::send_some(client.get(), "still going");
  EXPECT_EQ(take(backend.get(), 11), "still going");
  client.reset();
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_TRUE(has_ended_stream(backend.get()));
}

TEST_F(RelayOverTcp, EndsOnceWhenBothHalvesWereClosedBeforeItStarted) {
  test::send_some(client.get(), "a");
  test::send_some(backend.get(), "b");
  ::shutdown(client.get(), SHUT_WR);
  ::shutdown(backend.get(), SHUT_WR);
  start();
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
  EXPECT_EQ(take(backend.get(), 1), "a");
  EXPECT_EQ(take(client.get(), 1), "b");
  EXPECT_EQ(half_closed, 1);
}

TEST_F(RelayOverTcp, StopsReadingASourceWhoseTargetIsFullAndGoesOnWhenItIsNot) {
  start();
  EXPECT_EQ(backend_peer.watch.interest(), net::Interest::kRead) << "nobody waits to write";
  block_upload();
  EXPECT_EQ(backend_peer.watch.interest(), net::Interest::kBoth);
  test::send_some(backend.get(), "meanwhile");
  EXPECT_EQ(take(client.get(), 9), "meanwhile") << "the download goes on";
  const std::uint64_t before = relay.upload().bytes;
  const int waiting = net::unread_bytes(client_peer.fd.get());
  test::send_some(client.get(), "more");
  driver.turns(20);
  EXPECT_EQ(relay.upload().bytes, before);
  EXPECT_GE(net::unread_bytes(client_peer.fd.get()), waiting) << "the client has to wait";
  // The backend reads: everything flows again.
  take(backend.get(), before);
  ASSERT_TRUE(driver.until([&] {
    char buffer[64 * 1024];
    static_cast<void>(::recv(backend.get(), buffer, sizeof(buffer), 0));
    return !relay.upload().blocked && relay.upload().bytes > before;
  }));
}

// A read stops at an urgent byte, and gives less than is there.
TEST_F(RelayOverTcp, GoesOnBehindUrgentData) {
  const int inline_urgent = 1;
  ASSERT_EQ(
      ::setsockopt(client_peer.fd.get(), SOL_SOCKET, SO_OOBINLINE, &inline_urgent, sizeof(inline_urgent)), 0);
  start();
  for (int i = 0; i < 3; ++i) {
    test::send_some(client.get(), "before");
    ASSERT_EQ(::send(client.get(), "!", 1, MSG_OOB), 1);
    test::send_some(client.get(), "behind");
    ASSERT_TRUE(test::wait_for(client_peer.fd.get(), POLLPRI));
    EXPECT_EQ(take(backend.get(), 13), "before!behind");
  }
}

// Edges come once: what was there before the relay began to watch must not be lost between its first look and
// that.
TEST_F(RelayOverTcp, TakesMoreThanATurnsShareThatWaitedBeforeTheStart) {
  const std::string data(1'000'000, 's');
  std::size_t given = 0;
  while (const std::size_t n = test::send_some(client.get(), std::string_view(data).substr(given)))
    given += n;
  ASSERT_GT(given, 400'000u) << "more than a turn's share";
  ::shutdown(client.get(), SHUT_WR);
  start();
  EXPECT_EQ(take(backend.get(), given).size(), given);
  EXPECT_TRUE(has_ended_stream(backend.get()));
}

TEST_F(RelayOverTcp, LosesNothingBothWaysAtOnceWithFewBuffersAndSlowReaders) {
  test::shrink_send_buffer(client_peer.fd.get());
  test::shrink_send_buffer(backend_peer.fd.get());
  start();
  std::mt19937 random(5);
  std::string up(700'000, '\0');
  std::string down(500'000, '\0');
  for (char& c : up) c = static_cast<char>(random());
  for (char& c : down) c = static_cast<char>(random());
  std::size_t up_given = 0;
  std::size_t down_given = 0;
  std::string up_got;
  std::string down_got;
  const auto read_a_little = [&](int fd, std::string& into) {
    char buffer[9'000];
    const ssize_t n = ::recv(fd, buffer, 1 + random() % sizeof(buffer), 0);
    if (n > 0) into.append(buffer, static_cast<std::size_t>(n));
  };
  std::vector<net::Buffer> held_by_others;
  ASSERT_TRUE(driver.until(
      [&] {
        // Sometimes all buffers are with others.
        if (random() % 8 == 0) held_by_others.clear();
        if (random() % 8 == 0) {
          while (net::Buffer buffer = buffers.acquire()) held_by_others.push_back(std::move(buffer));
        }
        up_given += test::send_some(client.get(), std::string_view(up).substr(up_given));
        down_given += test::send_some(backend.get(), std::string_view(down).substr(down_given));
        for (int i = 0; i < 4; ++i) {
          read_a_little(backend.get(), up_got);
          read_a_little(client.get(), down_got);
        }
        return up_got.size() == up.size() && down_got.size() == down.size();
      },
      base::Millis(60'000)));
  EXPECT_TRUE(up_got == up);
  EXPECT_TRUE(down_got == down);
  held_by_others.clear();
  client.reset();
  backend.reset();
  ASSERT_TRUE(ended());
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_F(RelayOverTcp, PassesAResetOfTheClientOn) {
  start();
  net::abort_connection(client);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kClient);
  EXPECT_EQ(error_of(backend.get()), ECONNRESET);
}

TEST_F(RelayOverTcp, PassesAResetOfTheBackendOn) {
  start();
  net::abort_connection(backend);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

TEST_F(RelayOverTcp, DeliversWhatCameBeforeAReset) {
  const std::string answer(200'000, 'r');
  std::size_t given = 0;
  start();
  ASSERT_TRUE(driver.until([&] {
    given += test::send_some(backend.get(), std::string_view(answer).substr(given));
    return given == answer.size() && net::unacknowledged_bytes(backend.get()) == 0;
  }));
  net::abort_connection(backend);
  EXPECT_EQ(take(client.get(), answer.size()), answer);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

// A server that answers and closes with the request half read: the kernel resets, and the write that meets
// the reset takes the error; reading then shows a plain end. The client must see the answer, and then no
// clean end.
TEST_F(RelayOverTcp, AResetThatAWriteMetIsNotTakenForAnEndOfStream) {
  start();
  test::send_some(client.get(), "first");
  EXPECT_EQ(take(backend.get(), 5), "first");
  // The relay sees nothing of this before the loop runs; the client's bytes come first.
  test::send_some(client.get(), "rest of the request");
  ASSERT_TRUE(test::wait_for(client_peer.fd.get(), POLLIN));
  ASSERT_EQ(test::send_some(backend.get(), "answer"), 6u);
  ASSERT_TRUE(test::wait_for(backend_peer.fd.get(), POLLIN));
  net::abort_connection(backend);
  ASSERT_TRUE(test::wait_for(backend_peer.fd.get(), POLLHUP));
  EXPECT_EQ(take(client.get(), 6), "answer");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

TEST_F(RelayOverTcp, AResetThatAWriteMetAfterTheAnswerIsNotTakenForAnEndOfStream) {
  start();
  ASSERT_EQ(test::send_some(backend.get(), "answer"), 6u);
  ASSERT_TRUE(test::wait_for(backend_peer.fd.get(), POLLIN));
  net::abort_connection(backend);
  ASSERT_TRUE(test::wait_for(backend_peer.fd.get(), POLLHUP));
  test::send_some(client.get(), "rest of the request");
  ASSERT_TRUE(test::wait_for(client_peer.fd.get(), POLLIN));
  EXPECT_EQ(take(client.get(), 6), "answer");
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

TEST_F(RelayOverTcp, WaitsForTheSurvivorToTakeEverythingBeforeItIsReset) {
  start(base::Millis(60'000));
  const std::size_t given = send_more_than_the_client_takes();
  net::abort_connection(backend);
  ASSERT_TRUE(driver.until([&] { return lingered > 0 || ending.has_value() || relay.download().blocked; }));
  driver.turns(20);
  EXPECT_FALSE(ending.has_value()) << "the client has not taken everything yet";
  EXPECT_EQ(take(client.get(), given).size(), given);
  ASSERT_TRUE(ended());
  EXPECT_EQ(lingered, 1);
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

TEST_F(RelayOverTcp, GivesTheSurvivorNoMoreTimeThanResetLinger) {
  start(base::Millis(30));
  send_more_than_the_client_takes();
  net::abort_connection(backend);
  const base::TimePoint begun = base::precise_now();
  ASSERT_TRUE(ended()) << "the client never reads";
  EXPECT_EQ(lingered, 1);
  EXPECT_GE(base::precise_now() - begun, base::Millis(30));
  EXPECT_EQ(ending->cause, EndCause::kReset);
}

TEST_F(RelayOverTcp, DoesNotLingerForASurvivorThatDiesMeanwhile) {
  start(base::Millis(3'600'000));
  send_more_than_the_client_takes();
  net::abort_connection(backend);
  ASSERT_TRUE(driver.until([&] { return lingered == 1; }));
  net::abort_connection(client);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->side, Side::kBackend) << "the first fault is the cause";
}

TEST_F(RelayOverTcp, EndsOnceWhenBothSidesAreResetAtOnce) {
  start();
  test::send_some(client.get(), "x");
  test::send_some(backend.get(), "y");
  net::abort_connection(client);
  net::abort_connection(backend);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  driver.turns(10);
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_F(RelayOverTcp, EndsOnceWhenBothSidesAreResetWhileItIsBlocked) {
  start();
  block_upload();
  net::abort_connection(client);
  net::abort_connection(backend);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  driver.turns(10);
  EXPECT_EQ(buffers.outstanding(), 0u);
}

TEST_F(RelayOverTcp, AResetAfterAHalfCloseIsAReset) {
  start();
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] { return half_closed == 1; }));
  net::abort_connection(backend);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

// After its end of stream the client is not read any more: its reset is looked for when the loop tells of it.
TEST_F(RelayOverTcp, TheResetOfASideThatHadEndedIsPassedOnAtOnce) {
  start();
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] { return half_closed == 1; }));
  driver.turns(5);
  EXPECT_FALSE(ending.has_value()) << "it lives";
  net::abort_connection(client);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kClient);
  // The end of the stream had come before.
  EXPECT_TRUE(test::wait_for(backend.get(), POLLHUP));
}

TEST_F(RelayOverTcp, TheResetOfASideThatHasToWaitIsHeardAndWhatItSentIsDelivered) {
  start(base::Millis(60'000));
  block_upload();
  EXPECT_EQ(lingered, 0) << "it lives";
  ASSERT_TRUE(driver.until([&] { return net::unacknowledged_bytes(client.get()) == 0; }));
  const std::size_t waiting = static_cast<std::size_t>(net::unread_bytes(client_peer.fd.get()));
  net::abort_connection(client);
  ASSERT_TRUE(driver.until([&] { return lingered == 1; }));
  const std::size_t sent = relay.upload().bytes + relay.upload().held.size() + waiting;
  EXPECT_EQ(take(backend.get(), sent).size(), sent);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kClient);
  EXPECT_EQ(error_of(backend.get()), ECONNRESET);
}

// The client has ended its stream and taken the backend's: its socket is closed as it should be, while its
// last bytes still wait for the backend.
TEST_F(RelayOverTcp, ACleanEndOfASideThatHasToWaitIsNotTakenForAReset) {
  start();
  block_upload();
  while (const std::size_t n = test::send_some(client.get(), "tail")) static_cast<void>(n);
  ::shutdown(backend.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] { return half_closed == 1; }));
  ASSERT_TRUE(has_ended_stream(client.get()));
  client.reset();
  std::size_t taken = 0;
  const auto read_some = [&] {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(backend.get(), buffer, sizeof(buffer), 0);
    if (n > 0) taken += static_cast<std::size_t>(n);
    return n == 0;
  };
  ASSERT_TRUE(driver.until(read_some));
  EXPECT_EQ(lingered, 0);
  EXPECT_EQ(taken, relay.upload().bytes);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->cause, EndCause::kFinished);
}

TEST_F(RelayOverTcp, ASlowSessionHoldsOneBufferADirectionAndAnIdleOneNone) {
  start();
  block_upload();
  EXPECT_EQ(buffers.outstanding(), 1u);
  take(backend.get(), relay.upload().bytes);
  ASSERT_TRUE(driver.until([&] {
    char buffer[64 * 1024];
    static_cast<void>(::recv(backend.get(), buffer, sizeof(buffer), 0));
    return !relay.upload().blocked && buffers.outstanding() == 0;
  }));
}

TEST_F(RelayOverTcp, ARateBoundsOneDirectionAndLeavesTheOtherAlone) {
  constexpr std::uint64_t kRate = 1'000'000;
  const base::TimePoint begun = base::precise_now();
  relay.start({base::Millis(5'000), base::Rate{kRate, std::chrono::seconds(1)}, {}});
  const std::string data(400'000, 'd');
  std::size_t up = 0;
  std::size_t down = 0;
  std::string up_got;
  std::string down_got;
  const auto read_into = [](int fd, std::string& got) {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
    if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
  };
  bool down_came_first = false;
  ASSERT_TRUE(turn_until([&] {
    up += test::send_some(client.get(), std::string_view(data).substr(up));
    down += test::send_some(backend.get(), std::string_view(data).substr(down));
    read_into(backend.get(), up_got);
    read_into(client.get(), down_got);
    if (down_got.size() == data.size() && up_got.size() < data.size()) down_came_first = true;
    const auto passed = static_cast<std::uint64_t>((base::precise_now() - begun).count());
    // A tick's worth is there at the beginning; the clock above is read after the bytes.
    EXPECT_LE(up_got.size(), kRate * passed / 1'000'000'000 + kRate * 64 / 1000 + 1);
    return up_got.size() == data.size();
  }));
  EXPECT_TRUE(down_came_first);
  EXPECT_TRUE(up_got == data);
  EXPECT_TRUE(down_got == data);
}

TEST_F(RelayOverTcp, AnEndOfStreamAndAResetWaitForTheirTurnBehindTheRate) {
  relay.start({base::Millis(60'000), {}, base::Rate{200'000, std::chrono::seconds(1)}});
  const std::string answer(50'000, 'a');
  ASSERT_EQ(test::send_some(backend.get(), answer), answer.size());
  ASSERT_TRUE(turn_until([&] { return net::unacknowledged_bytes(backend.get()) == 0; }));
  net::abort_connection(backend);
  std::string got;
  int error = 0;
  ASSERT_TRUE(turn_until([&] {
    char buffer[64 * 1024];
    const ssize_t n = ::recv(client.get(), buffer, sizeof(buffer), 0);
    if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN) error = errno;
    return n == 0 || error != 0;
  }));
  EXPECT_TRUE(got == answer) << got.size();
  EXPECT_EQ(error, ECONNRESET);
}

TEST_F(RelayOverTcp, AStoppedRelayMovesNothingWhenItsRestIsOver) {
  relay.start({base::Millis(5'000), base::Rate{1'000, std::chrono::seconds(1)}, {}});
  const std::string data(10'000, 's');
  ASSERT_EQ(test::send_some(client.get(), data), data.size());
  ASSERT_TRUE(turn_until([&] { return relay.upload().resting; }));
  relay.stop();
  client_peer.watch.stop();
  backend_peer.watch.stop();
  const std::uint64_t moved_so_far = relay.upload().bytes;
  EXPECT_EQ(wheel.size(), 0u);
  driver.turns(5);
  EXPECT_EQ(relay.upload().bytes, moved_so_far);
}

TEST(Side, HasAnOther) {
  EXPECT_EQ(other(Side::kClient), Side::kBackend);
  EXPECT_EQ(other(Side::kBackend), Side::kClient);
}

constexpr std::string_view kHeader = "PROXY UNKNOWN\r\n";

TEST_F(RelayOverTcp, SendsItsPrefaceBeforeAnythingElse) {
  test::send_some(client.get(), " world");
  relay.start({}, {}, Preface(std::string(kHeader), "hello"));
  EXPECT_EQ(take(backend.get(), kHeader.size() + 11), std::string(kHeader) + "hello world");
  EXPECT_EQ(relay.upload().bytes, 11u) << "the header is not the client's";
}

TEST_F(RelayOverTcp, SendsItsPrefaceAlsoToABackendThatSpeaksFirst) {
  test::send_some(backend.get(), "greeting");
  relay.start({}, {}, Preface(std::string(kHeader), ""));
  EXPECT_EQ(take(backend.get(), kHeader.size()), kHeader) << "though the client says nothing";
  EXPECT_EQ(take(client.get(), 8), "greeting");
  EXPECT_EQ(relay.upload().bytes, 0u);
}

TEST_F(RelayOverTcp, EndsTheStreamBehindThePreface) {
  ::shutdown(client.get(), SHUT_WR);
  relay.start({}, {}, Preface(std::string(kHeader), "all of it"));
  EXPECT_EQ(take(backend.get(), kHeader.size() + 9), std::string(kHeader) + "all of it");
  EXPECT_TRUE(has_ended_stream(backend.get()));
}

TEST_F(RelayOverTcp, HoldsTheClientBackUntilAPrefaceIsOutThatTheBackendTakesSlowly) {
  test::shrink_send_buffer(backend_peer.fd.get());
  std::string large(4'000'000, 'p');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  test::send_some(client.get(), "after it");
  relay.start({}, {}, Preface(std::string(kHeader), large));
  EXPECT_TRUE(relay.upload().blocked);
  driver.turns(5);
  EXPECT_EQ(net::unread_bytes(client_peer.fd.get()), 8) << "the client waits";
  const std::string got = take(backend.get(), kHeader.size() + large.size() + 8);
  EXPECT_TRUE(got == std::string(kHeader) + large + "after it");
  EXPECT_EQ(relay.upload().bytes, large.size() + 8);
}

TEST_F(RelayOverTcp, DropsAPrefaceWhoseBackendIsReset) {
  test::shrink_send_buffer(backend_peer.fd.get());
  relay.start({}, {}, Preface(std::string(kHeader), std::string(4'000'000, 'p')));
  ASSERT_TRUE(relay.upload().blocked);
  test::send_some(client.get(), "more");
  net::abort_connection(backend);
  ASSERT_TRUE(ended());
  EXPECT_EQ(ending->cause, EndCause::kReset);
  EXPECT_EQ(ending->side, Side::kBackend);
}

TEST_F(RelayOverTcp, CountsWhatWasReadAheadTowardsTheRate) {
  Relay::Settings slow;
  slow.upload_rate = base::Rate{1'000, std::chrono::seconds(1)};
  test::send_some(client.get(), std::string(500, 'x'));
  relay.start(slow, {}, Preface("", std::string(1'000, 'a')));
  EXPECT_EQ(take(backend.get(), 1'000), std::string(1'000, 'a')) << "it is here already, and goes on at once";
  driver.turns(5);
  EXPECT_EQ(relay.upload().bytes, 1'000u) << "a second's worth is used up";
}

}  // namespace
}  // namespace weir::relay
