// Peers that come and go in every wrong way: nothing crashes, nothing leaks, every permit comes back.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include "support/backend.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kMany = kSanitized ? 1'000 : 4'000;

Configuration configuration_for(const Backend& backend) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  return configuration;
}

// All of `sessions` have been there and closed, and have given everything back.
void expect_nothing_left(const WeirProcess& weir, std::size_t sessions) {
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_closed_total") == sessions; }));
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_sessions_open"), 0u);
  EXPECT_EQ(metrics.sum("weir_backend_in_flight_sessions"), 0u);
  EXPECT_EQ(metrics.sum("weir_connections_accepted_total"), sessions);
}

// Descriptors but for pipes.
std::size_t others_than_pipes(const WeirProcess& weir) {
  return descriptor_count(weir.pid()) - pipe_end_count(weir.pid());
}

// How many descriptors the process has open once its sessions are gone; its two workers keep pipes.
void expect_descriptors(const WeirProcess& weir, std::size_t count) {
  EXPECT_TRUE(eventually([&] { return others_than_pipes(weir) <= count; }))
      << others_than_pipes(weir) << " descriptors are open, " << count << " were before";
  EXPECT_LE(pipe_end_count(weir.pid()), 2u * 2 * 16 + 2) << "and what it was started with";
}

TEST(Abuse, ThousandsThatConnectAndCloseAtOnceLeaveNothing) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));
  const std::size_t before = others_than_pipes(weir);
  in_parallel(8, kMany, [&](std::size_t) { weir.connect().close(); });
  for (const LogLine& session : weir.wait_for_sessions(kMany)) {
    EXPECT_EQ(session.text("reason"), "client_end");
  }
  expect_nothing_left(weir, kMany);
  expect_descriptors(weir, before);
}

TEST(Abuse, ThousandsThatConnectAndResetAtOnceLeaveNothing) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));
  const std::size_t before = others_than_pipes(weir);
  in_parallel(8, kMany, [&](std::size_t i) {
    Socket client = weir.connect();
    if (i % 2 == 0) client.try_send("bytes");
    client.reset();
  });
  expect_nothing_left(weir, kMany);
  expect_descriptors(weir, before);
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_sessions_closed_total", {{"reason", "client_reset"}}),
            metrics.sum("weir_sessions_closed_total"));
}

TEST(Abuse, BackendsThatResetEveryConnectionLeaveNothing) {
  Backend backend([](Socket& socket) { socket.reset(); });
  const WeirProcess weir(configuration_for(backend));
  const std::size_t before = others_than_pipes(weir);
  std::atomic<std::size_t> resets{0};
  in_parallel(8, kMany / 4, [&](std::size_t) {
    Socket client = weir.connect();
    // An error of a socket is told once: a send that met the reset has had it.
    const bool met_by_send = client.try_send("request") == 0;
    if (met_by_send || client.receive_until_end().ended == Ended::kReset) ++resets;
  });
  EXPECT_EQ(resets, kMany / 4) << "somebody saw a clean end";
  expect_nothing_left(weir, kMany / 4);
  expect_descriptors(weir, before);
}

