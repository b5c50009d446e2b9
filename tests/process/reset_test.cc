// A reset is passed on as a reset, to either side, after everything that came before it; and what peers did
// while Weir could not look is found when it looks again.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>

#include "support/backend.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

// A client and its backend with Weir between them, connected and used.
struct Pair {
  Listener listener;
  WeirProcess weir;
  Socket client;
  Socket backend;

  explicit Pair(const std::string& listener_lines = "", const Socket::Options& options = Socket::Options{})
      : weir(configuration(listener, listener_lines)),
        client(weir.connect(options)),
        backend(listener.accept()) {
    client.send_all("hello");
    EXPECT_EQ(backend.receive_exactly(5), "hello");
    backend.send_all("world");
    EXPECT_EQ(client.receive_exactly(5), "world");
  }

  static Configuration configuration(const Listener& listener, const std::string& listener_lines) {
    Configuration configuration;
    configuration.backends = {entry(listener.address())};
    configuration.listener = listener_lines;
    return configuration;
  }
};

// An end that nobody waits for must have come by then, whatever else the machine does.
constexpr std::uint64_t kSoonUs = 20'000'000;
// Far more than that.
const std::string kLongLingerLine = "reset_linger = \"60s\"\n";
// More than it is where nothing is said.
constexpr std::chrono::seconds kLinger{6};
const std::string kLingerLine = "reset_linger = \"6s\"\n";

TEST(Reset, OfTheClientReachesTheBackendAsAReset) {
  Pair pair;
  pair.client.reset();
  EXPECT_EQ(pair.backend.receive_until_end().ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_EQ(session.number("upload"), 5u);
  EXPECT_EQ(session.number("download"), 5u);
}

TEST(Reset, OfTheBackendReachesTheClientAsAReset) {
  Pair pair;
  pair.backend.reset();
  EXPECT_EQ(pair.client.receive_until_end().ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.number("upload"), 5u);
  EXPECT_EQ(session.number("download"), 5u);
}

TEST(Reset, OfTheClientAfterItsEndOfStreamIsNoticedWithTheNextBytes) {
  Pair pair;
  pair.client.end_stream();
  EXPECT_EQ(pair.backend.receive_until_end().ended, Ended::kEndOfStream);
  pair.client.reset();
  // The first bytes meet the reset; whoever goes on sending is told.
  const bool told = eventually([&] { return pair.backend.try_send("x", Millis(100)) == 0; });
  EXPECT_TRUE(told) << "the backend never saw a reset";
  EXPECT_EQ(pair.weir.wait_for_session().text("reason"), "client_reset");
}

constexpr std::size_t kAnswer = 200'000;

// Reads in small pieces what the backend has sent before its reset.
Received read_slowly(Socket& client) {
  Received all;
  while (true) {
    const Received piece = client.receive_some(2'000);
    if (piece.ended != Ended::kNot) {
      all.ended = piece.ended;
      return all;
    }
    all.bytes += piece.bytes;
    observe_for(Millis(2));  // the pace of a slow reader
  }
}

TEST(Reset, ASlowReaderGetsAllThatTheBackendSentBeforeItsResetAndThenTheReset) {
  Socket::Options small;
  small.receive_buffer = 4096;
  Pair pair(kLongLingerLine, small);
  const std::string answer = pattern(kAnswer);
  pair.backend.send_all(answer);
  pair.backend.wait_until_delivered();  // an abort throws away what its own host still holds
  pair.backend.reset();

  const Received received = read_slowly(pair.client);
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.text("state"), "linger");
  EXPECT_EQ(session.number("download"), kAnswer + 5);
}

TEST(Reset, ASlowBackendGetsAllThatTheClientSentBeforeItsReset) {
  Listener listener;
  const int small = 4096;  // accepted sockets inherit it
  ::setsockopt(listener.fd(), SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
  WeirProcess weir(Pair::configuration(listener, kLongLingerLine));
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const std::string upload = pattern(kAnswer);
  client.send_all(upload);
  client.wait_until_delivered();
  client.reset();

  const Received received = read_slowly(backend);
  EXPECT_TRUE(received.bytes == upload) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "client_reset");
}

TEST(Reset, IsPassedOnAfterResetLingerToAReaderThatDoesNotRead) {
  Socket::Options small;
  small.receive_buffer = 4096;
  Pair pair("reset_linger = \"300ms\"\n", small);
  pair.backend.send_all(pattern(kAnswer));
  pair.backend.wait_until_delivered();
  pair.backend.reset();

  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.text("state"), "linger");
  const Received received = pair.client.receive_until_end();
  EXPECT_LT(received.bytes.size(), kAnswer);
  EXPECT_EQ(received.ended, Ended::kReset) << "a cut answer must not look whole";
}

