#include "session/connector.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "session/wake_list.h"
#include "support/namespaces.h"
#include "support/sanitizers.h"
#include "unit/session/silent.h"

namespace weir::session {
namespace {

using Backends = std::vector<std::shared_ptr<pool::Backend>>;

std::shared_ptr<pool::Backend> backend(std::string name, base::Address address,
                                       std::optional<std::uint32_t> most_sessions = std::nullopt) {
  pool::BackendIdentity identity;
  identity.name = std::move(name);
  identity.address = std::move(address);
  identity.most_sessions = most_sessions;
  return std::make_shared<pool::Backend>(std::move(identity));
}

std::shared_ptr<pool::Pool> pool_of(Backends backends, unsigned retries = 2, unsigned queue_length = 10) {
  pool::PoolSettings settings;
  settings.name = "p";
  settings.retries = retries;
  settings.connect_timeout = base::Millis(250);
  settings.queue_length = queue_length;
  settings.queue_timeout = base::Millis(700);
  return std::make_shared<pool::Pool>(std::move(settings), std::move(backends));
}

// A pool that has nothing for anybody.
std::shared_ptr<pool::Pool> pool_in_drain() {
  pool::BackendIdentity identity;
  identity.name = "x";
  identity.mode = pool::BackendMode::kDrain;
  return pool_of({std::make_shared<pool::Backend>(identity)});
}

std::uint32_t in_flight(const pool::Pool& pool, std::size_t at = 0) {
  return pool.view().backends[at].in_flight;
}

pool::Slot pick(pool::Pool& pool) {
  pool::NoPick why_not = pool::NoPick::kNone;
  return pool.pick({0, {}}, why_not);
}

// An address that refuses: its listener has just closed.
base::Address dead_address() { return test::listen_on_loopback().address; }

class Fixture : public Connector::Owner {
 public:
  Fixture() {
    loop->at_end_of_turn([this] { wakes.deliver(); });
  }
  void connector_connected() override {
    ++connected;
    EXPECT_EQ(peer.watch.interest(), net::Interest::kNone);
  }
  void connector_connected_and_reset() override { ++connected_and_reset; }
  void connector_failed(CloseReason why) override {
    ++failed;
    reason = why;
  }
  void connector_waits(base::TimePoint until) override {
    ++waits;
    deadline = until;
  }
  bool over() const { return connected + connected_and_reset + failed > 0; }
  void start(std::shared_ptr<pool::Pool> pool) { connector.start(std::move(pool), client, options); }
  [[nodiscard]] bool finish() {
    return driver.until([this] { return over(); });
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  const base::Address client = test::loopback(1234);
  net::TcpOptions options;
  relay::Peer peer;
  WakeList wakes{[] {}};
  int connected = 0;
  int connected_and_reset = 0;
  int failed = 0;
  int waits = 0;
  CloseReason reason = CloseReason::kClientEnd;
  base::TimePoint deadline;
  Connector connector{*loop, wakes, *this, peer};
};

TEST(Connector, ConnectsToTheBackendThatThePoolPicks) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  const auto pool = pool_of({a});
  {
    Fixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_EQ(f.failed, 0);
    EXPECT_TRUE(test::accept_from(listening.fd.get()));
    EXPECT_EQ(f.connector.backend(), a);
    EXPECT_EQ(f.connector.attempts(), 1);
    EXPECT_EQ(f.connector.last_error(), 0);
    EXPECT_TRUE(f.connector.connect_time().has_value());
    EXPECT_FALSE(f.connector.queue_time().has_value());
    EXPECT_EQ(in_flight(*pool), 1u);
    EXPECT_EQ(f.connector.slot().backend(), a);
    EXPECT_EQ(a->counters().sessions.value(), 1u);
    EXPECT_EQ(a->counters().attempts.value(), 1u);
    EXPECT_EQ(a->counters().failed_attempts.value(), 0u);
  }
  EXPECT_EQ(in_flight(*pool), 0u) << "the place is given back with its connector";
}

TEST(Connector, GoesToAnotherBackendWhenOneRefuses) {
  const test::Listening listening = test::listen_on_loopback();
  const auto dead = backend("dead", dead_address());
  const auto living = backend("living", listening.address);
  const auto pool = pool_of({dead, living});
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend(), living);
  EXPECT_EQ(f.connector.attempts(), 2);
  EXPECT_EQ(f.connector.last_error(), ECONNREFUSED) << "the failed attempt stays on record";
  EXPECT_EQ(dead->counters().failed_attempts.value(), 1u);
  EXPECT_EQ(dead->counters().sessions.value(), 0u);
  EXPECT_EQ(in_flight(*pool, 0), 0u);
  EXPECT_EQ(in_flight(*pool, 1), 1u);
  EXPECT_EQ(pool->counters().retries.value(), 1u);
}

TEST(Connector, TriesNoMoreThanRetriesAllowAndNoBackendTwice) {
  for (const unsigned retries : {0u, 1u, 2u, 7u}) {
    Backends dead;
    for (int i = 0; i < 5; ++i) dead.push_back(backend("d" + std::to_string(i), dead_address()));
    const auto pool = pool_of(dead, retries);
    Fixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.failed, 1);
    EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
    EXPECT_EQ(f.connector.attempts(), std::min(retries + 1, 5u));
    EXPECT_FALSE(f.peer.fd);
    for (std::size_t i = 0; i < dead.size(); ++i) {
      EXPECT_LE(dead[i]->counters().attempts.value(), 1u);
      EXPECT_EQ(in_flight(*pool, i), 0u);
    }
    f.driver.turns(5);
    EXPECT_EQ(f.connector.attempts(), std::min(retries + 1, 5u)) << "none after the owner has been told";
  }
}

