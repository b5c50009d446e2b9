// What a new process knows of the one before.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>

#include <set>

#include "support/backend.h"
#include "support/clients.h"
#include "support/dns_server.h"
#include "support/listener.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "support/test_user.h"
#include "support/tls_socket.h"
#include "support/unanswered.h"
#include "support/upgraded.h"

namespace weir::test {
namespace {

Configuration on(const base::Address& backend, const std::string& name = "a") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend, name)};
  return configuration;
}

std::string answer_of(const base::Address& address) {
  Socket client = Socket::connect(address);
  client.send_all("x");
  return client.receive_some().bytes;
}

TEST(UpgradeState, ADownBackendIsSentNobodyRightAfterIt) {
  Backend good(names_itself("good"));
  auto bad = std::make_unique<Listener>(address_of("127.0.0.1:0"));
  const base::Address dead = bad->address();
  bad.reset();
  Configuration configuration = on(good.address(), "good");
  configuration.backends.push_back(entry(dead, "bad"));
  configuration.pool =
      "retries = 0\n[pools.web.health]\ntype = \"tcp\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\nfall = "
      "1\ninitial = "
      "\"up\"\n";
  Upgraded weir(configuration);
  ASSERT_TRUE(becomes(*weir, "bad", "down"));
  configuration.pool =
      "retries = 0\n[pools.web.health]\ntype = \"tcp\"\ninterval = \"100s\"\nfall = 3\ninitial = "
      "\"up\"\n";
  weir.write(configuration.to_toml());
  weir.well();
  for (int i = 0; i < 20; ++i) ASSERT_EQ(answer_of(weir->address()), "good");
  EXPECT_EQ(facts_of(*weir, "bad").state, "down");
  EXPECT_EQ(facts_of(*weir, "bad").attempts, 0u);
}

TEST(UpgradeState, AnEjectionGoesOn) {
  Backend good(names_itself("good"));
  const base::Address dead = Listener(address_of("127.0.0.1:0")).address();
  Configuration configuration = on(good.address(), "good");
  configuration.backends.push_back(entry(dead, "bad"));
  configuration.pool = "[pools.web.outlier]\nconsecutive_failures = 1\neject_time = \"1h\"\n";
  Upgraded weir(configuration);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(answer_of(weir->address()), "good");
  ASSERT_EQ(facts_of(*weir, "bad").state, "ejected");
  const std::string reason = facts_of(*weir, "bad").state_reason;
  weir.well();
  EXPECT_EQ(facts_of(*weir, "bad").state, "ejected");
  EXPECT_EQ(facts_of(*weir, "bad").state_reason, reason);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(answer_of(weir->address()), "good");
  EXPECT_EQ(facts_of(*weir, "bad").attempts, 0u);
}

TEST(UpgradeState, ARateGoesOnWithWhatWasUsedUp) {
  Backend backend(echo());
  Configuration configuration = on(backend.address());
  configuration.process = "[process.limits]\nconnection_rate = \"1/h\"\nconnection_burst = 100\n";
  configuration.rest = "[listeners.web.limits]\nconnection_rate = \"1/h\"\nconnection_burst = 3\n";
  Upgraded weir(configuration);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
  weir.well();
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
}

TEST(UpgradeState, AnswersOfNamesAreKeptThoughNoNameServerAnswersAnyMore) {
  Backend backend(names_itself("a"));
  auto dns = std::make_unique<DnsServer>();
  dns->set_addresses("app.test", 3'600, {"127.0.0.1"});
  Configuration configuration = on(backend.address());
  configuration.backends = {"\"app.test:" + std::to_string(backend.address().port()) + "\""};
  configuration.rest = "[pools.web.resolve]\nservers = [\"" + dns->address().to_string() + "\"]\n";
  Upgraded weir(configuration);
  EXPECT_EQ(answer_of(weir->address()), "a");
  dns.reset();
  weir.well();
  EXPECT_EQ(answer_of(weir->address()), "a");
}

TEST(UpgradeState, TheProcessesWithSessionsAreKnown) {
  Backend backend(echo());
  Upgraded weir(on(backend.address()));
  std::vector<Socket> sessions;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    sessions.push_back(served_and_open(*weir, "127.0.0.1"));
    weir.well();
    EXPECT_EQ(weir.told("has taken over").back().number("processes"), i);
  }
  sessions.front().close();
  EXPECT_EQ(weir->wait()->status, kClean);
  sessions.push_back(served_and_open(*weir, "127.0.0.1"));
  weir.well();
  EXPECT_EQ(weir.told("has taken over").back().number("processes"), 3u) << "the first one has ended";
}