TEST(Abuse, AClientThatFloodsWhileTheBackendClosesLeavesNothing) {
  const std::string flood = pattern(1'000'000);
  Backend backend([](Socket& socket) {
    socket.receive_some(1'000);
    socket.send_all("enough");
    socket.close();  // with input unread: a reset
  });
  const WeirProcess weir(configuration_for(backend));
  const std::size_t before = others_than_pipes(weir);
  in_parallel(8, 200, [&](std::size_t) {
    Socket client = weir.connect();
    client.try_send(flood);
    const Received received = client.receive_until_end();
    EXPECT_NE(received.ended, Ended::kTimedOut);
  });
  expect_nothing_left(weir, 200);
  expect_descriptors(weir, before);
}

TEST(Abuse, ABackendThatFloodsWhileTheClientClosesLeavesNothing) {
  const std::string flood = pattern(1'000'000);
  Backend backend([&](Socket& socket) { socket.try_send(flood); });
  const WeirProcess weir(configuration_for(backend));
  const std::size_t before = others_than_pipes(weir);
  in_parallel(8, 200, [&](std::size_t i) {
    Socket client = weir.connect();
    client.receive_some(1'000);
    if (i % 2 == 0) {
      client.reset();
    } else {
      client.close();
    }
  });
  expect_nothing_left(weir, 200);
  expect_descriptors(weir, before);
}

TEST(Abuse, BothSidesThatFloodAndResetAtRandomMomentsLeaveNothing) {
  const std::string flood = pattern(300'000);
  std::atomic<std::size_t> turn{0};
  Backend backend([&](Socket& socket) {
    const std::size_t kind = turn++ % 4;
    if (kind != 0) socket.try_send(std::string_view(flood).substr(0, kind * 90'000), Millis(200));
    if (kind == 1) socket.end_stream();
    if (kind < 3) socket.receive(kind * 50'000, Millis(200));
    if (kind == 2) socket.reset();
  });
  Configuration configuration = configuration_for(backend);
  configuration.listener = "reset_linger = \"300ms\"\n";
  const WeirProcess weir(configuration);
  const std::size_t before = others_than_pipes(weir);
  in_parallel(8, 400, [&](std::size_t i) {
    Socket client = weir.connect();
    const std::size_t kind = i % 5;
    if (kind > 1) client.try_send(std::string_view(flood).substr(0, kind * 60'000), Millis(200));
    if (kind == 3) ::shutdown(client.fd(), SHUT_WR);  // it may have been reset by now
    if (kind != 4) client.receive(kind * 40'000, Millis(200));
    if (kind % 2 == 0) client.reset();
  });
  expect_nothing_left(weir, 400);
  expect_descriptors(weir, before);
}

TEST(Abuse, AConnectionWithoutASingleByteEndsCleanFromEitherSide) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  {
    Socket client = weir.connect();
    Socket backend = listener.accept();
    client.end_stream();
    EXPECT_EQ(backend.receive_until_end().ended, Ended::kEndOfStream);
    backend.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  }
  {
    Socket client = weir.connect();
    Socket backend = listener.accept();
    backend.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
    client.end_stream();
    EXPECT_EQ(backend.receive_until_end().ended, Ended::kEndOfStream);
  }
  const auto sessions = weir.wait_for_sessions(2);
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].text("reason"), "client_end");
  EXPECT_EQ(sessions[1].text("reason"), "backend_end");
  for (const LogLine& session : sessions) {
    EXPECT_EQ(session.number("upload") + session.number("download"), 0u);
  }
}

TEST(Abuse, AnUrgentBytePassesInItsPlaceAsAnOrdinaryOneBothWays) {
  Listener listener;
  Configuration configuration;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const auto send_around_an_urgent_byte = [](Socket& from, Socket& to) {
    from.send_all("before");
    ASSERT_EQ(::send(from.fd(), "!", 1, MSG_OOB), 1);
    from.send_all("after");
    EXPECT_EQ(to.receive_exactly(12), "before!after");
  };
  send_around_an_urgent_byte(client, backend);
  send_around_an_urgent_byte(backend, client);
}

TEST(Abuse, AClientThatResetsWhileTheBackendConnectsIsForgottenWhenItStands) {
  DeafListener deaf;
  Configuration configuration;
  configuration.backends = {entry(deaf.address())};
  configuration.pool = "connect_timeout = \"500ms\"\n";
  const WeirProcess weir(configuration);
  for (int i = 0; i < 50; ++i) weir.connect().reset();
  expect_nothing_left(weir, 50);
}

TEST(Abuse, GarbageAtTheAdminDoorHurtsNothing) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));
  for (const std::string& bytes :
       {std::string("\0\xff\r\n\r\n", 6), std::string(100'000, 'A'),
        std::string("GET /%00%zz HTTP/1.1\r\n\r\n"), std::string("\r\n\r\n"),
        std::string("POST /ready HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n")}) {
    Socket client = Socket::connect(weir.admin().address());
    client.try_send(bytes);
    client.reset();
  }
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
  EXPECT_EQ(weir.admin().get("/nothing").status, 404);
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
}

}  // namespace
}  // namespace weir::test
