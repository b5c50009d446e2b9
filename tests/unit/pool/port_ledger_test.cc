#include "pool/port_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

base::Address address(const std::string& text) { return *base::parse_address(text); }

std::shared_ptr<Backend> backend_at(const std::string& where, const std::vector<std::string>& sources = {},
                                    const std::string& name = "a") {
  auto origin = std::make_shared<Origin>();
  for (const std::string& source : sources) origin->sources.push_back(address(source + ":0"));
  BackendIdentity identity;
  identity.name = name;
  identity.address = address(where);
  identity.origin = std::move(origin);
  return std::make_shared<Backend>(std::move(identity));
}

std::vector<PortHold> hold(Backend& backend, std::size_t count, std::size_t source = 0) {
  std::vector<PortHold> held;
  for (std::size_t i = 0; i < count; ++i) held.emplace_back(backend.way().sources.all()[source]);
  return held;
}

std::vector<std::string> words(const std::vector<base::Address>& list) {
  std::vector<std::string> texts;
  for (const auto& one : list) texts.push_back(one.to_string());
  return texts;
}

class Ledger : public testing::Test {
 protected:
  // One look, a second after the last one.
  std::vector<PortEvent> look() {
    now += seconds(1);
    destinations = words(ledger.begin_look(now));
    return ledger.end_look({usable, tw_reuse,
                            [&](const auto& source, const auto& destination) {
                              const std::string from = source ? source->ip_to_string() : "any";
                              const auto found = time_wait.find(from + " " + destination.to_string());
                              return found == time_wait.end() ? 0 : found->second;
                            }},
                           now);
  }

  PortView view_of(const Backend& backend, std::size_t source = 0) const {
    return ledger.views().at(backend.way().sources.all()[source].get());
  }

  PortLedger ledger;
  base::TimePoint now = kStart;
  unsigned usable = 100;
  unsigned tw_reuse = 0;
  std::map<std::string, std::uint64_t> time_wait;
  std::vector<std::string> destinations;
};

