// One side may end its stream while the other goes on: nothing is cut, nothing is lost, and a connection that
// falls silent after that has a timeout of its own.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kAnswer = 200'000;

TEST(HalfClose, AClientThatEndsItsStreamGetsTheWholeAnswerThatComesAfterIt) {
  const std::string answer = pattern(kAnswer);
  Backend backend(answers_after_end(answer));
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all("request");
  client.end_stream();
  const Received received = client.receive_until_end();
  EXPECT_TRUE(received.bytes == answer) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kEndOfStream);

  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(session.text("state"), "half_closed");
  EXPECT_EQ(session.number("upload"), 7u);
  EXPECT_EQ(session.number("download"), kAnswer);
}

TEST(HalfClose, ABackendThatEndsItsStreamGetsAllThatTheClientSendsAfterIt) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  Socket backend = listener.accept();
  backend.send_all("greeting");
  backend.end_stream();
  const Received greeting = client.receive_until_end();
  EXPECT_EQ(greeting.bytes, "greeting");
  EXPECT_EQ(greeting.ended, Ended::kEndOfStream);

  const std::string upload = pattern(kAnswer);
  Background sender([&] {
    client.send_all(upload);
    client.end_stream();
  });
  const Received received = backend.receive_until_end();
  sender.join();
  EXPECT_TRUE(received.bytes == upload) << received.bytes.size() << " bytes";
  EXPECT_EQ(received.ended, Ended::kEndOfStream);

  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_end");
  EXPECT_EQ(session.text("state"), "half_closed");
  EXPECT_EQ(session.number("upload"), kAnswer);
  EXPECT_EQ(session.number("download"), 8u);
}

TEST(HalfClose, AnEndOfStreamThatComesBeforeTheBackendStandsIsNotLost) {
  Backend backend([](Socket& socket) {
    const Received request = socket.receive_until_end();
    if (request.ended == Ended::kEndOfStream) socket.send_all("answer to " + request.bytes);
  });
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);

  std::atomic<int> answered{0};
  in_parallel(4, 100, [&](std::size_t i) {
    const std::string request = "request " + std::to_string(i);
    Socket client = weir.connect();
    client.send_all(request);
    client.end_stream();
    const Received received = client.receive_until_end();
    if (received.bytes == "answer to " + request && received.ended == Ended::kEndOfStream) ++answered;
  });
  EXPECT_EQ(answered, 100);
}

TEST(HalfClose, AnEndOfStreamWaitsForABackendThatAnswersItsSynLate) {
  DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address())};
  configuration.pool = "connect_timeout = \"60s\"\n";
  const WeirProcess weir(configuration);

  std::vector<Socket> clients;
  for (int i = 0; i < 100; ++i) {
    clients.push_back(weir.connect());
    clients.back().send_all("request");
    clients.back().end_stream();
  }
  // Every client's end of stream is with Weir, and no backend connection stands.
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 100; }));
  EXPECT_EQ(weir.admin().sum("weir_backend_sessions_total"), 0u);

  Listener& backend = deaf.open();
  Background server([&] {
    std::vector<Background> serving;
    for (int i = 0; i < 100; ++i) {
      serving.emplace_back([socket = backend.accept()]() mutable { answers_after_end("answer")(socket); });
    }
  });
  int answered = 0;
  for (Socket& client : clients) {
    const Received received = client.receive_until_end();
    if (received.bytes == "answer" && received.ended == Ended::kEndOfStream) ++answered;
  }
  server.join();
  EXPECT_EQ(answered, 100);
  for (const LogLine& session : weir.wait_for_sessions(100)) {
    EXPECT_EQ(session.text("reason"), "client_end");
    EXPECT_EQ(session.number("attempts"), 1u);
  }
}

constexpr Millis kTimeout{500};
const std::string kTimeoutLine = "half_close_timeout = \"500ms\"\n";

TEST(HalfCloseTimeout, ASteadyDownloadMayLastThreeTimesAsLong) {
  // A pause is a twentieth of the timeout: a busy machine may stretch it a lot.
  constexpr int kPieces = 3 * 2'000 / 100 + 1;
  Backend backend([](Socket& socket) {
    socket.receive_until_end();
    for (int i = 0; i < kPieces; ++i) {
      socket.send_all("piece");
      observe_for(Millis(100));  // the pace of the download
    }
  });
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = "half_close_timeout = \"2s\"\n";
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all("request");
  client.end_stream();
  const Received received = client.receive_until_end();
  EXPECT_EQ(received.bytes.size(), kPieces * 5u);
  EXPECT_EQ(received.ended, Ended::kEndOfStream);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_GE(session.number("duration_us"), 3u * 2'000'000u);
}

TEST(HalfCloseTimeout, ASilentConnectionIsCutAndBothSidesSeeAReset) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  configuration.listener = kTimeoutLine;
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all("request");
  client.end_stream();
  Socket backend = listener.accept();
  EXPECT_EQ(backend.receive_until_end().bytes, "request");
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  // Its reading side has ended already, so the backend is told when it writes.
  EXPECT_TRUE(eventually([&] { return backend.try_send("x") == 0; }));

  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "half_close_timeout");
  EXPECT_EQ(session.text("state"), "half_closed");
  EXPECT_GE(session.number("duration_us"), 500'000u - 4'000u);  // counted on the kernel's coarse clock
}

TEST(HalfCloseTimeout, DoesNotConcernAConnectionThatIsWholeAndIdle) {
  Backend backend(echo());
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  configuration.listener = kTimeoutLine;
  const WeirProcess weir(configuration);

  Socket client = weir.connect();
  client.send_all("a");
  EXPECT_EQ(client.receive_exactly(1), "a");
  observe_for(2 * kTimeout);
  client.send_all("b");
  EXPECT_EQ(client.receive_exactly(1), "b");
}

}  // namespace
}  // namespace weir::test
