#include "server/door.h"

#include <gtest/gtest.h>

#include "unit/support.h"

namespace weir::server {
namespace {

using admission::Refusal;

const base::Address kClient = *base::parse_address("192.0.2.7:1");

class Doors : public testing::Test {
 protected:
  // A door by which a client may have one connection, and one refused client may be held.
  Door& make(config::WhenExceeded when_exceeded, bool dry_run = false) {
    admission::LimitSettings settings;
    settings.client = {1, std::nullopt};
    settings.dry_run = dry_run;
    settings.tarpit_max = 1;
    auto listener = std::make_shared<Listener>();
    listener->name = "web";
    DoorRules& rules = listener->door;
    rules.gate = {std::make_shared<const admission::AccessList>(),
                  std::make_shared<admission::LimitSet>(settings), nullptr};
    rules.when_exceeded = when_exceeded;
    rules.tarpit_time = base::Millis(1'000);
    return door.emplace(std::move(listener), Door::Services{counters, samples, tarpit});
  }
  std::uint64_t refused(Refusal reason) const {
    return counters.refused[static_cast<std::size_t>(reason)].value();
  }
  // How the other end of a connection that the door refuses sees it end: 0 or errno; -1: not at all.
  int refuse() {
    test::SocketPair pair = test::tcp_pair();
    door->refuse(std::move(pair.b));
    if (!test::wait_for(pair.a.get(), POLLIN, base::Millis(0))) {
      held = std::move(pair.a);
      return -1;
    }
    int error = 0;
    test::receive_all(pair.a.get(), &error);
    return error;
  }

  session::ListenerCounters counters;
  admission::RefusalSamples samples;
  net::TimerWheel wheel{base::precise_now()};
  Tarpit tarpit{wheel};
  std::optional<Door> door;
  base::UniqueFd held;
};

TEST_F(Doors, CountTheRefusedAndKeepASample) {
  Door& strict = make(config::WhenExceeded::kReset);
  admission::LimitPermits first;
  admission::LimitPermits second;
  EXPECT_EQ(strict.admit(kClient, first), std::nullopt);
  EXPECT_EQ(strict.admit(kClient, second), Refusal::kClientConnections);
  EXPECT_EQ(refused(Refusal::kClientConnections), 1u);
  const auto kept = samples.read();
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_EQ(kept[0].listener, "web");
  EXPECT_EQ(kept[0].client, kClient);
  EXPECT_EQ(kept[0].reason, Refusal::kClientConnections);
  EXPECT_FALSE(kept[0].dry_run);
}

TEST_F(Doors, CountWhomADryRunWouldRefuseAndLetThemIn) {
  Door& dry = make(config::WhenExceeded::kReset, true);
  admission::LimitPermits first;
  admission::LimitPermits second;
  EXPECT_FALSE(dry.admit_peer(kClient, first).refused);
  EXPECT_FALSE(dry.admit_peer(kClient, second).refused);
  EXPECT_EQ(refused(Refusal::kClientConnections), 0u);
  EXPECT_EQ(counters.would_refuse[static_cast<std::size_t>(Refusal::kClientConnections)].value(), 1u);
  EXPECT_TRUE(samples.read().at(0).dry_run);
}

TEST_F(Doors, EndConnectionsAsTheyAreTold) {
  make(config::WhenExceeded::kReset);
  EXPECT_EQ(refuse(), ECONNRESET);
  make(config::WhenExceeded::kClose);
  EXPECT_EQ(refuse(), 0);
}

TEST_F(Doors, HoldAsManyAsTheyMayAndResetTheRest) {
  make(config::WhenExceeded::kTarpit);
  EXPECT_EQ(refuse(), -1);
  EXPECT_EQ(refuse(), ECONNRESET);
  EXPECT_EQ(counters.tarpit_full.value(), 1u);
  wheel.advance(base::precise_now() + base::Millis(2'000));
  EXPECT_TRUE(test::wait_for(held.get(), POLLIN)) << "not for ever";
}

TEST_F(Doors, GoByTheChangedListenerFromTheNextClientOn) {
  Door& changing = make(config::WhenExceeded::kReset);
  admission::LimitPermits first;
  admission::LimitPermits second;
  EXPECT_EQ(changing.admit(kClient, first), std::nullopt);
  auto other = std::make_shared<Listener>(*changing.listener());
  other->door.gate.access = std::make_shared<const admission::AccessList>(
      admission::ClientList(),
      admission::ClientList{true, {base::parse_prefix("192.0.2.0/24")->prefix}, false});
  other->door.when_exceeded = config::WhenExceeded::kClose;
  changing.change(other);
  EXPECT_EQ(changing.admit(kClient, second), Refusal::kDenied);
  EXPECT_EQ(refuse(), 0);
  EXPECT_EQ(refused(Refusal::kDenied), 1u) << "counted where it was";
  EXPECT_EQ(changing.listener(), other);
}

}  // namespace
}  // namespace weir::server