TEST(Connector, SaysThatThereIsNoBackend) {
  Fixture f;
  f.start(pool_in_drain());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kNoBackend);
  EXPECT_EQ(f.connector.attempts(), 0);
  EXPECT_EQ(f.connector.backend(), nullptr);
  EXPECT_FALSE(f.connector.connect_time().has_value());
}

TEST(Connector, GivesAnAttemptItsTimeAndThenGoesOn) {
  const Silent silent;
  const test::Listening listening = test::listen_on_loopback();
  const auto quiet = backend("quiet", silent.listening.address);
  const auto living = backend("living", listening.address);
  Fixture f;
  const base::TimePoint begun = base::precise_now();
  const auto pool = pool_of({quiet, living});
  f.start(pool);
  ASSERT_EQ(f.waits, 1);
  EXPECT_GE(f.deadline, begun + base::Millis(250));
  EXPECT_LE(f.deadline, base::precise_now() + base::Millis(250));
  EXPECT_FALSE(f.over());
  EXPECT_EQ(in_flight(*pool), 1u);
  f.connector.timed_out();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend(), living);
  EXPECT_EQ(f.connector.last_error(), ETIMEDOUT);
  EXPECT_EQ(quiet->counters().failed_attempts.value(), 1u);
  EXPECT_TRUE(quiet->is_suspect());
  EXPECT_EQ(in_flight(*pool), 0u);
}

TEST(Connector, SaysThatTheLastAttemptTimedOut) {
  const Silent silent;
  Fixture f;
  f.start(pool_of({backend("quiet", silent.listening.address)}));
  ASSERT_EQ(f.waits, 1);
  f.connector.timed_out();
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectTimeout);
  f.driver.turns(5);
  EXPECT_EQ(f.failed, 1);
}

TEST(Connector, CountsAUnixSocketThatIsNotThereOrFullAsRefused) {
  const test::TempFolder folder;
  const auto full = base::Address::unix_path(folder.file("full"));
  const auto listening = net::listen_on(full, {});
  ASSERT_TRUE(listening.has_value());
  std::vector<net::Connecting> waiting;
  do {
    waiting.push_back(net::start_connect(full, {}));
  } while (waiting.back().error == 0);
  for (const base::Address& address : {base::Address::unix_path(folder.file("no")), full}) {
    Fixture f;
    f.start(pool_of({backend("u", address)}));
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
  }
}