TEST_F(Ledger, IsCalmWhileNothingIsOpenedOrLessThanAQuarterOfThePortsCanBeInUse) {
  usable = 1'000;
  const auto backend = backend_at("192.0.2.1:80");
  ledger.add(0, backend);
  EXPECT_TRUE(ledger.is_calm(usable)) << "nothing has been opened";
  auto held = hold(*backend, 9);
  EXPECT_FALSE(ledger.is_calm(usable)) << "of a backend that it knows nothing of";
  look();
  EXPECT_TRUE(ledger.is_calm(usable));
  { const auto short_one = hold(*backend, 1); }
  EXPECT_TRUE(ledger.is_calm(usable)) << "one port in TIME_WAIT at most";
  time_wait["any 192.0.2.1:80"] = 240;
  now += seconds(100'000);
  look();
  EXPECT_TRUE(ledger.is_calm(usable)) << "nothing is opened";
  { const auto short_one = hold(*backend, 1); }
  EXPECT_FALSE(ledger.is_calm(usable)) << "that makes a quarter";
  time_wait.clear();
  look();
  EXPECT_TRUE(ledger.is_calm(usable));
  backend->way().sources.all()[0]->not_asked();
  EXPECT_FALSE(ledger.is_calm(usable)) << "a connect found no port";
}

TEST_F(Ledger, IsCalmWhereTimeWaitIsTakenAgainWhileASecondOpensLessThanAQuarterOfThePorts) {
  usable = 1'000;
  tw_reuse = 1;
  const auto backend = backend_at("192.0.2.1:80");
  ledger.add(0, backend);
  { const auto short_ones = hold(*backend, 9); }
  time_wait["any 192.0.2.1:80"] = 900;
  look();
  for (int second = 0; second < 9; ++second) {
    { const auto short_ones = hold(*backend, 200); }
    EXPECT_TRUE(ledger.is_calm(usable)) << second;
  }
  { const auto short_ones = hold(*backend, 250); }
  EXPECT_FALSE(ledger.is_calm(usable));
  const auto held = hold(*backend, 100);
  EXPECT_TRUE(ledger.is_calm(usable));
  { const auto short_ones = hold(*backend, 150); }
  EXPECT_FALSE(ledger.is_calm(usable)) << "with those that are held it makes a quarter";
}

TEST_F(Ledger, AsksOnlyForBackendsThatAreInUse) {
  std::vector<std::shared_ptr<Backend>> backends;
  for (int i = 1; i <= 50; ++i) {
    backends.push_back(backend_at("192.0.2." + std::to_string(i) + ":80", {"198.51.100.1", "198.51.100.2"}));
    ledger.add(0, backends.back());
  }
  look();
  EXPECT_THAT(destinations, IsEmpty());
  const auto held = hold(*backends[6], 1);
  const auto more = hold(*backends[6], 1, 1);
  { const auto short_one = hold(*backends[8], 1); }
  look();
  EXPECT_THAT(destinations, ElementsAre("192.0.2.7:80", "192.0.2.9:80"));
  EXPECT_EQ(ledger.pairs(), 3u);
}

TEST_F(Ledger, TakesManyNewPairsOverSeveralLooks) {
  std::vector<std::shared_ptr<Backend>> backends;
  const std::size_t count = PortLedger::kMostNew + 10;
  for (std::size_t i = 0; i < count; ++i) {
    backends.push_back(backend_at("192.0.2.1:" + std::to_string(i + 1)));
    ledger.add(0, backends.back());
    hold(*backends.back(), 1);
  }
  look();
  EXPECT_EQ(ledger.pairs(), PortLedger::kMostNew);
  look();
  EXPECT_EQ(ledger.pairs(), count) << "though nothing has moved since";
}

TEST_F(Ledger, ForgetsAPairAfterItsLastTimeWaitMustBeOver) {
  const auto backend = backend_at("192.0.2.1:80");
  ledger.add(0, backend);
  { const auto held = hold(*backend, 1); }
  look();
  for (int i = 0; i < 61; ++i) look();
  EXPECT_EQ(ledger.pairs(), 1u) << "what it left may just have gone";
  for (int i = 0; i < 30; ++i) look();
  EXPECT_EQ(ledger.pairs(), 0u);
  EXPECT_THAT(ledger.views(), IsEmpty());
  const auto again = hold(*backend, 1);
  look();
  EXPECT_EQ(ledger.pairs(), 1u);
}

TEST_F(Ledger, TellsOfWhatIsHeldAndInTimeWaitOfEachSource) {
  const auto backend = backend_at("192.0.2.1:80", {"198.51.100.1", "198.51.100.2"});
  ledger.add(0, backend);
  const auto first = hold(*backend, 10, 0);
  const auto second = hold(*backend, 20, 1);
  time_wait = {{"198.51.100.1 192.0.2.1:80", 30}, {"198.51.100.9 192.0.2.1:80", 99}};
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(view_of(*backend, 0).time_wait, 30u);
  EXPECT_EQ(view_of(*backend, 0).free, 60u);
  EXPECT_EQ(view_of(*backend, 1).time_wait, 0u);
  EXPECT_EQ(view_of(*backend, 1).free, 80u);
}

TEST_F(Ledger, WarnsOfTheSourceThatRunsLowAndTellsWhenItIsOver) {
  const auto backend = backend_at("192.0.2.1:80", {"198.51.100.1", "198.51.100.2"}, "front");
  ledger.add(3, backend);
  auto held = hold(*backend, 85, 1);
  const auto events = look();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, PortEvent::Kind::kLow);
  EXPECT_EQ(events[0].pool, 3u);
  EXPECT_EQ(events[0].backend->name(), "front");
  EXPECT_EQ(events[0].source->ip_to_string(), "198.51.100.2");
  EXPECT_EQ(events[0].sample.held, 85u);
  EXPECT_EQ(events[0].outlook.free, 15u);
  EXPECT_THAT(look(), IsEmpty()) << "it is told once";
  held.clear();
  std::vector<PortEvent> ended;
  for (int i = 0; i < 60 && ended.empty(); ++i) ended = look();
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].kind, PortEvent::Kind::kEnough);
}

