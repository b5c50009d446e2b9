// A table of clients that is full: nobody who is remembered is forgotten to make room, and a new client is
// let in without limits of its own or refused, as the configuration says, and counted either way.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/clients.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

constexpr int kSize = 16;

Configuration configuration_for(const Backend& backend, const std::string& limits) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.rest = "[listeners.web.limits]\nclient_table_size = " + std::to_string(kSize) + "\n" + limits;
  return configuration;
}

std::string host(int i) { return "127.0.1." + std::to_string(i); }

// A connection of each client that the table has room for.
std::vector<Socket> fill_table(const WeirProcess& weir) {
  std::vector<Socket> clients;
  for (int i = 0; i < kSize; ++i) clients.push_back(served_and_open(weir, host(i)));
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_clients_remembered"), 16u);
  EXPECT_EQ(metrics.sum("weir_clients_remembered_max"), 16u);
  return clients;
}

TEST(FullTable, RefusesANewClientUntilAKnownOneHasGone) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "client_max_connections = 2\ntable_full = \"refuse\"\n"));
  std::vector<Socket> clients = fill_table(weir);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(how_refused(weir, host(kSize + i)), Ended::kReset);
  EXPECT_EQ(refused(weir, "table_full"), 3u);
  EXPECT_EQ(weir.admin().sum("weir_connections_unlimited_total"), 0u);
  EXPECT_TRUE(is_served(weir, host(0))) << "a client that is known has nothing to fear";

  clients.back().close();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == kSize - 1u; }));
  const Socket fresh = served_and_open(weir, host(kSize));
  EXPECT_EQ(how_refused(weir, host(kSize + 1)), Ended::kReset);
  EXPECT_EQ(refused(weir, "table_full"), 4u);
}

TEST(FullTable, AdmitsANewClientWithoutLimitsOfItsOwnAndCountsIt) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, "client_max_connections = 2\ntable_full = \"admit\"\nmax_connections = 20\n"));
  std::vector<Socket> clients = fill_table(weir);
  for (int i = 0; i < 4; ++i) clients.push_back(served_and_open(weir, host(kSize)));
  EXPECT_EQ(weir.admin().sum("weir_connections_unlimited_total"), 4u);
  EXPECT_EQ(weir.admin().sum("weir_connections_refused_total"), 0u);

  EXPECT_EQ(how_refused(weir, host(kSize)), Ended::kReset) << "the listener's limits are kept";
  EXPECT_EQ(refused(weir, "listener_connections"), 1u);
  EXPECT_EQ(weir.admin().sum("weir_connections_unlimited_total"), 4u) << "it was not let in";
}

TEST(FullTable, ForgetsNobodyWhoseBurstIsNotWholeAgain) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, "client_connection_rate = \"1/h\"\nclient_connection_burst = 1\ntable_full = \"refuse\"\n"));
  fill_table(weir).clear();
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_process_connections") == 0; }));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(how_refused(weir, host(kSize + i)), Ended::kReset);
  EXPECT_EQ(refused(weir, "table_full"), 3u);
  for (int i = 0; i < kSize; ++i) EXPECT_EQ(how_refused(weir, host(i)), Ended::kReset) << host(i);
  EXPECT_EQ(refused(weir, "client_rate"), 16u) << "filling the table gave them a fresh start";
}

}  // namespace
}  // namespace weir::test
