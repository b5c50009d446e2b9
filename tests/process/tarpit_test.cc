// The tarpit: refused clients that are held take nothing that was promised to others, neither connections nor
// descriptors nor time.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/clients.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr std::size_t kMost = 60;

// Denies 127.0.0.2 and holds it for longer than any test takes.
Configuration configuration_for(const Backend& backend, const std::string& limits = "") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.rest =
      "[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n[listeners.web.limits]\nwhen_exceeded = \"tarpit\"\n"
      "tarpit_time = \"1h\"\ntarpit_max = " +
      std::to_string(kMost) + "\n" + limits;
  return configuration;
}

std::uint64_t held(const WeirProcess& weir) { return weir.admin().sum("weir_clients_tarpitted"); }

// Refused clients, until no more are held. They talk, as if they had been let in.
std::vector<Socket> fill_tarpit(const WeirProcess& weir) {
  std::vector<Socket> clients;
  for (std::size_t i = 0; i < kMost; ++i) {
    clients.push_back(connect_from(weir, "127.0.0.2"));
    clients.back().send_all("anybody there?");
  }
  EXPECT_TRUE(eventually([&] { return held(weir) == kMost; })) << held(weir);
  return clients;
}

TEST(Tarpit, HoldsAsManyAsItMayWithoutSessionsAndResetsTheRest) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));
  const std::vector<Socket> stuck = fill_tarpit(weir);
  for (std::size_t i = 0; i < kMost; ++i) {
    EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset);
  }
  for (const Socket& client : stuck) EXPECT_FALSE(client.readable_now()) << "it got an answer";
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_clients_tarpitted"), kMost);
  EXPECT_EQ(metrics.sum("weir_tarpit_full_total"), kMost);
  EXPECT_EQ(metrics.sum("weir_connections_refused_total", {{"reason", "denied"}}), 2 * kMost);
  EXPECT_EQ(metrics.sum("weir_sessions_open"), 0u);
  EXPECT_EQ(metrics.sum("weir_process_connections"), 0u);
  EXPECT_EQ(backend.accepted(), 0u);
}

TEST(Tarpit, ThatIsFullLeavesOthersAllConnectionsThatWerePromised) {
  Backend backend(echo());
  ChildOptions few = weir_options();
  few.descriptors = 256;
  const WeirProcess weir(configuration_for(backend), few);
  const std::size_t most = weir.ready().number("max_connections");
  ASSERT_GT(most, 60u);
  ASSERT_LT(most, 256u / 2);

  const std::vector<Socket> stuck = fill_tarpit(weir);
  std::vector<Socket> clients;
  for (std::size_t i = 0; i < most; ++i) clients.push_back(served_and_open(weir, "127.0.0.3"));
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_sessions_open"), most);
  EXPECT_EQ(metrics.sum("weir_clients_tarpitted"), kMost);
  EXPECT_EQ(metrics.sum("weir_accept_pauses_total", {{"reason", "no_descriptors"}}), 0u)
      << "the sum of descriptors does not hold";
}

TEST(Tarpit, HoldsNoConnectionThatItsClientMayHave) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "client_max_connections = 1\nmax_connections = 2\n"));
  Socket client = served_and_open(weir, "127.0.0.3");
  const Socket second = connect_from(weir, "127.0.0.3");
  const Socket third = connect_from(weir, "127.0.0.3");
  EXPECT_TRUE(eventually([&] { return held(weir) == 2; }));
  client.close();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  EXPECT_TRUE(is_served(weir, "127.0.0.3")) << "it has no connection open";
  EXPECT_FALSE(second.readable_now());
  EXPECT_FALSE(third.readable_now());
}

TEST(Tarpit, DoesNotDelayADrain) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend);
  configuration.process = "drain_timeout = \"1h\"\n";
  WeirProcess weir(configuration);
  std::vector<Socket> stuck = fill_tarpit(weir);
  EXPECT_EQ(weir.stop(), kClean);
  for (Socket& client : stuck) ASSERT_EQ(client.receive_until_end().ended, Ended::kReset);
}

TEST(Tarpit, IsEmptiedWhenADrainBeginsAndSessionsGoOn) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend);
  configuration.process = "drain_timeout = \"1h\"\n";
  WeirProcess weir(configuration);
  Socket session = served_and_open(weir, "127.0.0.3");
  std::vector<Socket> stuck = fill_tarpit(weir);
  weir.terminate();
  for (Socket& client : stuck) ASSERT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_TRUE(eventually([&] { return held(weir) == 0; }));
  session.send_all("y");
  EXPECT_EQ(session.receive_exactly(1), "y");
  session.close();
  EXPECT_EQ(weir.wait().value_or(Exit{}).status, kClean);
}

}  // namespace
}  // namespace weir::test