// The process's own shortage would meet the next backend as well, so no backend is blamed for it.
TEST(Connector, StopsAtOnceWhenDescriptorsAreUsedUp) {
  if (test::kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  const auto b = backend("b", listening.address);
  Fixture f;
  const auto pool = pool_of({a, b});
  pool->set_fallback(pool_of({b}));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<base::UniqueFd> fillers;
  const base::UniqueFd top(::dup(0));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(top.get()) + 8;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (;;) {
    base::UniqueFd filler(::dup(top.get()));
    if (!filler) break;
    fillers.push_back(std::move(filler));
  }
  f.start(pool);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kNoDescriptors);
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_EQ(b->counters().attempts.value(), 0u);
  EXPECT_EQ(pool->counters().fallbacks.value(), 0u);
  EXPECT_FALSE(a->is_suspect());
  EXPECT_EQ(pool->view().backends[0].connect_time, 0u);
  EXPECT_EQ(in_flight(*pool), 0u);
}

// Waiting for a place

TEST(Connector, WaitsForAPlaceAndConnectsWhenOneComesFree) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  Fixture f;
  const base::TimePoint begun = base::precise_now();
  f.start(pool);
  ASSERT_EQ(f.waits, 1);
  EXPECT_TRUE(f.connector.is_queued());
  EXPECT_GE(f.deadline, begun + base::Millis(700));
  EXPECT_LE(f.deadline, base::precise_now() + base::Millis(700));
  EXPECT_EQ(f.connector.attempts(), 0);
  f.driver.turns(3);
  EXPECT_FALSE(f.over());
  holder.release();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_FALSE(f.connector.is_queued());
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_EQ(in_flight(*pool), 1u);
  ASSERT_TRUE(f.connector.queue_time().has_value());
  EXPECT_GT(*f.connector.queue_time(), base::Micros(0));
  EXPECT_EQ(pool->counters().queued.value(), 1u);
  EXPECT_EQ(pool->counters().queue_microseconds.value(),
            static_cast<std::uint64_t>(f.connector.queue_time()->count()));
  EXPECT_EQ(pool->counters().retries.value(), 0u);
}

TEST(Connector, StandsWhereItStoodWhenThePlaceThatItWasGivenIsOfNoUse) {
  const test::Listening listening = test::listen_on_loopback();
  pool::BackendIdentity identity;
  identity.name = "fickle";
  identity.address = listening.address;
  identity.mode = pool::BackendMode::kDrain;
  const auto fickle = std::make_shared<pool::Backend>(identity);
  const auto pool = pool_of({backend("a", listening.address, 1), fickle});
  pool::Slot held = pick(*pool);
  Fixture first;
  Fixture second;
  first.start(pool);
  second.start(pool);
  ASSERT_EQ(first.waits + second.waits, 2);
  // Both are given a place at once, and it is of no use by the time that the first hears of it.
  pool->set_mode(*fickle, pool::BackendMode::kUp, base::precise_now());
  pool->set_mode(*fickle, pool::BackendMode::kDrain, base::precise_now());
  second.driver.turns(2);
  first.driver.turns(2);
  ASSERT_EQ(pool->view().waiting, 2u);
  held.release();
  second.driver.turns(2);
  EXPECT_FALSE(second.over());
  ASSERT_TRUE(first.finish());
  EXPECT_EQ(first.connector.backend()->name(), "a");
}

TEST(Connector, GivesUpWaitingWhenItsTimeIsOver) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  f.connector.timed_out();
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kQueueTimeout);
  EXPECT_EQ(pool->view().waiting, 0u);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 1u);
  EXPECT_EQ(pool->counters().fallbacks.value(), 0u) << "the pool has backends, it is only full";
  EXPECT_TRUE(f.connector.queue_time().has_value());
  holder.release();
  f.driver.turns(3);
  EXPECT_EQ(f.connected, 0);
  EXPECT_EQ(in_flight(*pool), 0u);
}

