#include "health/prober.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>
#include <vector>

#include "unit/health/support.h"

namespace weir::health {
namespace {

using base::Millis;
using test_support::check_of;
using test_support::dead_address;
using test_support::read_into;
using test_support::try_accept;

constexpr Millis kLong{15'000};

// A server that greets whoever comes, some turns later.
class Greeter {
 public:
  explicit Greeter(int turns = 1) : turns_(turns) {}

  const base::Address& address() const { return listening_.address; }
  std::size_t most_waiting() const { return most_waiting_; }

  // Once a turn.
  void turn() {
    while (base::UniqueFd peer = try_accept(listening_.fd.get()))
      waiting_.push_back({std::move(peer), turns_});
    most_waiting_ = std::max(most_waiting_, waiting_.size());
    for (auto one = waiting_.begin(); one != waiting_.end();) {
      if (one->turns_left-- > 0) {
        ++one;
        continue;
      }
      test::send_some(one->fd.get(), "hi");
      greeted_.push_back(std::move(one->fd));
      one = waiting_.erase(one);
    }
    greeted_.remove_if([](const base::UniqueFd& fd) {
      std::string ignored;
      return !read_into(fd.get(), ignored);
    });
  }

 private:
  struct Waiting {
    base::UniqueFd fd;
    int turns_left;
  };
  const int turns_;
  test::Listening listening_ = test::listen_on_loopback(1024);
  std::list<Waiting> waiting_;
  std::list<base::UniqueFd> greeted_;
  std::size_t most_waiting_ = 0;
};

const ExchangeCheck kGreeting{"", "hi"};

class Fixture {
 public:
  explicit Fixture(Prober::Settings settings = {}, Connect connect = connect_directly)
      : prober(
            *loop, settings,
            [this](TargetId id, const ProbeReport& report) {
              reports[id].push_back(report);
              return on_report ? on_report(id) : Pace::kSteady;
            },
            std::move(connect)) {}

  std::size_t count(TargetId id) const {
    const auto found = reports.find(id);
    return found == reports.end() ? 0 : found->second.size();
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  std::map<TargetId, std::vector<ProbeReport>> reports;
  std::function<Pace(TargetId)> on_report;
  Prober prober;
};

TEST(Prober, ChecksEveryTargetAndNeverMoreAtOnceThanItMay) {
  constexpr std::size_t kTargets = 1000;
  constexpr std::size_t kBound = 16;
  Greeter greeter(20);
  Fixture f({.max_in_flight = kBound});
  std::set<TargetId> ids;
  const auto check = check_of(kGreeting, kLong);
  for (std::size_t i = 0; i < kTargets; ++i) ids.insert(f.prober.add({greeter.address(), check}));
  EXPECT_EQ(ids.size(), kTargets);
  EXPECT_EQ(f.prober.size(), kTargets);
  EXPECT_EQ(f.prober.in_flight(), 0u);
  std::size_t most = 0;
  ASSERT_TRUE(f.driver.until([&] {
    most = std::max(most, f.prober.in_flight());
    greeter.turn();
    return f.reports.size() == kTargets;
  }));
  EXPECT_EQ(most, kBound) << "the bound is used, and kept";
  EXPECT_LE(greeter.most_waiting(), kBound) << "as its backend sees it";
  for (const auto& [id, reports] : f.reports) {
    EXPECT_EQ(ids.count(id), 1u);
    EXPECT_EQ(reports.size(), 1u) << "the next one is a minute away";
    EXPECT_EQ(reports[0].verdict, Verdict::kPassed) << reports[0].reason;
  }
  EXPECT_EQ(f.prober.in_flight(), 0u);
}

TEST(Prober, ProbesFirstWhatIsToBeProbedAtOnce) {
  Greeter greeter;
  Fixture f({.max_in_flight = 1});
  const auto check = check_of(kGreeting, kLong);
  for (int i = 0; i < 20; ++i) f.prober.add({greeter.address(), check});
  const TargetId at_once = f.prober.add({greeter.address(), check}, FirstProbe::kAtOnce);
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return !f.reports.empty();
  }));
  EXPECT_EQ(f.reports.begin()->first, at_once);
}

TEST(Prober, ProbesAgainAndAgain) {
  Greeter greeter(0);
  Fixture f;
  const TargetId id = f.prober.add({greeter.address(), check_of(kGreeting, kLong, Millis(5))});
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return f.count(id) >= 10;
  }));
}

