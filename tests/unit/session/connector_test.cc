#include "session/connector.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include "support/namespaces.h"
#include "support/sanitizers.h"
#include "unit/session/connecting.h"
#include "unit/session/silent.h"

namespace weir::session {
namespace {

TEST(Connector, ConnectsToTheBackendThatThePoolPicks) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  const auto pool = pool_of({a});
  {
    ConnectorFixture f;
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
  ConnectorFixture f;
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
    ConnectorFixture f;
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
  ConnectorFixture f;
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
  ConnectorFixture f;
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
  ConnectorFixture f;
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
    ConnectorFixture f;
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
  ConnectorFixture f;
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

TEST(Connector, TellsNothingMoreWhenItIsStoppedWhileItConnects) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("a", listening.address)});
  ConnectorFixture f;
  f.start(pool);
  if (f.over()) GTEST_SKIP() << "the connect stood at once";
  f.peer.abort();
  f.connector.stop();
  EXPECT_EQ(in_flight(*pool), 0u);
  f.driver.turns(5);
  EXPECT_FALSE(f.over());
}

// Retries and blame

TEST(Connector, MakesNoRetryThatTheBudgetDoesNotAllow) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address()), backend("living", listening.address)});
  // An hour ahead, so that no time passes for the budget any more.
  while (pool->may_retry(base::coarse_now() + std::chrono::hours(1))) {
  }
  const std::uint64_t denied = pool->counters().retries_denied.value();
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectRefused);
  EXPECT_EQ(f.connector.attempts(), 1);
  EXPECT_TRUE(f.connector.was_retry_denied());
  EXPECT_EQ(pool->counters().retries_denied.value(), denied + 1);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(in_flight(*pool, i), 0u);
}

TEST(Connector, AsksForNoRetryWhenThereIsNobodyToTry) {
  const auto pool = pool_of({backend("dead", dead_address())});
  ConnectorFixture f;
  f.start(pool);
  ASSERT_TRUE(f.finish());
  EXPECT_EQ(pool->counters().retries.value() + pool->counters().retries_denied.value(), 0u);
}

TEST(Connector, HasABackendEjectedThatRefusesSessionAfterSession) {
  const test::Listening listening = test::listen_on_loopback();
  const auto pool = pool_of({backend("dead", dead_address()), backend("living", listening.address)});
  int failed_attempts = 0;
  for (int i = 0; i < 30; ++i) {
    ConnectorFixture f;
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
  ConnectorFixture f;
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
  ConnectorFixture f;
  f.start(pool_of({backend("quiet", silent.listening.address)}));
  ASSERT_EQ(f.waits, 1);
  f.connector.abandon(CloseReason::kBackendMaintenance);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kBackendMaintenance);
  EXPECT_FALSE(f.peer.fd);
}

// Clients that a transparent pool cannot take everywhere

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
  constexpr std::size_t kUnfit = 2 * balance::Tried::kMost;
  const test::Listening listening = test::listen_on_loopback();
  Backends backends;
  for (std::uint16_t i = 1; i <= kUnfit; ++i)
    backends.push_back(transparent_backend("six" + std::to_string(i), of_the_other_family(i)));
  backends.push_back(transparent_backend("four", listening.address));
  const auto pool = pool_of(backends, 0, 10, true);
  for (std::size_t i = 0; i <= kUnfit; ++i) {
    ConnectorFixture f;
    f.start(pool);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_EQ(f.connector.backend()->name(), "four");
    EXPECT_EQ(f.connector.attempts(), 1);
  }
  EXPECT_EQ(pool->counters().retries.value(), 0u);
  for (std::size_t i = 0; i < kUnfit; ++i) {
    EXPECT_EQ(backends[i]->counters().attempts.value(), 0u);
    EXPECT_EQ(backends[i]->counters().failed_attempts.value(), 0u);
    EXPECT_EQ(in_flight(*pool, i), 0u);
  }
}

TEST(Connector, SaysOfBackendsThatTheClientCannotReachThatTheyAreUnreachable) {
  const auto pool = pool_of({transparent_backend("six", of_the_other_family(1))}, 2, 10, true);
  ConnectorFixture f;
  f.start(pool);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.reason, CloseReason::kConnectUnreachable);
  EXPECT_EQ(f.connector.last_error(), EAFNOSUPPORT);
  EXPECT_EQ(f.connector.failed_backend()->name(), "six");
  EXPECT_EQ(f.connector.attempts(), 0);
}

}  // namespace
}  // namespace weir::session