TEST(UpgradeState, NoTwoProcessesGiveASessionTheSameId) {
  Backend backend(echo());
  Upgraded weir(on(backend.address()));
  for (int i = 0; i < 4; ++i) {
    for (int k = 0; k < 4; ++k) EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
    if (i < 3) weir.well();
  }
  std::set<std::string> ids;
  for (const LogLine& line : weir->wait_for_sessions(16)) ids.insert(line.text("id"));
  EXPECT_EQ(ids.size(), 16u);
}

TEST(UpgradeState, ClientsResumeTheirTlsSessions) {
  const TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const CertificatePaths paths =
      write_certificate(directory.path(), "first", authority.issue(server_spec({"a.example"})), {});
  give_to_test_user(paths.key);
  Backend backend(echo());
  Configuration configuration = on(backend.address());
  configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [{ chain = \"" +
                       paths.chain + "\", key = \"" + paths.key + "\" }]\n";
  Upgraded weir(configuration);
  TlsOptions options;
  options.server_name = "a.example";
  options.authority = &authority;
  const auto talk = [&] {
    TlsSocket client = TlsSocket::connect(weir->connect(), options);
    client.send_all("hello");
    EXPECT_EQ(client.receive_exactly(5), "hello");
    const bool was_resumed = client.was_resumed();
    options.session = client.session();
    return was_resumed;
  };
  EXPECT_FALSE(talk());
  TlsSocket running = TlsSocket::connect(weir->connect(), options);
  for (int i = 0; i < 2; ++i) {
    weir.well();
    EXPECT_TRUE(talk()) << "after upgrade " << i;
  }
  running.send_all("still here");
  EXPECT_EQ(running.receive_exactly(10), "still here");
}

TEST(UpgradeState, ThePacketFilterIsTheNewProcessesOwn) {
  if (::geteuid() != 0 || test_user() != nullptr || (!has_right(CAP_BPF) && !has_right(CAP_SYS_ADMIN))) {
    GTEST_SKIP() << "NOT CHECKED: to make the filter takes root with CAP_BPF";
  }
  Backend backend(echo());
  Configuration configuration = on(backend.address());
  const auto deny = [&](const std::string& host) {
    configuration.rest = "[listeners.web.access]\nkernel_drop = true\ndeny = [\"" + host + "\"]\n";
  };
  deny("127.0.0.2");
  Upgraded weir(configuration);
  EXPECT_TRUE(is_served(*weir, "127.0.0.3"));
  Socket session = served_and_open(*weir, "127.0.0.4");
  deny("127.0.0.3");
  weir.write(configuration.to_toml());
  weir.well();
  EXPECT_TRUE(is_served(*weir, "127.0.0.2"));
  const Unanswered denied("127.0.0.3", weir->address());
  EXPECT_TRUE(eventually([&] { return weir->admin().sum("weir_packets_dropped_total") >= 1; }));
  EXPECT_TRUE(denied.still_waits());
  // The end of the one before takes nothing off.
  session.close();
  EXPECT_TRUE(weir->wait().has_value());
  const Unanswered still_denied("127.0.0.3", weir->address());
  EXPECT_TRUE(eventually([&] { return weir->admin().sum("weir_packets_dropped_total") >= 2; }));
  EXPECT_TRUE(still_denied.still_waits());
  configuration.rest = "";
  weir.write(configuration.to_toml());
  weir.well();
  EXPECT_TRUE(is_served(*weir, "127.0.0.3")) << "it is off the sockets";
}

}  // namespace
}  // namespace weir::test