TEST(Prober, NeverProbesATargetTwiceAtATime) {
  const test::Listening silent = test::listen_on_loopback(1024);
  Fixture f;
  const TargetId id = f.prober.add({silent.address, check_of(kGreeting, Millis(60), Millis(1))});
  std::size_t most = 0;
  ASSERT_TRUE(f.driver.until([&] {
    most = std::max(most, f.prober.in_flight());
    return f.count(id) >= 4;
  }));
  EXPECT_EQ(most, 1u);
}

TEST(Prober, ReportsTargetsThatRefuseAtOnceWithoutEnd) {
  Fixture f({.max_in_flight = 4});
  const base::Address dead = dead_address();
  const auto check = check_of(TcpCheck{}, kLong, Millis(2));
  for (int i = 0; i < 200; ++i) f.prober.add({dead, check});
  ASSERT_TRUE(f.driver.until([&] {
    return f.reports.size() == 200 && std::all_of(f.reports.begin(), f.reports.end(),
                                                  [](const auto& one) { return one.second.size() >= 3; });
  }));
  for (const auto& [id, reports] : f.reports) {
    EXPECT_EQ(reports[0].verdict, Verdict::kFailed);
    EXPECT_EQ(reports[0].reason, "connect: Connection refused");
  }
}

TEST(Prober, GoesOnWithTheOthersWhileOneHangs) {
  const test::Listening silent = test::listen_on_loopback(64);
  Greeter greeter(0);
  Fixture f({.max_in_flight = 2});
  const TargetId hung = f.prober.add({silent.address, check_of(kGreeting, Millis(60'000), Millis(1))});
  ASSERT_TRUE(f.driver.until([&] { return f.prober.in_flight() == 1; }));
  std::vector<TargetId> others;
  for (int i = 0; i < 5; ++i) {
    others.push_back(f.prober.add({greeter.address(), check_of(kGreeting, kLong, Millis(2))}));
  }
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return std::all_of(others.begin(), others.end(), [&](TargetId id) { return f.count(id) >= 5; });
  }));
  EXPECT_EQ(f.count(hung), 0u);
}

TEST(Prober, LetsTheOthersWaitInTheirOrder) {
  Greeter greeter;
  Fixture f({.max_in_flight = 1});
  const auto check = check_of(kGreeting, kLong, Millis(1));
  std::vector<TargetId> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(f.prober.add({greeter.address(), check}));
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return f.count(ids[0]) >= 10;
  }));
  for (const TargetId id : ids) {
    EXPECT_GE(f.count(id) + 2, 10u) << "no target is passed over while all are due";
  }
}

TEST(Prober, ForgetsATargetThatIsRemovedWhileItIsProbed) {
  const test::Listening silent = test::listen_on_loopback();
  Fixture f({.max_in_flight = 1});
  const TargetId id = f.prober.add({silent.address, check_of(kGreeting, Millis(100), Millis(100))});
  base::UniqueFd peer;
  ASSERT_TRUE(f.driver.until([&] { return static_cast<bool>(peer = try_accept(silent.fd.get())); }));
  EXPECT_EQ(f.prober.in_flight(), 1u);
  f.prober.remove(id);
  EXPECT_EQ(f.prober.in_flight(), 0u);
  EXPECT_EQ(f.prober.size(), 0u);
  std::string data;
  ASSERT_TRUE(f.driver.until([&] { return !read_into(peer.get(), data); }));

  // Its place is free, and its own report never comes.
  Greeter greeter(0);
  const TargetId next = f.prober.add({greeter.address(), check_of(kGreeting, kLong, Millis(50))});
  EXPECT_NE(next, id);
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return f.count(next) >= 3;
  }));
  EXPECT_EQ(f.count(id), 0u);
}

