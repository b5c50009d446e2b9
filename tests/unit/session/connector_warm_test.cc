// The connector and connections that were made before anybody needed them.
#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <map>

#include "tls/client_context.h"
#include "unit/session/connecting.h"

namespace weir::session {
namespace {

// Warm connections, each to a backend.
struct Warm final : WarmSource {
  WarmConnection take(const pool::Backend& backend) override {
    const auto at = sockets.find(&backend);
    if (at == sockets.end()) return {};
    WarmConnection taken{std::move(at->second), {}, base::Micros(90)};
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

TEST(Connector, TakesAWarmConnectionAndTellsWhatItTookWhenItWasMade) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  const auto pool = pool_of({a});
  Warm warm;
  warm.sockets[a.get()] = test::connect_to(listening.address);
  const int fd = warm.sockets[a.get()].get();
  ConnectorFixture f;
  const Connector::Services services{*f.loop, f.wakes, &warm};
  Connector connector(services, f, f.peer);
  connector.start(pool, {f.client}, f.options);
  EXPECT_EQ(f.connected, 1) << "at once";
  EXPECT_EQ(f.waits, 0);
  EXPECT_EQ(f.peer.fd.get(), fd);
  EXPECT_TRUE(connector.was_warm());
  EXPECT_EQ(connector.attempts(), 1);
  EXPECT_EQ(connector.connect_time(), base::Micros(0));
  EXPECT_EQ(a->counters().attempts.value(), 1u);
  EXPECT_EQ(a->counters().sessions.value(), 1u);
  EXPECT_EQ(a->counters().warm_used.value(), 1u);
  EXPECT_EQ(pool->view().backends[0].connect_time, 90u);
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
  ConnectorFixture f;
  const Connector::Services services{*f.loop, f.wakes, &none};
  Connector connector(services, f, f.peer);
  connector.start(pool_of({a}), {f.client}, f.options);
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
  ConnectorFixture f;
  f.options.user_timeout = base::Millis(7'000);
  const Connector::Services services{*f.loop, f.wakes, &warm};
  Connector connector(services, f, f.peer);
  connector.start(pool_of({a}), {f.client}, f.options);
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
    ConnectorFixture f;
    const Connector::Services services{*f.loop, f.wakes, &warm};
    Connector connector(services, f, f.peer);
    connector.start(pool, {f.client}, f.options);
    ASSERT_TRUE(f.finish());
    EXPECT_EQ(f.connected, 1);
    EXPECT_TRUE(connector.was_warm());
    connector.stop();
  }
  EXPECT_EQ(dead->counters().failed_attempts.value(), 1u) << "one of the two had to try it first";
}

// The loop was late: what had become of the warm connection it learns when the time for it is over.
TEST(Connector, GivesAConnectInPlaceOfAStaleWarmConnectionItsOwnTime) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address);
  pool::PoolSettings settings;
  settings.connect_timeout = base::Millis(250);
  tls::ClientSettings whoever;
  whoever.verify = false;
  std::vector<std::string> warnings;
  settings.tls.context = *tls::ClientContext::load(whoever, warnings);
  Warm warm;
  warm.sockets[a.get()] = test::connect_to(listening.address);
  base::UniqueFd stale = test::accept_from(listening.fd.get());
  ConnectorFixture f;
  const Connector::Services services{*f.loop, f.wakes, &warm};
  Connector connector(services, f, f.peer);
  connector.start(std::make_shared<pool::Pool>(settings, Backends{a}), {f.client}, f.options);
  const base::TimePoint first_deadline = connector.deadline();
  stale.reset();
  ASSERT_TRUE(test::wait_for(f.peer.fd.get(), POLLIN));
  ASSERT_TRUE(test::eventually([&] { return base::precise_now() > first_deadline; }));
  connector.timed_out();
  EXPECT_EQ(f.failed, 0);
  EXPECT_EQ(a->counters().failed_attempts.value(), 0u) << "it was not to blame";
  EXPECT_GT(connector.deadline(), first_deadline);
  const base::UniqueFd accepted = test::accept_from(listening.fd.get());
  EXPECT_TRUE(f.driver.until([&] { return net::unread_bytes(accepted.get()) > 0; })) << "a ClientHello";
  f.peer.abort();
  connector.stop();
}

TEST(Connector, WaitsForAPlaceEvenIfAConnectionIsWarm) {
  const test::Listening listening = test::listen_on_loopback();
  const auto a = backend("a", listening.address, 1);
  const auto pool = pool_of({a});
  pool::Slot taken = pick(*pool);
  Warm warm;
  warm.sockets[a.get()] = test::connect_to(listening.address);
  ConnectorFixture f;
  const Connector::Services services{*f.loop, f.wakes, &warm};
  Connector connector(services, f, f.peer);
  connector.start(pool, {f.client}, f.options);
  EXPECT_TRUE(connector.is_queued());
  EXPECT_EQ(warm.sockets.size(), 1u) << "nobody has taken it";
  taken.release();
  ASSERT_TRUE(f.finish());
  EXPECT_TRUE(connector.was_warm());
  EXPECT_TRUE(connector.queue_time().has_value());
  connector.stop();
}

}  // namespace
}  // namespace weir::session