TEST(Connector, UsesThePlaceThatItWasGivenInTheMomentOfTheTimeout) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  holder.release();
  f.connector.timed_out();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 0u);
  f.driver.turns(3);
  EXPECT_EQ(f.connector.attempts(), 1) << "the word of it comes no more";
}

TEST(Connector, FallsBackWhenAllHaveGoneInTheMomentOfTheTimeout) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  pool->set_mode(*a, pool::BackendMode::kDrain, base::coarse_now());
  f.connector.timed_out();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 0u);
}

TEST(Connector, WaitsNoLongerInAllThanThePoolAllows) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address(), 1), backend("b", listening.address, 1)});
  pool::Slot at_dead = pick(*pool);
  pool::Slot at_b = pick(*pool);
  Fixture f;
  f.start(pool);
  const base::TimePoint first_deadline = f.deadline;
  ASSERT_TRUE(test::eventually([&] { return base::precise_now() > first_deadline - base::Millis(680); }));
  at_dead.release();
  // The dead one refuses; the other is full.
  ASSERT_TRUE(f.driver.until([&] { return f.connector.attempts() == 1 && f.connector.is_queued(); }));
  EXPECT_LE(f.deadline, base::precise_now() + base::Millis(700) - base::Millis(20));
  EXPECT_EQ(pool->counters().queued.value(), 1u);
  at_b.release();
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
}

TEST(Connector, SaysThatThePoolIsFull) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)}, 2, 0);
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.waits, 0);
  EXPECT_EQ(f.reason, CloseReason::kPoolFull);
  EXPECT_EQ(pool->counters().queue_refused.value(), 1u);
  EXPECT_FALSE(f.connector.queue_time().has_value());
}

TEST(Connector, LeavesTheQueueWhenItIsStopped) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  pool::Slot holder = pick(*pool);
  Fixture f;
  Fixture gone;
  Fixture next;
  for (Fixture* one : {&f, &gone, &next}) one->start(pool);
  f.connector.stop();
  EXPECT_EQ(pool->view().waiting, 2u);
  EXPECT_TRUE(f.connector.queue_time().has_value());
  holder.release();
  gone.connector.stop();  // it has been given the place, and not been told
  ASSERT_TRUE(next.finish());
  EXPECT_EQ(next.connected, 1);
  for (Fixture* one : {&f, &gone}) {
    one->driver.turns(3);
    EXPECT_FALSE(one->over());
  }
}

TEST(Connector, CountsAClientThatLeftWhileItWaited) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  f.connector.client_left();
  EXPECT_EQ(pool->counters().queue_left.value(), 1u);
  EXPECT_EQ(pool->view().waiting, 0u);
  EXPECT_FALSE(f.over()) << "the owner knows";
}

TEST(Connector, TellsNothingMoreWhenItIsStoppedWhileItConnects) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address)});
  Fixture f;
  f.start(pool);
  if (f.over()) GTEST_SKIP() << "the connect stood at once";
  f.connector.stop();
  EXPECT_EQ(in_flight(*pool), 0u);
  f.driver.turns(5);
  EXPECT_FALSE(f.over());
}

// The fallback pool

TEST(Connector, GoesToTheFallbackPoolWhenAllAreDown) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_in_drain();
  const auto fallback = pool_of({backend("b", listening.address)});
  pool->set_fallback(fallback);
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.pool(), fallback);
  EXPECT_EQ(pool->counters().fallbacks.value(), 1u);
  EXPECT_EQ(in_flight(*fallback), 1u);
}

TEST(Connector, GoesToTheFallbackPoolAfterItsLastRetryAndBeginsAnewThere) {
  const test::Listening listening = test::listen_on_loopback();
  Backends dead;
  for (int i = 0; i < 3; ++i) dead.push_back(backend("d" + std::to_string(i), dead_address()));
  const auto pool = pool_of(dead, 1);
  const auto fallback = pool_of(
      {backend("e", dead_address()), backend("f", dead_address()), backend("g", listening.address)}, 2);
  pool->set_fallback(fallback);
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.attempts(), 5) << "two here, three there";
  EXPECT_EQ(f.connector.backend()->name(), "g");
  EXPECT_EQ(pool->counters().retries.value(), 1u);
  EXPECT_EQ(fallback->counters().retries.value(), 2u);
}