TEST(Prober, GivesAFreedPlaceToWhoWaits) {
  const test::Listening silent = test::listen_on_loopback();
  Greeter greeter(0);
  Fixture f({.max_in_flight = 1});
  const TargetId hung = f.prober.add({silent.address, check_of(kGreeting, Millis(60'000), Millis(1))});
  ASSERT_TRUE(f.driver.until([&] { return f.prober.in_flight() == 1; }));
  const TargetId waiting = f.prober.add({greeter.address(), check_of(kGreeting, kLong, Millis(1))});
  f.driver.turns(10);
  EXPECT_EQ(f.count(waiting), 0u);
  f.prober.remove(hung);
  ASSERT_TRUE(f.driver.until([&] {
    greeter.turn();
    return f.count(waiting) >= 1;
  }));
}

TEST(Prober, IgnoresARemovedOrUnknownId) {
  Fixture f;
  const TargetId id = f.prober.add({dead_address(), check_of(TcpCheck{}, kLong)});
  f.prober.remove(id);
  f.prober.remove(id);
  f.prober.remove(12345);
  EXPECT_EQ(f.prober.size(), 0u);
}

TEST(Prober, MayBeChangedFromWithinAReport) {
  Fixture f;
  const base::Address dead = dead_address();
  const auto check = check_of(TcpCheck{}, kLong, Millis(1));
  const TargetId other = f.prober.add({dead, check_of(TcpCheck{}, kLong)});
  const TargetId first = f.prober.add({dead, check});
  TargetId added = 0;
  f.on_report = [&](TargetId id) {
    if (id != first) return Pace::kSteady;
    f.prober.remove(first);
    f.prober.remove(other);
    added = f.prober.add({dead, check});
    return Pace::kChanging;
  };
  ASSERT_TRUE(f.driver.until([&] { return added != 0 && f.count(added) >= 3; }));
  EXPECT_EQ(f.count(first), 1u);
  EXPECT_LE(f.count(other), 1u);
  EXPECT_EQ(f.prober.size(), 1u);
}

TEST(Prober, ProbesATargetMoreOftenWhileItIsChanging) {
  Fixture f;
  const base::Address dead = dead_address();
  const auto check = check_of(TcpCheck{}, kLong, Millis(400));
  const TargetId steady = f.prober.add({dead, check});
  const TargetId changing = f.prober.add({dead, check});
  f.on_report = [&](TargetId id) { return id == changing ? Pace::kChanging : Pace::kSteady; };
  ASSERT_TRUE(f.driver.until([&] { return f.count(steady) >= 4; }));
  EXPECT_GT(f.count(changing), f.count(steady) + 1);
}

TEST(Prober, TellsOfProbesThatCouldNotBeMade) {
  Fixture f({}, [](const Target&, const net::TcpOptions&) {
    return net::Connecting{base::UniqueFd(), EMFILE};
  });
  const TargetId id = f.prober.add({dead_address(), check_of(TcpCheck{}, kLong, Millis(5))});
  ASSERT_TRUE(f.driver.until([&] { return f.count(id) >= 2; }));
  EXPECT_EQ(f.reports[id][0].verdict, Verdict::kNotMade);
  EXPECT_EQ(f.prober.in_flight(), 0u);
}

TEST(Prober, ConnectsEachTargetFromItsOwnOrigin) {
  std::map<std::uint64_t, int> origins;
  Fixture f({}, [&](const Target& target, const net::TcpOptions& options) {
    ++origins[target.origin];
    return connect_directly(target, options);
  });
  const TargetId plain = f.prober.add({dead_address(), check_of(TcpCheck{}, kLong, Millis(5))});
  const TargetId special = f.prober.add({dead_address(), check_of(TcpCheck{}, kLong, Millis(5)), 7});
  ASSERT_TRUE(f.driver.until([&] { return f.count(plain) >= 2 && f.count(special) >= 2; }));
  EXPECT_EQ(origins.size(), 2u);
  EXPECT_GE(origins[0], 2);
  EXPECT_GE(origins[7], 2);
}

TEST(Prober, CanGoWhileProbesAreUnderWay) {
  const test::Listening silent = test::listen_on_loopback();
  base::UniqueFd peer;
  {
    Fixture f;
    f.prober.add({silent.address, check_of(kGreeting, kLong)});
    ASSERT_TRUE(f.driver.until([&] { return static_cast<bool>(peer = try_accept(silent.fd.get())); }));
  }
  int error = 0;
  EXPECT_EQ(test::receive_all(peer.get(), &error), "");
}

}  // namespace
}  // namespace weir::health