TEST(Reset, AnAnswerFromABackendThatDoesNotReadTheRequestToItsEndArrivesWhole) {
  const std::string answer = pattern(kAnswer);
  Backend backend([&](Socket& socket) {
    socket.receive_exactly(10);
    socket.send_all(answer);
    socket.wait_until_delivered();
    // Closing with unread input sends a reset instead of an end of stream.
    if (!eventually([&] { return socket.readable_now(); })) throw SocketError("no further input", 0);
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all(pattern(20'000));
  const Received received = client.receive_until_end();
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_reset");
}

TEST(Reset, AnAnswerArrivesWholeWhileTheClientKeepsSendingToABackendThatHasGone) {
  const std::string answer = pattern(kAnswer);
  Backend backend([&](Socket& socket) {
    socket.receive_exactly(10);
    socket.send_all(answer);
    socket.wait_until_delivered();
    if (!eventually([&] { return socket.readable_now(); })) throw SocketError("no further input", 0);
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  int send_error = 0;
  Background sender([&] {
    const std::string bytes = pattern(4'000'000);
    if (client.try_send(bytes) < bytes.size()) send_error = errno;  // ends with the reset
  });
  const Received received = client.receive_until_end();
  sender.join();
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  // An error of a socket is told once: when the sender was told of the reset, reading shows a plain end.
  // After an end of stream the sender would see EPIPE.
  EXPECT_TRUE(received.ended == Ended::kReset || send_error == ECONNRESET)
      << word(received.ended) << ", " << std::strerror(send_error);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_reset");
}

// Nobody writes to that client any more and it is not read either: only a look at its socket tells.
TEST(Reset, OfAClientThatHadEndedItsStreamEndsTheSessionThoughTheBackendIsSilent) {
  Pair pair;
  pair.client.end_stream();
  EXPECT_EQ(pair.backend.receive_until_end().ended, Ended::kEndOfStream);
  pair.client.reset();
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_LT(session.number("duration_us"), 2 * kSoonUs);
}

TEST(Reset, OfABackendThatFloodedAClientWhoNeverReadsEndsTheSessionAfterResetLinger) {
  Pair pair(kLingerLine);
  const std::string block = pattern(1'000'000);
  std::size_t sent = 0;
  for (std::size_t more = block.size(); more == block.size(); sent += more) {
    more = pair.backend.try_send(block, Millis(1'000));
    ASSERT_LT(sent, 256'000'000u) << "it never gets stuck";
  }
  const auto began = Clock::now();
  pair.backend.reset();
  const LogLine session = pair.weir.wait_for_session();
  const auto took = Clock::now() - began;
  EXPECT_GE(took, kLinger);
  EXPECT_LT(took, kLinger + std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.text("state"), "linger");
  const Received received = pair.client.receive_until_end();
  EXPECT_GT(received.bytes.size(), 100'000u);
  EXPECT_EQ(received.ended, Ended::kReset) << "a cut answer must not look whole";
}

// The upload is stuck, so the client is not read; the reset is found by the write of the backend's bytes.
TEST(Reset, OfAClientThatAWriteShowsWhileItsUploadIsStuckEndsTheSessionAfterResetLinger) {
  Pair pair(kLingerLine + "idle_timeout = \"60s\"\n");
  const std::string block = pattern(1'000'000);
  std::size_t sent = 0;
  for (std::size_t more = block.size(); more == block.size(); sent += more) {
    more = pair.client.try_send(block, Millis(1'000));
    ASSERT_LT(sent, 256'000'000u) << "it never gets stuck";
  }
  EXPECT_GT(sent, 100'000u);
  const auto began = Clock::now();
  pair.client.reset();
  pair.backend.send_all("12345");

  const LogLine session = pair.weir.wait_for_session();
  const auto took = Clock::now() - began;
  EXPECT_GE(took, kLinger);
  EXPECT_LT(took, kLinger + std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "client_reset");
  const Received received = pair.backend.receive_until_end();
  EXPECT_LT(received.bytes.size(), sent);
  EXPECT_EQ(received.ended, Ended::kReset) << "a cut upload must not look whole";
}

TEST(Reset, OfABackendRightAfterItsBannerReachesEveryClientBehindTheBanner) {
  const std::string banner = "-ERR max clients\r\n";
  Backend backend([&](Socket& socket) {
    socket.send_all(banner);
    const linger at_once{1, 0};  // the close that follows is a reset
    ::setsockopt(socket.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  });
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.pool = "retries = 0\n";
  const WeirProcess weir(configuration);

  constexpr std::size_t kClients = 40;
  std::atomic<std::size_t> whole{0};
  in_parallel(4, kClients, [&](std::size_t) {
    Socket client = weir.connect();
    const Received received = client.receive_until_end();
    if (received.bytes == banner && received.ended == Ended::kReset) ++whole;
  });
  EXPECT_EQ(whole, kClients);
  for (const LogLine& session : weir.wait_for_sessions(kClients)) {
    EXPECT_EQ(session.text("reason"), "backend_reset");
    EXPECT_EQ(session.number("download"), banner.size());
  }
}

TEST(WhileStopped, FiveBytesAndAResetOfTheClientEndTheSessionAtOnce) {
  Pair pair(kLongLingerLine);
  pair.weir.child().freeze();
  pair.client.send_all("12345");
  pair.client.wait_until_delivered();
  pair.client.reset();
  const auto began = Clock::now();
  pair.weir.child().go_on();

  const Received received = pair.backend.receive_until_end();
  EXPECT_EQ(received.bytes, "12345");
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_LT(Clock::now() - began, std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_EQ(session.number("upload"), 10u);
}

TEST(WhileStopped, FiveBytesAndAResetOfTheBackendEndTheSessionAtOnce) {
  Pair pair(kLongLingerLine);
  pair.weir.child().freeze();
  pair.backend.send_all("12345");
  pair.backend.wait_until_delivered();
  pair.backend.reset();
  const auto began = Clock::now();
  pair.weir.child().go_on();

  const Received received = pair.client.receive_until_end();
  EXPECT_EQ(received.bytes, "12345");
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_LT(Clock::now() - began, std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.number("download"), 10u);
}

TEST(WhileStopped, FiveBytesAndAnEndOfStreamOfTheClientArrive) {
  Pair pair;
  pair.weir.child().freeze();
  pair.client.send_all("12345");
  pair.client.end_stream();
  const auto began = Clock::now();
  pair.weir.child().go_on();

  const Received received = pair.backend.receive_until_end();
  EXPECT_EQ(received.bytes, "12345");
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
  pair.backend.close();
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_LT(Clock::now() - began, std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(session.number("upload"), 10u);
}

TEST(WhileStopped, FiveBytesAndAnEndOfStreamOfTheBackendArrive) {
  Pair pair;
  pair.weir.child().freeze();
  pair.backend.send_all("12345");
  pair.backend.close();
  const auto began = Clock::now();
  pair.weir.child().go_on();

  const Received received = pair.client.receive_until_end();
  EXPECT_EQ(received.bytes, "12345");
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
  pair.client.close();
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_LT(Clock::now() - began, std::chrono::microseconds(kSoonUs));
  EXPECT_EQ(session.text("reason"), "backend_end");
  EXPECT_EQ(session.number("download"), 10u);
}

// The write towards the side that was reset comes first and takes the socket's error with it: what that side
// had sent must be read all the same.
TEST(WhileStopped, AnAnswerAndAResetBehindBytesForTheSameBackendArriveWhole) {
  Pair pair;
  const std::string answer = pattern(50'000);
  pair.weir.child().freeze();
  pair.client.send_all("more");
  pair.backend.send_all(answer);
  pair.backend.wait_until_delivered();
  pair.backend.reset();
  pair.weir.child().go_on();

  const Received received = pair.client.receive_until_end();
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_reset");
  EXPECT_EQ(session.number("download"), 5 + answer.size());
}

TEST(WhileStopped, AnUploadAndAResetBehindBytesForTheSameClientArriveWhole) {
  Pair pair;
  const std::string upload = pattern(50'000);
  pair.weir.child().freeze();
  pair.backend.send_all("more");
  pair.client.send_all(upload);
  pair.client.wait_until_delivered();
  pair.client.reset();
  pair.weir.child().go_on();

  const Received received = pair.backend.receive_until_end();
  EXPECT_TRUE(received.bytes == upload) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kReset);
  const LogLine session = pair.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_EQ(session.number("upload"), 5 + upload.size());
}

TEST(WhileStopped, BothSidesMayResetAndOneReasonIsLogged) {
  Pair pair;
  pair.weir.child().freeze();
  pair.client.reset();
  pair.backend.reset();
  pair.weir.child().go_on();
  const std::string reason = pair.weir.wait_for_session().text("reason");
  EXPECT_TRUE(reason == "client_reset" || reason == "backend_reset") << reason;
}

}  // namespace
}  // namespace weir::test