TEST(Connector, KeepsTheReasonOfItsLastAttemptWhenTheFallbackHasNothing) {
  const auto pool = pool_of({backend("dead", dead_address())});
  pool->set_fallback(pool_in_drain());
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
}

TEST(Connector, MayWaitInTheFallbackPoolForItsWholeTime) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  const auto fallback = pool_of({backend("b", listening.address, 1)});
  pool->set_fallback(fallback);
  const pool::Slot held = pick(*pool);
  const pool::Slot held_there = pick(*fallback);
  Fixture f;
  f.start(pool);
  const base::TimePoint waited = base::precise_now() + base::Millis(20);
  while (base::precise_now() < waited) f.driver.turns(1);
  const base::TimePoint before = base::precise_now();
  pool->set_mode(*a, pool::BackendMode::kDrain, before);
  ASSERT_TRUE(f.driver.until([&] { return f.waits == 2; }));
  EXPECT_EQ(f.connector.pool(), fallback);
  EXPECT_GE(f.deadline, before + base::Millis(700));
}

TEST(Connector, GoesToTheFallbackPoolWhenAllGoDownWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool->set_fallback(pool_of({backend("b", listening.address)}));
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.connector.is_queued());
  pool->set_mode(*a, pool::BackendMode::kMaintenance, base::coarse_now());
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend()->name(), "b");
}

TEST(Connector, SaysThatThereIsNoBackendWhenAllGoDownWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  pool->set_mode(*a, pool::BackendMode::kMaintenance, base::coarse_now());
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.reason, CloseReason::kNoBackend);
}

// Retries and blame

TEST(Connector, MakesNoRetryThatTheBudgetDoesNotAllow) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address()), backend("living", listening.address)});
  // An hour ahead, so that no time passes for the budget any more.
  while (pool->may_retry(base::coarse_now() + std::chrono::hours(1))) {
  }
  const std::uint64_t denied = pool->counters().retries_denied.value();
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_EQ(pool->counters().retries_denied.value(), denied + 1);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(in_flight(*pool, i), 0u);
}

TEST(Connector, AsksForNoRetryWhenThereIsNobodyToTry) {
  const auto pool = pool_of({backend("dead", dead_address())});
  Fixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(pool->counters().retries.value() + pool->counters().retries_denied.value(), 0u);
}

TEST(Connector, HasABackendEjectedThatRefusesSessionAfterSession) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address()), backend("living", listening.address)});
  int failed_attempts = 0;
  for (int i = 0; i < 30; ++i) {
    Fixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    ASSERT_EQ(f.connected, 1);
    EXPECT_TRUE(test::accept_from(listening.fd.get()));
    failed_attempts += f.connector.attempts() - 1;
  }
  EXPECT_EQ(failed_attempts, 5);
  EXPECT_EQ(pool->view().backends[0].state, pool::BackendState::kEjected);
  EXPECT_EQ(pool->view().backends[0].reason, "its sessions fail, the last one: connect_refused");
}

TEST(Connector, GoesToAnotherBackendWhenOneIsAbandoned) {
  const Silent silent;
  const test::Listening listening = test::listen_on_loopback();
  const auto quiet = backend("quiet", silent.listening.address);
  const auto pool = pool_of({quiet, backend("living", listening.address)});
  Fixture f;
  f.start(pool);
  ASSERT_EQ(f.waits, 1);
  f.connector.abandon(CloseReason::kBackendDown);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_EQ(f.connector.backend()->name(), "living");
  EXPECT_EQ(quiet->counters().failed_attempts.value(), 0u) << "it had no time to fail";
  EXPECT_FALSE(quiet->is_suspect());
  EXPECT_EQ(in_flight(*pool, 0), 0u);
}

