// A reader that is slow but steady gets everything, however short the timeouts are: what its host has not
// confirmed yet counts as under way. A reader that has stopped altogether is still cut.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kAnswer = 3'000'000;
constexpr Millis kTimeout{2'000};
constexpr std::uint64_t kTimeoutUs = 2'000'000;
// What a session may last beyond its timeouts on a busy machine.
constexpr std::uint64_t kLateUs = 10'000'000;
// Long enough for a backend that is held up by its reader, on any machine.
constexpr Millis kHeldUp{60'000};

struct Pace {
  std::size_t piece;
  Millis pause{50};
};
constexpr Pace kSlow{.piece = 40'000};    // 800 kB/s at most
constexpr Pace kSlower{.piece = 20'000};  // 400 kB/s at most

// A client with a small window, so that what it has not read stays in Weir's send queue.
Socket connect_slow_client(const WeirProcess& weir) {
  Socket::Options options;
  options.receive_buffer = 64 * 1024;
  return weir.connect(options);
}

// Reads at `pace` until the stream ends or `most` bytes have come.
Received read_steadily(Socket& client, Pace pace, std::size_t most = SIZE_MAX) {
  Received all;
  while (all.bytes.size() < most) {
    const Received piece = client.receive(std::min(pace.piece, most - all.bytes.size()));
    all.bytes += piece.bytes;
    all.ended = piece.ended;
    if (piece.ended != Ended::kNot) break;
    observe_for(pace.pause);  // the pace of a slow reader
  }
  return all;
}

Configuration configuration_for(const Backend& backend, const std::string& listener_lines) {
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = listener_lines;
  return configuration;
}

const std::string kHalfCloseLine = "half_close_timeout = \"2s\"\n";
const std::string kIdleLine = "idle_timeout = \"2s\"\n";

TEST(SlowReader, GetsTheWholeAnswerOfABackendThatHasClosed) {
  const std::string answer = pattern(kAnswer);
  Backend backend([&](Socket& socket) {
    socket.receive_exactly(7);
    socket.send_all(answer, kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kHalfCloseLine));

  Socket client = connect_slow_client(weir);
  client.send_all("request");
  const Received received = read_steadily(client, kSlow);
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
  client.close();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_end");
  EXPECT_EQ(session.number("download"), kAnswer);
}

TEST(SlowReader, ThatHasEndedItsOwnStreamGetsTheWholeAnswerOfABackendThatHasClosed) {
  const std::string answer = pattern(kAnswer);
  Backend backend([&](Socket& socket) {
    if (socket.receive_until_end().ended == Ended::kEndOfStream) socket.send_all(answer, kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kHalfCloseLine));

  Socket client = connect_slow_client(weir);
  client.send_all("request");
  client.end_stream();
  const Received received = read_steadily(client, kSlow);
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(session.number("download"), kAnswer);
}

TEST(SlowReader, ThatHasEndedItsOwnStreamMayReadOnForThreeTimesHalfCloseTimeout) {
  Backend backend([block = pattern(64 * 1024)](Socket& socket) {
    socket.receive_until_end();
    while (true) socket.send_all(block, kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kHalfCloseLine));

  Socket client = connect_slow_client(weir);
  client.send_all("request");
  client.end_stream();
  const auto end = Clock::now() + 3 * kTimeout;
  std::size_t read = 0;
  while (Clock::now() < end) {
    const Received piece = read_steadily(client, kSlower, kSlower.piece);
    read += piece.bytes.size();
    ASSERT_EQ(piece.ended, Ended::kNot) << "cut after " << read << " bytes";
  }
  EXPECT_TRUE(weir.sessions().empty());
  client.reset();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_GE(session.number("duration_us"), 3 * kTimeoutUs);
}

TEST(SlowReader, GetsAllThatABackendSentWhichThenFellSilentBeforeIdleTimeoutCounts) {
  constexpr std::size_t kMuch = 4'000'000;
  const std::string answer = pattern(kMuch);
  Backend backend([&](Socket& socket) {
    socket.send_all(answer, kHeldUp);
    socket.receive_until_end(kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kIdleLine));

  Socket client = connect_slow_client(weir);
  const Received received = read_steadily(client, kSlow, kMuch);
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kNot);
  // From now on nothing is under way any more.
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "idle_timeout");
  EXPECT_EQ(session.number("download"), kMuch);
}

// The bytes that the client does not take are all in the kernel's queue; the backend is silent after them.
TEST(DeadReader, IsCutByIdleTimeoutWithBytesThatItNeverConfirmed) {
  const std::string answer = pattern(1'000'000);
  Backend backend([&](Socket& socket) {
    socket.send_all(answer, kHeldUp);
    socket.receive_until_end(kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kIdleLine));

  Socket client = connect_slow_client(weir);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "idle_timeout");
  EXPECT_GE(session.number("duration_us"), kTimeoutUs - 4'000u);  // counted on the kernel's coarse clock
  EXPECT_LT(session.number("duration_us"), 2 * kTimeoutUs + kLateUs);
  const Received received = client.receive_until_end();
  EXPECT_LT(received.bytes.size(), answer.size());
  EXPECT_EQ(received.ended, Ended::kReset) << "a cut answer must not look whole";
}

// Here Weir holds bytes too, and the backend could send more.
TEST(DeadReader, OfAnEndlessDownloadIsCutByIdleTimeout) {
  Backend backend([block = pattern(64 * 1024)](Socket& socket) {
    while (true) socket.send_all(block, kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kIdleLine));

  Socket client = connect_slow_client(weir);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "idle_timeout");
  EXPECT_GE(session.number("duration_us"), kTimeoutUs - 4'000u);
  EXPECT_LT(session.number("duration_us"), 2 * kTimeoutUs + kLateUs);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
}

TEST(DeadReader, ThatHasEndedItsOwnStreamIsCutByHalfCloseTimeout) {
  Backend backend([block = pattern(64 * 1024)](Socket& socket) {
    socket.receive_until_end();
    while (true) socket.send_all(block, kHeldUp);
  });
  const WeirProcess weir(configuration_for(backend, kHalfCloseLine));

  Socket client = connect_slow_client(weir);
  client.end_stream();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "half_close_timeout");
  EXPECT_GE(session.number("duration_us"), kTimeoutUs - 4'000u);
  EXPECT_LT(session.number("duration_us"), 2 * kTimeoutUs + kLateUs);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
}

// Sends `answer`, waits until Weir's host has all of it, since an abort throws away what its own host still
// holds, and resets: `Backend` closes when this returns.
Behaviour answers_and_resets(const std::string& answer) {
  return [&answer](Socket& socket) {
    socket.send_all(answer, kHeldUp);
    socket.wait_until_delivered(kHeldUp);
    const linger at_once{1, 0};
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  };
}

const std::string kLingerLine = "reset_linger = \"1s\"\n";

TEST(SlowReader, GetsAllThatCameBeforeAResetHoweverShortResetLingerIs) {
  const std::string answer = pattern(kAnswer);
  Backend backend(answers_and_resets(answer));
  const WeirProcess weir(configuration_for(backend, kLingerLine));

  Socket client = connect_slow_client(weir);
  const Received received = read_steadily(client, kSlow);
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.number("download"), kAnswer);
}

// Which is longer here than where nothing is said of it.
TEST(DeadReader, OfABackendThatHasResetIsCutAfterResetLinger) {
  const std::string answer = pattern(1'000'000);  // fits into the queues, so that Weir comes to the reset
  Backend backend(answers_and_resets(answer));
  const WeirProcess weir(configuration_for(backend, "reset_linger = \"6s\"\n"));

  Socket client = connect_slow_client(weir);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.text("state"), "linger");
  EXPECT_GE(session.number("duration_us"), 6'000'000u - 4'000u);
  EXPECT_LT(session.number("duration_us"), 6'000'000u + 2 * kLateUs);
  const Received received = client.receive_until_end();
  EXPECT_LT(received.bytes.size(), answer.size());
  EXPECT_EQ(received.ended, Ended::kReset) << "a cut answer must not look whole";
}

}  // namespace
}  // namespace weir::test
