// Places at backends and the queue for them: never more sessions than `max_connections`, first come first
// served, and a way on for those who wait when the pool changes.
#include <gtest/gtest.h>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

const std::string kHttpCheck =
    "[pools.web.health]\ntype = \"http\"\ninterval = \"500ms\"\ntimeout = \"500ms\"\nrise = 1\n"
    "http = { path = \"/\" }\n";

// Counts the sessions that a backend has at once, as their clients see it: from the question to the end of
// the client's stream, both before its own end.
class Crowd {
 public:
  Behaviour behaviour() {
    return [this](Socket& socket) {
      if (socket.receive_some(1).ended != Ended::kNot) return;
      const std::size_t now = ++present_;
      std::size_t most = most_;
      while (now > most && !most_.compare_exchange_weak(most, now)) {
      }
      socket.send_all("name");
      socket.receive_until_end();
      --present_;
    };
  }
  std::size_t most() const { return most_; }

 private:
  std::atomic<std::size_t> present_{0};
  std::atomic<std::size_t> most_{0};
};

// One backend with one place, which is taken; and a queue.
struct OnePlace {
  CheckedBackend backend{"name"};
  WeirProcess weir;
  Held holder;

  explicit OnePlace(const std::string& pool_lines)
      : weir(configuration(backend, pool_lines)), holder(hold(weir)) {}

  static Configuration configuration(const CheckedBackend& backend, const std::string& pool_lines) {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry_with(backend.address(), "a", "max_connections = 1")};
    configuration.pool = pool_lines;
    return configuration;
  }

  // A client that asks and waits, once it is in the queue.
  Socket waiter() {
    const std::uint64_t before = pool_facts(weir).waiting;
    Socket client = weir.connect();
    client.send_all("?");
    EXPECT_TRUE(waiting_become(weir, before + 1));
    return client;
  }
};

TEST(MaxConnections, IsExactOverTheWorkersWhenAllComeAtOnce) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry_with(a.address(), "a", "max_connections = 5"),
                            entry_with(b.address(), "b", "max_connections = 3")};
  const WeirProcess weir(configuration);

  std::vector<Socket> clients(30);
  std::atomic<std::size_t> served{0};
  std::atomic<std::size_t> reset{0};
  in_parallel(15, clients.size(), [&](std::size_t i) {
    clients[i] = weir.connect();
    clients[i].try_send("?");
    const Received answer = clients[i].receive(1);
    ++(answer.ended == Ended::kNot ? served : reset);
    EXPECT_TRUE(answer.ended == Ended::kNot || answer.ended == Ended::kReset) << word(answer.ended);
  });
  EXPECT_EQ(served, 8u);
  EXPECT_EQ(reset, 22u);
  EXPECT_EQ(a.clients(), 5u);
  EXPECT_EQ(b.clients(), 3u);
  EXPECT_EQ(facts_of(weir, "a").in_flight, 5u);
  EXPECT_EQ(facts_of(weir, "b").in_flight, 3u);
  EXPECT_EQ(reasons(weir.wait_for_sessions(22)), (std::map<std::string, std::size_t>{{"pool_full", 22}}));

  clients.clear();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_backend_in_flight_sessions") == 0; }));
  EXPECT_EQ(hold_at_once(weir, 8).size(), 8u);
}

TEST(MaxConnections, IsNeverPassedByABackendsOwnCountWhileSessionsComeAndGo) {
  Crowd crowd;
  Backend backend(crowd.behaviour());
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry_with(backend.address(), "a", "max_connections = 3")};
  configuration.pool = "queue_length = 100\nqueue_timeout = \"1m\"\n";
  const WeirProcess weir(configuration);
  const Tally tally = ask_at_once(weir, 500, 16);
  EXPECT_EQ(tally.served(), 500u) << tally.failures();
  EXPECT_LE(crowd.most(), 3u);
  EXPECT_GT(weir.admin().sum("weir_pool_queued_total"), 0u) << "nobody ever had to wait";
  EXPECT_EQ(pool_facts(weir).waiting, 0u);
}