TEST(Connector, EndsForTheReasonOfAnAbandonedAttemptWhenThereIsNoOther) {
  const Silent silent;
  Fixture f;
  f.start(pool_of({backend("quiet", silent.listening.address)}));
  ASSERT_EQ(f.waits, 1);
  f.connector.abandon(CloseReason::kBackendMaintenance);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kBackendMaintenance);
  EXPECT_FALSE(f.peer.fd);
}

TEST(Connector, AbandonsNothingWhileItWaits) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address, 1)});
  const pool::Slot holder = pick(*pool);
  Fixture f;
  f.start(pool);
  f.connector.abandon(CloseReason::kBackendDown);
  EXPECT_TRUE(f.connector.is_queued());
  EXPECT_EQ(pool->view().waiting, 1u);
  EXPECT_FALSE(f.over());
}

// Runs in a network of its own whose only source port is the backend's: a connect to the dead backend meets
// itself. Gives an exit status, since it is a child process that does it.
constexpr int kNotAllowed = 77;

// A network of this process's own with one ephemeral port. False: not allowed.
bool enter_network_of_one_port() {
  if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const base::UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq interface {};
  std::snprintf(interface.ifr_name, sizeof(interface.ifr_name), "lo");
  interface.ifr_flags = IFF_UP;
  if (::ioctl(any.get(), SIOCSIFFLAGS, &interface) != 0) return false;
  return static_cast<bool>(std::ofstream("/proc/sys/net/ipv4/ip_local_port_range")
                           << "40000 40000" << std::flush);
}

int exit_status_of(int (*in_a_child)()) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(in_a_child());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  return WEXITSTATUS(status);
}

int meet_itself() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  pool::BackendIdentity identity;
  identity.name = "dead";
  identity.address = test::loopback(40000);
  // Without the look for it the connect stands: the trap is there.
  {
    Fixture f;
    f.start(pool_of({std::make_shared<pool::Backend>(identity)}, 0));
    if (!f.finish() || f.connected != 1 || !net::connected_to_itself(f.peer.fd.get())) return 1;
    net::abort_connection(f.peer.fd);
  }
  identity.may_self_connect = true;
  Fixture f;
  f.start(pool_of({std::make_shared<pool::Backend>(identity)}, 0));
  if (!f.finish() || f.connected != 0 || f.failed != 1) return 2;
  if (f.reason != CloseReason::kConnectRefused || f.connector.last_error() != ECONNREFUSED) return 3;
  return f.connector.backend()->counters().sessions.value() == 0 ? 0 : 4;
}

TEST(Connector, CountsAConnectThatMeetsItselfAsRefused) {
  const int status = exit_status_of(meet_itself);
  if (status == kNotAllowed) GTEST_SKIP() << "NOT CHECKED: making a network namespace is not allowed here";
  EXPECT_EQ(status, 0);
}

// The same trap for a connection that is made before anybody needs it.
int meet_itself_while_warming() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  pool::BackendIdentity identity;
  identity.name = "dead";
  identity.address = test::loopback(40000);
  const auto loop = test::make_loop();
  test::Driver driver{*loop};
  const auto trapped = std::make_shared<pool::Backend>(identity);
  {
    WarmSockets sockets(*loop, trapped, base::Millis(250));
    sockets.keep(1);
    sockets.refill(base::coarse_now());
    if (!driver.until([&] { return sockets.ready() == 1; })) return 1;
  }
  identity.may_self_connect = true;
  const auto dead = std::make_shared<pool::Backend>(identity);
  WarmSockets sockets(*loop, dead, base::Millis(250));
  sockets.keep(1);
  sockets.refill(base::coarse_now());
  if (!driver.until([&] { return sockets.size() == 0; })) return 2;
  return dead->counters().warm_failed.value() == 1 && dead->counters().warm.value() == 0 ? 0 : 3;
}

TEST(Connector, IsNotGivenAWarmConnectionThatMetItself) {
  const int status = exit_status_of(meet_itself_while_warming);
  if (status == kNotAllowed) GTEST_SKIP() << "NOT CHECKED: making a network namespace is not allowed here";
  EXPECT_EQ(status, 0);
}

