#include "session/warm_sockets.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <optional>

#include "support/namespaces.h"
#include "support/sanitizers.h"
#include "unit/session/silent.h"

namespace weir::session {
namespace {

std::shared_ptr<pool::Backend> backend_at(base::Address address, bool may_self_connect = false) {
  pool::BackendIdentity identity;
  identity.name = "a";
  identity.address = std::move(address);
  identity.may_self_connect = may_self_connect;
  return std::make_shared<pool::Backend>(std::move(identity));
}

// A backend that is accepted from by hand, and its warm connections. Time stands still but for `pass`.
class WarmConnections : public testing::Test {
 protected:
  WarmConnections() { sockets.emplace(*loop, backend, base::Millis(250)); }

  void refill() { sockets->refill(now); }
  void pass(base::Millis time) { now += time; }

  // Keeps `count` and waits until they stand; the backend's ends, in the order of their making.
  std::vector<base::UniqueFd> keep(std::size_t count) {
    sockets->keep(count);
    refill();
    std::vector<base::UniqueFd> accepted;
    for (std::size_t i = 0; i < count; ++i) accepted.push_back(test::accept_from(listening.fd.get()));
    EXPECT_TRUE(driver.until([&] { return sockets->ready() == count; }));
    return accepted;
  }

  std::uint64_t given_up() const { return backend->counters().warm_given_up.value(); }
  std::uint64_t failed() const { return backend->counters().warm_failed.value(); }
  std::int64_t gauge() const { return backend->counters().warm.value(); }
  [[nodiscard]] bool comes_to_be_given_up(std::uint64_t count) {
    return driver.until([&] { return given_up() == count; });
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  test::Listening listening = test::listen_on_loopback();
  std::shared_ptr<pool::Backend> backend = backend_at(listening.address);
  base::TimePoint now = base::coarse_now();
  std::optional<WarmSockets> sockets;
};

TEST_F(WarmConnections, KeepsNoneUntilItIsToldTo) {
  refill();
  EXPECT_EQ(sockets->size(), 0u);
  EXPECT_FALSE(sockets->take(now));
}

TEST_F(WarmConnections, AreHandedOutTheOldestFirst) {
  const auto accepted = keep(3);
  EXPECT_EQ(gauge(), 3);
  for (int i = 0; i < 3; ++i) {
    const WarmConnection taken = sockets->take(now);
    ASSERT_TRUE(taken);
    ASSERT_EQ(test::send_some(taken.fd.get(), "x"), 1u);
    EXPECT_EQ(test::receive(accepted[static_cast<std::size_t>(i)].get()), "x") << i;
  }
  EXPECT_FALSE(sockets->take(now));
  EXPECT_EQ(gauge(), 0);
}

TEST_F(WarmConnections, ComeFromThePoolsSourceAndHoldItsPortToTheEndOfTheSession) {
  auto origin = std::make_shared<pool::Origin>();
  origin->sources.push_back(*base::parse_address("127.0.0.2:1"));
  origin->sources.front() = origin->sources.front().with_port(0);
  pool::BackendIdentity identity = backend->identity();
  identity.origin = origin;
  backend = std::make_shared<pool::Backend>(identity);
  sockets.emplace(*loop, backend, base::Millis(250));
  const auto accepted = keep(2);
  const pool::PortCounters& ports = *backend->way().sources.all().front();
  EXPECT_EQ(ports.open(), 2u);
  {
    const WarmConnection taken = sockets->take(now);
    EXPECT_EQ(net::local_address(taken.fd.get())->ip_to_string(), "127.0.0.2");
    sockets->keep(0);
    EXPECT_EQ(ports.open(), 1u) << "the session has it";
  }
  EXPECT_EQ(ports.open(), 0u);
}

TEST_F(WarmConnections, AreMadeAnewForThoseThatWereTaken) {
  const auto accepted = keep(2);
  const WarmConnection taken = sockets->take(now);
  EXPECT_EQ(sockets->size(), 1u);
  refill();
  EXPECT_EQ(sockets->size(), 2u) << "at once";
  const base::UniqueFd another = test::accept_from(listening.fd.get());
  EXPECT_TRUE(driver.until([&] { return sockets->ready() == 2; }));
}

TEST_F(WarmConnections, AreNotHandedOutBeforeTheyStand) {
  const Silent silent;
  const auto deaf = backend_at(silent.listening.address);
  sockets.emplace(*loop, deaf, base::Millis(250));
  sockets->keep(1);
  refill();
  EXPECT_EQ(sockets->size(), 1u);
  EXPECT_FALSE(sockets->take(now));
  EXPECT_EQ(deaf->counters().warm.value(), 0);
}

TEST_F(WarmConnections, AreGivenUpWhenTheBackendCloses) {
  auto accepted = keep(2);
  accepted[0].reset();
  ASSERT_TRUE(comes_to_be_given_up(1));
  EXPECT_EQ(gauge(), 1);
  net::abort_connection(accepted[1]);
  ASSERT_TRUE(comes_to_be_given_up(2)) << "by a reset too";
  EXPECT_EQ(sockets->size(), 0u);
}

TEST_F(WarmConnections, AreGivenUpWhenTheBackendSpeaksAndEndInOrder) {
  const auto accepted = keep(1);
  ASSERT_EQ(test::send_some(accepted[0].get(), "220 hello\r\n"), 11u);
  ASSERT_TRUE(comes_to_be_given_up(1));
  int error = 0;
  EXPECT_EQ(test::receive(accepted[0].get(), &error), "");
  EXPECT_EQ(error, 0) << "an end of stream, no reset";
}

// The loop has not told yet what has happened: taking looks itself.
TEST_F(WarmConnections, AreLookedAtWhenTheyAreTaken) {
  auto accepted = keep(4);
  accepted[0].reset();
  net::abort_connection(accepted[1]);
  ASSERT_EQ(test::send_some(accepted[2].get(), "x"), 1u);
  const WarmConnection taken = sockets->take(now);
  ASSERT_TRUE(taken);
  ASSERT_EQ(test::send_some(taken.fd.get(), "y"), 1u);
  EXPECT_EQ(test::receive(accepted[3].get()), "y");
  EXPECT_EQ(given_up(), 3u);
  EXPECT_FALSE(sockets->take(now));
}

TEST_F(WarmConnections, AreNotWatchedAnyMoreOnceTaken) {
  auto accepted = keep(1);
  const WarmConnection taken = sockets->take(now);
  ASSERT_EQ(test::send_some(accepted[0].get(), "x"), 1u);
  ASSERT_TRUE(test::wait_for(taken.fd.get(), POLLIN));
  driver.turns(3);
  EXPECT_EQ(given_up(), 0u);
  EXPECT_EQ(test::receive(taken.fd.get()), "x");
}

TEST_F(WarmConnections, AreNotMadeAgainAtOnceWhenTheyWereGivenUp) {
  auto accepted = keep(2);
  now = base::coarse_now();
  accepted.clear();
  ASSERT_TRUE(driver.until([&] { return sockets->size() == 0; }));
  pass(base::Millis(999));
  refill();
  EXPECT_EQ(sockets->size(), 0u);
  now = base::coarse_now();
  pass(base::Millis(1'000));
  refill();
  EXPECT_EQ(sockets->size(), 2u);
}

// Has a set of two given up, waits out the pause, has the next set given up, after one of it was used or not,
// and says whether a third set comes a second after that.
class WarmConnectionsTwice : public WarmConnections {
 protected:
  enum class Use { kNone, kOne };

  [[nodiscard]] bool come_back_soon_after(Use use) {
    auto accepted = keep(2);
    accepted.clear();
    EXPECT_TRUE(driver.until([&] { return sockets->size() == 0; }));
    EXPECT_TRUE(driver.until([&] {
      sockets->refill(base::coarse_now());
      return sockets->ready() == 2;
    }));
    for (int i = 0; i < 2; ++i) accepted.push_back(test::accept_from(listening.fd.get()));
    if (use == Use::kOne) {
      EXPECT_TRUE(sockets->take(base::coarse_now()));
    }
    const base::TimePoint before = base::coarse_now();
    accepted.clear();
    EXPECT_TRUE(driver.until([&] { return sockets->size() == 0; }));
    now = use == Use::kOne ? base::coarse_now() + base::Millis(1'000) : before + base::Millis(1'999);
    refill();
    return sockets->size() == 2;
  }
};

TEST_F(WarmConnectionsTwice, AreMadeMoreSeldomTheSecondTime) {
  EXPECT_FALSE(come_back_soon_after(Use::kNone));
}

TEST_F(WarmConnectionsTwice, AreMadeAsSoonAsTheFirstTimeWhenOneHasBeenUsed) {
  EXPECT_TRUE(come_back_soon_after(Use::kOne));
}

TEST_F(WarmConnections, ThatAreRefusedAreCountedAndTriedAgainLater) {
  const auto dead = backend_at(test::listen_on_loopback().address);
  sockets.emplace(*loop, dead, base::Millis(250));
  sockets->keep(3);
  refill();
  ASSERT_TRUE(driver.until([&] { return sockets->size() == 0; }));
  const std::uint64_t failures = dead->counters().warm_failed.value();
  EXPECT_GE(failures, 1u);
  EXPECT_LE(failures, 3u);
  EXPECT_EQ(dead->counters().attempts.value() + dead->counters().failed_attempts.value(), 0u)
      << "those are the sessions'";
  EXPECT_FALSE(dead->is_suspect());
  refill();
  EXPECT_EQ(dead->counters().warm_failed.value(), failures) << "not at once";
  now = base::coarse_now();
  pass(base::Millis(1'000));
  refill();
  EXPECT_TRUE(driver.until([&] { return dead->counters().warm_failed.value() > failures; }));
}

TEST_F(WarmConnections, ThatTakeLongerThanTheConnectTimeoutHaveFailed) {
  const Silent silent;
  const auto deaf = backend_at(silent.listening.address);
  sockets.emplace(*loop, deaf, base::Millis(250));
  sockets->keep(2);
  refill();
  pass(base::Millis(249));
  refill();
  EXPECT_EQ(sockets->size(), 2u);
  EXPECT_EQ(deaf->counters().warm_failed.value(), 0u);
  pass(base::Millis(1));
  refill();
  EXPECT_EQ(sockets->size(), 0u);
  EXPECT_EQ(deaf->counters().warm_failed.value(), 2u);
}

// The loop had no time to tell it.
TEST_F(WarmConnections, ThatStandByThenAreTakenEvenIfNobodyHasLooked) {
  sockets->keep(1);
  refill();
  const base::UniqueFd accepted = test::accept_from(listening.fd.get());
  pass(base::Millis(10'000));
  refill();
  EXPECT_EQ(sockets->ready(), 1u);
  EXPECT_EQ(failed(), 0u);
}

TEST_F(WarmConnections, AreClosedWhenFewerAreWanted) {
  const auto accepted = keep(3);
  sockets->keep(1);
  EXPECT_EQ(sockets->size(), 1u);
  EXPECT_EQ(gauge(), 1);
  EXPECT_EQ(given_up(), 0u) << "that is our own doing";
  EXPECT_EQ(test::receive(accepted[0].get()), "") << "the oldest";
  refill();
  EXPECT_EQ(sockets->size(), 1u);
}

TEST_F(WarmConnections, AreClosedInOrderWithTheirKeeper) {
  const auto accepted = keep(2);
  sockets.reset();
  for (const auto& fd : accepted) {
    int error = 0;
    EXPECT_EQ(test::receive(fd.get(), &error), "");
    EXPECT_EQ(error, 0);
  }
  EXPECT_EQ(gauge(), 0);
  EXPECT_EQ(given_up(), 0u);
}

TEST_F(WarmConnections, MayEndWithTheirKeeperWhileTheyConnect) {
  const Silent silent;
  sockets.emplace(*loop, backend_at(silent.listening.address), base::Millis(250));
  sockets->keep(5);
  refill();
  sockets.reset();
  driver.turns(3);
}

TEST_F(WarmConnections, ThatFindNoDescriptorHaveFailedAndNothingElseHappens) {
  if (test::kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 3;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  sockets->keep(5);
  refill();
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(sockets->size(), 0u);
  EXPECT_EQ(failed(), 1u) << "the first says it for the others";
}

// A backend on another host, which can be cut off without a word, and two warm connections to it.
class WarmConnectionsToAFarHost : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    here.emplace();
    there.emplace();
    interface = test::link({*here, {"198.18.0.1/24"}}, {*there, {"198.18.0.2/24"}});
    net::ListenOptions options;
    options.backlog = 16;
    there->run([&] { listening = *net::listen_on(*base::parse_address("198.18.0.2:80"), options); });
    inside.emplace(*here);
    backend = backend_at(*base::parse_address("198.18.0.2:80"));
    sockets.emplace(*loop, backend, base::Millis(250), [this](base::TimePoint) { ++lost; });
    sockets->keep(2);
    sockets->refill(base::coarse_now());
    for (auto& one : accepted) one = test::accept_from(listening.get());
    ASSERT_TRUE(driver.until([&] { return sockets->ready() == 2; }));
  }
  void TearDown() override { inside.reset(); }

  void cut_off() { there->ip("link set " + interface + " down"); }
  std::uint64_t given_up() const { return backend->counters().warm_given_up.value(); }
  void observe_for(base::Millis time) {
    const base::TimePoint end = base::precise_now() + time;
    ASSERT_TRUE(driver.until([&] { return base::precise_now() >= end; }));
  }

  std::optional<test::NetworkNamespace> here;
  std::optional<test::NetworkNamespace> there;
  std::optional<test::NetworkNamespace::Inside> inside;
  std::string interface;
  base::UniqueFd listening;
  std::array<base::UniqueFd, 2> accepted;
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  std::shared_ptr<pool::Backend> backend;
  int lost = 0;
  std::optional<WarmSockets> sockets;
};

TEST_F(WarmConnectionsToAFarHost, AreGivenUpWhenTheHostVanishesAndThatIsToldOnce) {
  cut_off();
  ASSERT_TRUE(driver.until([&] { return given_up() > 0; }));
  EXPECT_EQ(given_up(), 2u) << "both at once";
  EXPECT_EQ(sockets->size(), 0u);
  driver.turns(5);
  EXPECT_EQ(lost, 1);
  EXPECT_EQ(backend->counters().warm.value(), 0);
}

TEST_F(WarmConnectionsToAFarHost, AreNotHandedOutOnceAnAnswerToKeepaliveIsOverdue) {
  cut_off();
  observe_for(base::Millis(3'300));
  EXPECT_FALSE(sockets->take(base::coarse_now()));
}

TEST_F(WarmConnectionsToAFarHost, AreKeptAndHandedOutWhileTheHostAnswersThoughNothingIsSaid) {
  observe_for(base::Millis(5'500));
  EXPECT_EQ(given_up(), 0u);
  EXPECT_EQ(lost, 0);
  EXPECT_TRUE(sockets->take(base::coarse_now()));
}

TEST_F(WarmConnectionsToAFarHost, ThatTheBackendClosesAreNoFailure) {
  for (auto& one : accepted) one.reset();
  ASSERT_TRUE(driver.until([&] { return given_up() == 2; }));
  EXPECT_EQ(lost, 0);
}

TEST_F(WarmConnections, StandOnUnixSocketsToo) {
  const test::TempFolder folder;
  const base::Address address = base::Address::unix_path(folder.file("s"));
  net::ListenOptions options;
  options.backlog = 4;
  const auto listener = net::listen_on(address, options);
  ASSERT_TRUE(listener.has_value());
  const auto local = backend_at(address);
  sockets.emplace(*loop, local, base::Millis(250));
  sockets->keep(2);
  refill();
  EXPECT_EQ(sockets->ready(), 2u);
  const base::UniqueFd accepted = test::accept_from(listener->get());
  const WarmConnection taken = sockets->take(now);
  ASSERT_EQ(test::send_some(taken.fd.get(), "x"), 1u);
  EXPECT_EQ(test::receive(accepted.get()), "x");
}

}  // namespace
}  // namespace weir::session
