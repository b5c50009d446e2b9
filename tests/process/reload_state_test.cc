// What pools know goes on over a reload: who holds a place, how far a backend has come back, where a name
// leads.
#include <gtest/gtest.h>

#include "support/asking.h"
#include "support/backend.h"
#include "support/dns_server.h"
#include "support/pool_facts.h"
#include "support/reloaded.h"

namespace weir::test {
namespace {

Configuration of(const std::vector<std::string>& backends, const std::string& pool = "") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = backends;
  configuration.pool = pool;
  return configuration;
}

// One more than there is room for: it waits.
Socket expect_to_wait(const WeirProcess& weir) {
  Socket client = weir.connect();
  client.send_all("?");
  EXPECT_TRUE(waiting_become(weir, 1)) << "it was given a place, and all are taken";
  EXPECT_FALSE(client.readable_now());
  return client;
}

TEST(ReloadState, PlacesThatAreHeldStillCount) {
  Backend backend(names_itself("a"));
  const auto with = [&](const std::string& most, const std::string& pool = "") {
    return of({entry_with(backend.address(), "a", "max_connections = " + most)},
              "queue_length = 10\nqueue_timeout = \"1h\"\n" + pool);
  };
  Reloaded weir(with("2"));
  std::vector<Held> held;
  for (int i = 0; i < 2; ++i) held.push_back(hold(*weir));
  weir.well(with("2", "retries = 5\n"));
  EXPECT_EQ(facts_of(*weir, "a").in_flight, 2u);
  Socket third = expect_to_wait(*weir);
  weir.well(with("3"));
  EXPECT_EQ(third.receive_exactly(1), "a") << "there is room for it now";
  Socket last = expect_to_wait(*weir);
  // Fewer than are held: none is given until as many have gone.
  weir.well(with("1"));
  held.pop_back();
  ASSERT_TRUE(eventually([&] { return facts_of(*weir, "a").in_flight == 2; }));
  held.pop_back();
  ASSERT_TRUE(eventually([&] { return facts_of(*weir, "a").in_flight == 1; }));
  EXPECT_EQ(pool_facts(*weir).waiting, 1u);
  third.close();
  EXPECT_EQ(last.receive_exactly(1), "a");
}

TEST(ReloadState, ASlowStartGoesOn) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  const std::string slowly = "slow_start = \"10m\"\n";
  const std::string drained = entry_with(b.address(), "b", "state = \"drain\"");
  Reloaded weir(of({entry(a.address(), "a"), drained}, slowly));
  weir.well(of({entry(a.address(), "a"), entry(b.address(), "b")}, slowly));
  ASSERT_LT(facts_of(*weir, "b").weight_ratio, 0.5) << "it has just come back";
  weir.well(of({entry(a.address(), "a"), entry(b.address(), "b")}, slowly + "retries = 5\n"));
  EXPECT_LT(facts_of(*weir, "b").weight_ratio, 0.5);
  EXPECT_EQ(facts_of(*weir, "a").weight_ratio, 1);
  const Tally answers = ask_in_turn(*weir, 44);
  EXPECT_EQ(answers.served(), 44u);
  EXPECT_LT(answers.of("b"), 11u) << "half of them would be its whole share";
  weir.well(of({entry(a.address(), "a"), entry(b.address(), "b")}));
  EXPECT_EQ(facts_of(*weir, "b").weight_ratio, 1) << "there is none any more";
}

TEST(ReloadState, ANameKeepsItsLastAnswerThoughNoServerAnswersAnyMore) {
  Backend backend(names_itself("a"));
  auto dns = std::make_unique<DnsServer>();
  dns->set_addresses("app.test", 3'600, {"127.0.0.1"});
  const std::string server = dns->address().to_string();
  const auto with = [&](const std::string& pool, const std::string& servers) {
    Configuration configuration = of({"\"app.test:" + std::to_string(backend.address().port()) + "\""}, pool);
    configuration.rest = "[pools.web.resolve]\nservers = [" + servers + "]\n";
    return configuration;
  };
  Reloaded weir(with("", "\"" + server + "\""));
  EXPECT_EQ(ask(*weir).bytes, "a");
  dns.reset();
  weir.well(with("retries = 5\n", "\"" + server + "\""));
  EXPECT_EQ(ask(*weir).bytes, "a");
  // Who is asked now is another one, and as silent.
  const DeadPort other;
  weir.well(with("retries = 5\n", "\"" + other.address().to_string() + "\""));
  EXPECT_EQ(ask(*weir).bytes, "a");
  EXPECT_EQ(facts_of(*weir, "app.test:" + std::to_string(backend.address().port()) + "@127.0.0.1").state,
            "up");
}

}  // namespace
}  // namespace weir::test