std::shared_ptr<pool::Backend> transparent_backend(std::string name, base::Address address) {
  pool::Origin origin;
  origin.transparent = true;
  pool::BackendIdentity identity;
  identity.name = std::move(name);
  identity.address = std::move(address);
  identity.origin = std::make_shared<const pool::Origin>(origin);
  return std::make_shared<pool::Backend>(std::move(identity));
}

base::Address of_the_other_family(std::uint16_t port) { return base::Address::ipv6(in6addr_loopback, port); }

TEST(Connector, PassesByBackendsThatTheClientCannotReachAndPaysNothing) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::Listening listening = test::listen_on_loopback();
  Backends backends;
  for (std::uint16_t i = 1; i <= 5; ++i)
    backends.push_back(transparent_backend("six" + std::to_string(i), of_the_other_family(i)));
  backends.push_back(transparent_backend("four", listening.address));
  const auto pool = pool_of(backends, 0);
  for (int i = 0; i < 6; ++i) {
    Fixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_EQ(f.connector.backend()->name(), "four");
    EXPECT_EQ(f.connector.attempts(), 1);
  }
  EXPECT_EQ(pool->counters().retries.value(), 0u);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(backends[i]->counters().attempts.value(), 0u);
    EXPECT_EQ(backends[i]->counters().failed_attempts.value(), 0u);
    EXPECT_EQ(in_flight(*pool, i), 0u);
  }
}

TEST(Connector, SaysOfBackendsThatTheClientCannotReachThatTheyAreUnreachable) {
  const auto pool = pool_of({transparent_backend("six", of_the_other_family(1))});
  Fixture f;
  f.start(pool);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectUnreachable);
  EXPECT_EQ(f.connector.last_error(), EAFNOSUPPORT);
  EXPECT_EQ(f.connector.failed_backend()->name(), "six");
  EXPECT_EQ(f.connector.attempts(), 0);
}

// Warm connections, each to a backend.
struct Warm final : WarmSource {
  WarmConnection take(const pool::Backend& backend) override {
    const auto at = sockets.find(&backend);
    if (at == sockets.end()) return {};
    WarmConnection taken{std::move(at->second), {}};
    sockets.erase(at);
    return taken;
  }
  std::map<const pool::Backend*, base::UniqueFd> sockets;
};

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

TEST(Connector, TakesAWarmConnectionAndLearnsNoTimeFromIt) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  const auto pool = pool_of({a});
  Warm warm;
  warm.sockets[a.get()] = test::connect_to(listening.address);
  const int fd = warm.sockets[a.get()].get();
  Fixture f;
  Connector connector(*f.loop, f.wakes, f, f.peer, &warm);
  connector.start(pool, f.client, f.options);
  EXPECT_EQ(f.connected, 1) << "at once";
  EXPECT_EQ(f.waits, 0);
  EXPECT_EQ(f.peer.fd.get(), fd);
  EXPECT_TRUE(connector.was_warm());
  EXPECT_EQ(connector.attempts(), 1);
  EXPECT_EQ(connector.connect_time(), base::Micros(0));
  EXPECT_EQ(a->counters().attempts.value(), 1u);
  EXPECT_EQ(a->counters().sessions.value(), 1u);
  EXPECT_EQ(a->counters().warm_used.value(), 1u);
  EXPECT_EQ(pool->view().backends[0].connect_time, 0u);
  EXPECT_EQ(in_flight(*pool), 1u) << "it holds a place like any other";
  connector.stop();
  EXPECT_EQ(in_flight(*pool), 0u);
  const base::UniqueFd accepted = test::accept_from(listening.fd.get());
  EXPECT_FALSE(test::wait_for(listening.fd.get(), POLLIN, base::Millis(0))) << "it made no other one";
}

TEST(Connector, ConnectsWhenThereIsNoWarmConnection) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  Warm none;
  Fixture f;
  Connector connector(*f.loop, f.wakes, f, f.peer, &none);
  connector.start(pool_of({a}), f.client, f.options);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.connected, 1);
  EXPECT_FALSE(connector.was_warm());
  EXPECT_EQ(a->counters().warm_used.value(), 0u);
}

