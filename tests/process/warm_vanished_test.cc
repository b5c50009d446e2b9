// Warm connections to a host that vanishes without a word: they are noticed to be dead while they wait, and
// a client that is given one before that does not hang.
#include <gtest/gtest.h>

#include "support/asking.h"
#include "support/backend.h"
#include "support/pool_facts.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

class WarmConnectionsToAHost : public OnTwoHosts {
 protected:
  std::unique_ptr<Backend> far_backend() const {
    return as_clients(
        [] { return std::make_unique<Backend>(address_of("198.18.0.2:0"), names_itself("far")); });
  }
  static Configuration with_warm(const std::string& backends) {
    Configuration configuration;
    configuration.backends = {backends};
    configuration.pool = "policy = \"first\"\nwarm_connections = 2\nconnect_timeout = \"1s\"\n";
    return configuration;
  }
  void cut_off() const { hosts().clients().ip("link set " + hosts().interface() + " down"); }
};

TEST_F(WarmConnectionsToAHost, ThatVanishedAreGivenUpAndCountAsOneFailureAndNoClientNotices) {
  const auto far = far_backend();
  const Backend near(names_itself("near"));
  const WeirProcess weir(with_warm(entry(far->address(), "far") + ", " + entry(near.address(), "near")));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 2; }));
  cut_off();
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 0; }));
  const BackendFacts facts = facts_of(weir, "far");
  EXPECT_EQ(facts.warm_given_up, 2u);
  EXPECT_EQ(facts.failures, 1u) << "once";
  EXPECT_EQ(facts.state, "up") << "one failure is not enough";
  EXPECT_EQ(ask(weir).bytes, "near");
}

TEST_F(WarmConnectionsToAHost, ThatHasJustVanishedDoNotLeaveAClientHanging) {
  const auto far = far_backend();
  const WeirProcess weir(with_warm(entry(far->address(), "far")));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 2; }));
  cut_off();
  EXPECT_EQ(ask(weir).ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "backend_lost");
  EXPECT_EQ(session.number("warm"), 1u);
  EXPECT_LT(session.number("duration_us"), 15'000'000u) << "and not for the half minute of keep-alive";
  EXPECT_GE(facts_of(weir, "far").failures, 1u);
}

// It has been there once, so that the session is like any other from then on.
TEST_F(WarmConnectionsToAHost, ThatVanishesLongAfterwardsSaysNothingOfItsConnect) {
  const auto far = as_clients([] {
    return std::make_unique<Backend>(address_of("198.18.0.2:0"),
                                     [](Socket& socket) { socket.receive_until_end(); });
  });
  Configuration configuration = with_warm(entry(far->address(), "far"));
  configuration.listener = "user_timeout = \"2s\"\n";
  const WeirProcess weir(configuration);
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 2; }));
  Socket client = weir.connect();
  observe_for(Millis(500));  // what is heard sooner is not told from what was heard before
  client.send_all("a line of a log");
  observe_for(Millis(3'500));  // several looks for a sign of life
  cut_off();
  client.send_all("another one");
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_lost");
  // Those that wait are given up beside it, which is one failure.
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 0; }));
  EXPECT_LE(facts_of(weir, "far").failures, 1u);
}

TEST_F(WarmConnectionsToAHost, ThatIsThereAreGoodForAClientThatWaitsBeforeItSpeaks) {
  const auto far = far_backend();
  const WeirProcess weir(with_warm(entry(far->address(), "far")));
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "far").warm == 2; }));
  Socket client = weir.connect();
  observe_for(Millis(3'500));  // several looks for a sign of life
  client.send_all("?");
  EXPECT_EQ(client.receive_some(16).bytes, "far");
  EXPECT_EQ(facts_of(weir, "far").failures, 0u);
}

}  // namespace
}  // namespace weir::test