// The kernel counts ports by address, whatever the backend is called.
TEST_F(Ledger, CountsBackendsOfOneAddressTogether) {
  const auto one = backend_at("192.0.2.1:80", {"198.51.100.1"}, "one");
  const auto other = backend_at("[::ffff:192.0.2.1]:80", {"198.51.100.1"}, "other");
  ledger.add(0, one);
  ledger.add(1, other);
  const auto held = hold(*one, 45);
  const auto more = hold(*other, 45);
  EXPECT_EQ(look().size(), 1u);
  EXPECT_EQ(ledger.pairs(), 1u);
  EXPECT_THAT(destinations, ElementsAre("192.0.2.1:80"));
  EXPECT_EQ(view_of(*one).free, 10u);
  EXPECT_EQ(view_of(*other).free, 10u);
}

// What the kernel chooses has the same ports as what is named.
TEST_F(Ledger, CountsThoseThatTheKernelChoosesWithThoseThatAreNamed) {
  std::vector<std::string> asked;
  ledger = PortLedger([&](const auto& destination, const std::string& interface) {
    asked.push_back(destination.to_string() + interface);
    return std::optional(address("198.51.100.2:0"));
  });
  const auto named = backend_at("192.0.2.1:80", {"198.51.100.1", "198.51.100.2"}, "named");
  const auto chosen = backend_at("[::ffff:192.0.2.1]:80", {}, "chosen");
  const auto alone = backend_at("192.0.2.9:80", {}, "alone");
  for (const auto& backend : {named, chosen, alone}) ledger.add(0, backend);
  const auto held = hold(*named, 10, 1);
  const auto more = hold(*chosen, 20);
  const auto others = hold(*alone, 5);
  time_wait = {{"198.51.100.2 192.0.2.1:80", 30}, {"any 192.0.2.1:80", 99}, {"any 192.0.2.9:80", 7}};
  look();
  look();
  EXPECT_EQ(asked, std::vector<std::string>{"192.0.2.1:80"}) << "once, and only where others name theirs";
  EXPECT_EQ(ledger.pairs(), 2u);
  EXPECT_EQ(view_of(*named, 1).free, 40u);
  EXPECT_EQ(view_of(*chosen).free, 40u);
  EXPECT_EQ(view_of(*chosen).time_wait, 30u);
  EXPECT_EQ(view_of(*alone).free, 88u);
}

TEST_F(Ledger, CountsWhatTheKernelChoosesAloneWhereNoneIsNamedAnyMore) {
  ledger = PortLedger([&](const auto&, const auto&) { return std::optional(address("198.51.100.1:0")); });
  const auto named = backend_at("192.0.2.1:80", {"198.51.100.1"}, "named");
  const auto chosen = backend_at("192.0.2.1:80", {}, "chosen");
  ledger.add(0, named);
  ledger.add(0, chosen);
  ledger.remove(*named);
  look();
  const auto held = hold(*chosen, 20);
  time_wait = {{"any 192.0.2.1:80", 30}};
  look();
  EXPECT_EQ(view_of(*chosen).free, 50u);
}

TEST_F(Ledger, CountsWhatABackendThatHasLeftStillHolds) {
  const auto backend = backend_at("192.0.2.1:80");
  ledger.add(0, backend);
  auto held = hold(*backend, 40);
  look();
  ledger.remove(*backend);
  look();
  EXPECT_EQ(view_of(*backend).free, 60u);
  held.clear();
  look();
  EXPECT_THAT(ledger.views(), IsEmpty()) << "nothing of it is kept that could be looked at";
}

TEST_F(Ledger, GoesOnWatchingABackendThatCameBack) {
  const auto backend = backend_at("192.0.2.1:80");
  ledger.add(0, backend);
  { const auto held = hold(*backend, 3); }
  look();
  ledger.remove(*backend);
  ledger.add(0, backend);
  look();
  const auto held = hold(*backend, 40);
  look();
  EXPECT_EQ(view_of(*backend).free, 60u);
}

