// Limits that are run dry: each kind counts what it would refuse and serves it, and refuses the same once it
// is in force. What is no limit of the listener refuses all the same.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/clients.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

Configuration configuration_for(const Backend& backend, const std::string& limits) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.rest = "[listeners.web.limits]\n" + limits;
  return configuration;
}

// How many would have been refused for that reason, and for any.
std::uint64_t would_refuse(const WeirProcess& weir, const Labels& labels = {}) {
  return weir.admin().sum("weir_connections_would_be_refused_total", labels);
}

// Connections from 127.0.0.2 and so on, all held: the first `kWithin` are within the limit, the others are
// not.
struct Kind {
  std::string reason;
  std::string limits;
  bool by_one_client = true;  // else each comes from an address of its own
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.reason; }

constexpr int kWithin = 16;
constexpr int kBeyond = 5;

class DryRun : public testing::TestWithParam<Kind> {
 protected:
  std::string host(int i) const {
    return GetParam().by_one_client ? "127.0.0.2" : "127.0.1." + std::to_string(i);
  }
};

INSTANTIATE_TEST_SUITE_P(
    OfEachKind, DryRun,
    testing::Values(Kind{"rate", "connection_rate = \"1/h\"\nconnection_burst = 16\n", false},
                    Kind{"listener_connections", "max_connections = 16\n", false},
                    Kind{"client_rate", "client_connection_rate = \"1/h\"\nclient_connection_burst = 16\n"},
                    Kind{"client_connections", "client_max_connections = 16\n"},
                    Kind{"table_full",
                         "client_table_size = 16\nclient_max_connections = 1\ntable_full = \"refuse\"\n",
                         false}),
    [](const auto& kind) { return kind.param.reason; });

TEST_P(DryRun, CountsWhatIsBeyondTheLimitAndServesIt) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, GetParam().limits + "dry_run = true\n"));
  std::vector<Socket> clients;
  for (int i = 0; i < kWithin; ++i) clients.push_back(served_and_open(weir, host(i)));
  EXPECT_EQ(would_refuse(weir), 0u);
  for (int i = 0; i < kBeyond; ++i) clients.push_back(served_and_open(weir, host(kWithin + i)));
  EXPECT_EQ(would_refuse(weir, {{"reason", GetParam().reason}}), 5u);
  EXPECT_EQ(would_refuse(weir), 5u) << "for another reason besides";
  EXPECT_EQ(weir.admin().sum("weir_connections_refused_total"), 0u);
  EXPECT_EQ(weir.admin().sum("weir_sessions_open"), 21u);
  const std::string samples = weir.admin().get("/v1/refusals").body;
  EXPECT_NE(samples.find("\"reason\": \"" + GetParam().reason + "\""), std::string::npos) << samples;
}

TEST_P(DryRun, SwitchedOffRefusesTheSame) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, GetParam().limits + "dry_run = false\n"));
  std::vector<Socket> clients;
  for (int i = 0; i < kWithin; ++i) clients.push_back(served_and_open(weir, host(i)));
  for (int i = 0; i < kBeyond; ++i) EXPECT_EQ(how_refused(weir, host(kWithin + i)), Ended::kReset);
  EXPECT_EQ(refused(weir, GetParam().reason), 5u);
  EXPECT_EQ(weir.admin().sum("weir_connections_refused_total"), 5u) << "for another reason besides";
  EXPECT_EQ(would_refuse(weir), 0u);
  for (Socket& client : clients) {
    client.send_all("y");
    EXPECT_EQ(client.receive_exactly(1), "y") << "one that was let in suffers";
  }
}

TEST(DryRunOfLimits, LeavesTheAccessListInForce) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, "max_connections = 1\ndry_run = true\n[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n"));
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset);
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  EXPECT_EQ(refused(weir, "denied"), 1u);
  EXPECT_EQ(would_refuse(weir), 0u);
}

TEST(DryRunOfLimits, LeavesTheRateOfTheProcessInForce) {
  Backend backend(echo());
  const WeirProcess weir(
      configuration_for(backend,
                        "max_connections = 1\ndry_run = true\n[process.limits]\nconnection_rate = \"1/h\"\n"
                        "connection_burst = 3\n"));
  std::vector<Socket> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(served_and_open(weir, "127.0.0.2"));
  EXPECT_EQ(how_refused(weir, "127.0.0.2"), Ended::kReset);
  EXPECT_EQ(refused(weir, "process_rate"), 1u);
  EXPECT_EQ(would_refuse(weir, {{"reason", "listener_connections"}}), 2u)
      << "who is refused is not counted as let in";
}

TEST(DryRunOfLimits, SlowsNobodyDown) {
  const std::string answer = pattern(256 * 1024);
  Backend backend([&](Socket& socket) { socket.send_all(answer); });
  const WeirProcess weir(configuration_for(backend, "download_rate = \"1KiB/s\"\ndry_run = true\n"));
  Socket client = weir.connect();
  EXPECT_EQ(client.receive_until_end().bytes, answer);
}

}  // namespace
}  // namespace weir::test