TEST(Queue, ServesInTheOrderInWhichTheyCame) {
  OnePlace place("queue_length = 10\nqueue_timeout = \"1m\"\n");
  std::vector<Socket> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(place.waiter());
  place.holder.socket.close();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(clients[i].receive_exactly(4), "name") << i;
    for (std::size_t later = i + 1; later < clients.size(); ++later)
      EXPECT_FALSE(clients[later].readable_now());
    clients[i].close();
  }
  for (const LogLine& session : place.weir.wait_for_sessions(7)) {
    EXPECT_EQ(session.text("reason"), "client_end");
    EXPECT_EQ(session.number("attempts"), 1u);
    EXPECT_LT(session.number("queue_us"), 60'000'000u);
  }
  EXPECT_EQ(place.weir.admin().sum("weir_pool_queued_total"), 6u);
  EXPECT_GT(place.weir.admin().seconds("weir_pool_queue_wait_seconds_total"), 0);
}

TEST(Queue, TurnsAwayWhoFindsItFull) {
  OnePlace place("queue_length = 2\nqueue_timeout = \"1m\"\n");
  Socket first = place.waiter();
  Socket second = place.waiter();
  Socket third = place.weir.connect();
  EXPECT_EQ(third.receive_until_end().ended, Ended::kReset);
  const LogLine session = place.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "pool_full");
  EXPECT_EQ(session.number("attempts"), 0u);
  EXPECT_EQ(place.weir.admin().sum("weir_pool_queue_refused_total"), 1u);
  EXPECT_FALSE(first.readable_now());
  EXPECT_FALSE(second.readable_now());
}

TEST(Queue, TurnsAwayWhoHasWaitedForQueueTimeout) {
  OnePlace place("queue_length = 2\nqueue_timeout = \"300ms\"\n");
  Socket client = place.weir.connect();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = place.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "queue_timeout");
  EXPECT_EQ(session.text("state"), "connect");
  EXPECT_EQ(session.number("attempts"), 0u);
  EXPECT_GE(session.number("queue_us"), 300'000u);
  EXPECT_EQ(place.weir.admin().sum("weir_pool_queue_timeouts_total"), 1u);
  EXPECT_EQ(pool_facts(place.weir).waiting, 0u);
}

TEST(Queue, ForgetsAClientThatLeavesAndServesTheNext) {
  OnePlace place("queue_length = 2\nqueue_timeout = \"1m\"\n");
  Socket leaver = place.waiter();
  Socket next = place.waiter();
  leaver.reset();
  ASSERT_TRUE(waiting_become(place.weir, 1));
  const LogLine session = place.weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_reset");
  EXPECT_EQ(place.weir.admin().sum("weir_pool_queue_left_total"), 1u);
  place.holder.socket.close();
  EXPECT_EQ(next.receive_exactly(4), "name");
}

// A client on another host, behind a link that can be cut.
class QueueOfFarClients : public OnTwoHosts {
 protected:
  static Configuration configuration(const CheckedBackend& backend) {
    Configuration configuration;
    configuration.bind = std::string(kWeirHost) + ":0";
    configuration.listener = "keepalive = \"1s\"\nuser_timeout = \"2s\"\n";
    configuration.backends = {entry_with(backend.address(), "a", "max_connections = 1")};
    configuration.pool = "queue_length = 10\nqueue_timeout = \"1m\"\n";
    return configuration;
  }
};

TEST_F(QueueOfFarClients, TellsAClientThatIsLostFromOneThatReset) {
  CheckedBackend backend("name");
  const WeirProcess weir(configuration(backend));
  const Held holder = hold(weir);
  const auto come = [&] { return as_clients([&] { return weir.connect(); }); };
  Socket resetter = come();
  ASSERT_TRUE(waiting_become(weir, 1));
  resetter.reset();
  ASSERT_TRUE(waiting_become(weir, 0));
  EXPECT_EQ(weir.wait_for_session().text("reason"), "client_reset");
  const Socket vanished = come();
  ASSERT_TRUE(waiting_become(weir, 1));
  hosts().clients().ip("link set " + hosts().interface() + " down");
  ASSERT_TRUE(waiting_become(weir, 0));
  EXPECT_EQ(reasons(weir.wait_for_sessions(2)),
            (std::map<std::string, std::size_t>{{"client_reset", 1}, {"client_lost", 1}}));
  EXPECT_EQ(weir.admin().sum("weir_pool_queue_left_total"), 2u);
}