// The same address comes back under another object, as with a name that resolves anew: what the first one
// did must not read as connections that ended just now.
TEST_F(Ledger, ForeseesNothingBadWhenABackendIsReplacedByItsLike) {
  const auto before = backend_at("192.0.2.1:80");
  ledger.add(0, before);
  for (int i = 0; i < 50; ++i) hold(*before, 1);
  look();
  const auto after = backend_at("192.0.2.1:80");
  ledger.add(0, after);
  ledger.remove(*before);
  const auto held = hold(*after, 1);
  for (int i = 0; i < 40; ++i) EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(view_of(*after).free, 99u);
  EXPECT_FALSE(view_of(*after).dry_in.has_value());
}

TEST_F(Ledger, TellsOnceOfASourceThatThisHostHasNot) {
  const auto one = backend_at("192.0.2.1:80", {"198.51.100.1"});
  const auto other = backend_at("192.0.2.2:80", {"198.51.100.1", "198.51.100.2"});
  ledger.add(0, one);
  ledger.add(0, other);
  one->way().sources.all()[0]->found_missing();
  other->way().sources.all()[0]->found_missing();
  const auto events = look();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, PortEvent::Kind::kMissing);
  EXPECT_EQ(events[0].source->ip_to_string(), "198.51.100.1");
  EXPECT_EQ(ledger.pairs(), 0u) << "nothing was connected";
  one->way().sources.all()[0]->found_missing();
  EXPECT_THAT(look(), IsEmpty());
  other->way().sources.all()[1]->found_missing();
  EXPECT_EQ(look().size(), 1u) << "another address";
}

TEST_F(Ledger, LeavesOutBackendsWithoutPortsAndThoseOfTransparentPools) {
  BackendIdentity identity;
  identity.address = base::Address::unix_path("/s");
  const auto unix = std::make_shared<Backend>(identity);
  auto origin = std::make_shared<Origin>();
  origin->transparent = true;
  identity.address = address("192.0.2.1:80");
  identity.origin = origin;
  const auto transparent = std::make_shared<Backend>(identity);
  ledger.add(0, unix);
  ledger.add(0, transparent);
  const auto held = hold(*transparent, 90);
  const auto none = hold(*unix, 90);
  EXPECT_THAT(look(), IsEmpty());
  EXPECT_EQ(ledger.pairs(), 0u);
}

// 100 ports, 10 connections a second that Weir ends first: with a minute of TIME_WAIT they are gone after ten
// seconds, with reuse they last.
TEST_F(Ledger, ForeseesARateThatTimeWaitWillNotBearUnlessItsPortsAreUsedAgain) {
  for (const unsigned reuse : {0u, 1u}) {
    ledger = PortLedger();
    time_wait.clear();
    tw_reuse = reuse;
    const auto backend = backend_at("192.0.2.1:80", {"198.51.100.1"});
    ledger.add(0, backend);
    std::size_t warned_after = 0;
    for (std::size_t second = 1; second <= 9; ++second) {
      hold(*backend, 10);
      time_wait["198.51.100.1 192.0.2.1:80"] = 10 * second;
      if (!look().empty() && warned_after == 0) warned_after = second;
    }
    if (reuse == 0) {
      EXPECT_GT(warned_after, 0u);
      EXPECT_LE(warned_after, 6u) << "while there is room for four seconds";
    } else {
      EXPECT_EQ(warned_after, 0u);
    }
  }
}

TEST_F(Ledger, FollowsABackendThatIsReachedFromOtherSourcesAndKeepsWhatTheFormerHold) {
  const auto backend = backend_at("192.0.2.1:80", {"192.0.2.10"});
  ledger.add(0, backend);
  const PortCounters* const former = backend->way().sources.all()[0].get();
  const auto held = hold(*backend, 5);
  look();
  EXPECT_EQ(ledger.views().at(former).free, 95u);
  const auto other = backend_at("192.0.2.1:80", {"192.0.2.11", "192.0.2.12"});
  backend->take_way(other->identity());
  const auto more = hold(*backend, 7, 1);
  look();
  EXPECT_EQ(ledger.views().at(former).free, 95u) << "its connections are still there";
  EXPECT_EQ(view_of(*backend, 1).free, 93u);
  ledger.remove(*backend);
  look();
  EXPECT_EQ(ledger.pairs(), 2u);
}

}  // namespace
}  // namespace weir::pool