TEST(Connector, GivesAWarmConnectionTheOptionsOfTheListener) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  Warm warm;
  warm.sockets[a.get()] =
      std::move(net::start_connect(listening.address, {base::Millis(15'000), base::Millis(15'000)}).fd);
  ASSERT_TRUE(test::wait_for(warm.sockets[a.get()].get(), POLLOUT));
  Fixture f;
  f.options.user_timeout = base::Millis(7'000);
  Connector connector(*f.loop, f.wakes, f, f.peer, &warm);
  connector.start(pool_of({a}), f.client, f.options);
  ASSERT_EQ(f.connected, 1);
  EXPECT_EQ(option(f.peer.fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0) << "the listener has none";
  EXPECT_EQ(option(f.peer.fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 7'000);
  connector.stop();
}

TEST(Connector, TakesAWarmConnectionWhenItTriesAnother) {
  const test::Listening listening = test::listen_on_loopback();
  const auto dead = backend("dead", dead_address());
  const auto a = backend("a", listening.address);
  const auto pool = pool_of({dead, a});
  for (int i = 0; i < 2; ++i) {
    Warm warm;
    warm.sockets[a.get()] = test::connect_to(listening.address);
    Fixture f;
    Connector connector(*f.loop, f.wakes, f, f.peer, &warm);
    connector.start(pool, f.client, f.options);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_TRUE(connector.was_warm());
    connector.stop();
  }
  EXPECT_EQ(dead->counters().failed_attempts.value(), 1u) << "one of the two had to try it first";
}

TEST(Connector, WaitsForAPlaceEvenIfAConnectionIsWarm) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool::Slot taken = pick(*pool);
  Warm warm;
  warm.sockets[a.get()] = test::connect_to(listening.address);
  Fixture f;
  Connector connector(*f.loop, f.wakes, f, f.peer, &warm);
  connector.start(pool, f.client, f.options);
  EXPECT_TRUE(connector.is_queued());
  EXPECT_EQ(warm.sockets.size(), 1u) << "nobody has taken it";
  taken.release();
  ASSERT_TRUE(f.finish());
  EXPECT_TRUE(connector.was_warm());
  EXPECT_TRUE(connector.queue_time().has_value());
  connector.stop();
}

// The only source port is in use towards one backend, and free towards the other.
int run_out_of_source_ports() {
  if (!enter_network_of_one_port()) return kNotAllowed;
  net::ListenOptions options;
  options.backlog = 64;
  const auto a_listens = net::listen_on(test::loopback(50'000), options);
  const auto b_listens = net::listen_on(test::loopback(50'001), options);
  if (!a_listens || !b_listens) return 1;
  const base::UniqueFd in_use = test::connect_to(test::loopback(50'000));
  if (net::start_connect(test::loopback(50'000), {}).error != EADDRNOTAVAIL) return 2;
  const auto a = backend("a", test::loopback(50'000));
  const auto b = backend("b", test::loopback(50'001));
  const auto pool = pool_of({a, b});
  for (int i = 0; i < 20; ++i) {
    Fixture f;
    f.start(pool);
    if (!f.finish() || f.connected != 1 || f.connector.backend() != b) return 3;
    if (f.connector.attempts() == 2 && f.connector.last_error() != EADDRNOTAVAIL) return 4;
    net::abort_connection(f.peer.fd);
  }
  if (a->counters().attempts.value() < 6) return 5;
  if (a->is_suspect() || pool->view().backends[0].state != pool::BackendState::kUp) return 6;
  Fixture f;
  f.start(pool_of({a}));
  return f.failed == 1 && f.reason == CloseReason::kNoSourcePort ? 0 : 7;
}

TEST(Connector, DoesNotBlameABackendForALackOfSourcePorts) {
  const int status = exit_status_of(run_out_of_source_ports);
  if (status == kNotAllowed) GTEST_SKIP() << "NOT CHECKED: making a network namespace is not allowed here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace weir::session