TEST(Queue, KeepsAClientThatHasOnlyEndedItsStream) {
  OnePlace place("queue_length = 2\nqueue_timeout = \"1m\"\n");
  Socket client = place.waiter();
  client.end_stream();
  observe_for(Millis(1'500));  // longer than from one look at who waits to the next
  EXPECT_EQ(pool_facts(place.weir).waiting, 1u);
  place.holder.socket.close();
  EXPECT_EQ(client.receive_until_end().bytes, "name");
}

TEST(Queue, ManyThatLeaveWhileOthersAreServedLoseNoPlace) {
  OnePlace place("queue_length = 200\nqueue_timeout = \"1m\"\n");
  std::atomic<std::size_t> served{0};
  Background stayers([&] {
    in_parallel(8, 100, [&](std::size_t) {
      const Received answer = ask(place.weir.address(), Socket::Options{}, 4 * kPatience);
      served += answer.bytes == "name" ? 1 : 0;
    });
  });
  // These go away while they wait, or as they are being served.
  Background going([&] {
    in_parallel(8, 100, [&](std::size_t i) {
      Socket client = place.weir.connect();
      client.try_send("?");
      if (i % 3 == 0) client.receive(1, Millis(5));
      client.reset();
    });
  });
  place.holder.socket.close();
  going.join();
  stayers.join();
  EXPECT_EQ(served, 100u);
  ASSERT_TRUE(waiting_become(place.weir, 0));
  EXPECT_TRUE(eventually([&] { return facts_of(place.weir, "a").in_flight == 0; }));
  EXPECT_EQ(hold(place.weir).name, "name") << "the place is still there";
}

TEST(Queue, GoesOnAtABackendThatComesUp) {
  CheckedBackend a("a");
  CheckedBackend b("b");
  b.answer_checks(kHttpUnavailable);
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry_with(a.address(), "a", "max_connections = 1"),
                            entry_with(b.address(), "b", "max_connections = 1")};
  configuration.pool = "queue_length = 10\nqueue_timeout = \"1m\"\n";
  configuration.rest = kHttpCheck;
  const WeirProcess weir(configuration);
  ASSERT_TRUE(becomes(weir, "b", "down"));
  const Held held = hold(weir);
  EXPECT_EQ(held.name, "a");
  Socket client = weir.connect();
  client.send_all("?");
  ASSERT_TRUE(waiting_become(weir, 1));
  b.answer_checks(kHttpOk);
  EXPECT_EQ(client.receive_exactly(1), "b");
}

// A pool whose only backend has its one place taken and then goes down, with somebody in the queue.
struct GoingDown {
  CheckedBackend a{"a"};
  CheckedBackend spare{"spare"};
  WeirProcess weir;
  Held held;
  Socket waiter;

  explicit GoingDown(const std::string& fallback)
      : weir(configuration(a, spare, fallback)), held(hold(weir)), waiter(weir.connect()) {
    waiter.send_all("?");
    EXPECT_TRUE(waiting_become(weir, 1));
    a.answer_checks(kHttpUnavailable);
    EXPECT_TRUE(becomes(weir, "a", "down"));
  }

  static Configuration configuration(const CheckedBackend& a, const CheckedBackend& spare,
                                     const std::string& fallback) {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry_with(a.address(), "a", "max_connections = 1")};
    configuration.pool = "queue_length = 10\nqueue_timeout = \"1m\"\n" + fallback;
    configuration.rest = kHttpCheck + "[pools.spare]\nbackends = [" + entry(spare.address(), "spare") + "]\n";
    return configuration;
  }
};

TEST(AllDown, WhoWaitsAndWhoComesGoesToTheFallbackPool) {
  GoingDown pools("fallback_pool = \"spare\"\n");
  EXPECT_EQ(pools.waiter.receive_exactly(5), "spare");
  EXPECT_EQ(ask(pools.weir).bytes, "spare");
  const LogLine session = pools.weir.wait_for_session();
  EXPECT_EQ(session.text("pool"), "spare");
  EXPECT_EQ(session.text("backend"), "spare");
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(pool_facts(pools.weir).fallbacks, 2u);

  pools.a.answer_checks(kHttpOk);
  ASSERT_TRUE(becomes(pools.weir, "a", "up"));
  pools.held.socket.close();
  ASSERT_TRUE(eventually([&] { return facts_of(pools.weir, "a").in_flight == 0; }));
  EXPECT_EQ(ask(pools.weir).bytes, "a");
}

TEST(AllDown, WithoutAFallbackPoolWhoWaitsAndWhoComesIsReset) {
  GoingDown pools("");
  EXPECT_EQ(pools.waiter.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(ask(pools.weir).ended, Ended::kReset);
  const auto why = reasons(pools.weir.wait_for_sessions(2));
  EXPECT_EQ(why, (std::map<std::string, std::size_t>{{"no_backend", 2}}));
  EXPECT_FALSE(pools.held.socket.readable_now()) << "on_down is keep";
}

}  // namespace
}  // namespace weir::test
