// Transparent pools: the backend sees the client's own address, with the routes that docs/pools.md says it
// takes. Three hosts: one of clients, Weir's, and one of a backend, which reaches clients only by Weir's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>

#include "support/asking.h"
#include "support/backend.h"
#include "support/namespaces.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

class Transparent : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    make_hosts();
  }

  void make_hosts() {
    clients_.emplace();
    weir_.emplace();
    backend_.emplace();
    for (const NetworkNamespace* host : {&*clients_, &*weir_, &*backend_}) {
      host->set("net.ipv6.conf.all.accept_dad", "0");
      host->set("net.ipv6.conf.default.accept_dad", "0");
    }
    link({*clients_, {"198.19.0.2/24", "198.19.0.3/24", "2001:2:0:1::2/64"}},
         {*weir_, {"198.19.0.1/24", "2001:2:0:1::1/64"}});
    towards_backend_ = link({*weir_, {"198.18.1.1/24", "2001:2:0:2::1/64"}},
                            {*backend_, {"198.18.1.2/24", "2001:2:0:2::2/64"}});
    backend_->ip("route add default via 198.18.1.1");
    backend_->ip("-6 route add default via 2001:2:0:2::1");
  }

  // What the backend sends from its port comes to Weir, whatever address it is for.
  void lead_answers_here() const {
    for (const std::string family : {"-4", "-6"}) {
      // TCP by its number: a small system has no /etc/protocols.
      weir_->ip(family + " rule add iif " + towards_backend_ + " ipproto 6 sport 7000 lookup 100");
      weir_->ip(family + " route add local default dev lo table 100");
    }
  }

  std::unique_ptr<Backend> backend_at(const std::string& address, Behaviour behaviour) const {
    return backend_->run(
        [&] { return std::make_unique<Backend>(address_of(address), std::move(behaviour)); });
  }

  static Configuration configuration_for(const std::vector<const Backend*>& backends) {
    Configuration configuration;
    configuration.workers = 2;
    configuration.bind = "198.19.0.1:0";
    configuration.also_bind = "[2001:2:0:1::1]:0";
    for (const Backend* one : backends) {
      configuration.backends.push_back(
          entry(one->address(), std::string(1, static_cast<char>('a' + configuration.backends.size()))));
    }
    configuration.pool = "transparent = true\nconnect_timeout = \"300ms\"\n";
    return configuration;
  }

  // From `host`, an address of the clients' host.
  Received ask_from(const WeirProcess& weir, const std::string& host) const {
    const bool is_v6 = host.find(':') != std::string::npos;
    Socket::Options options;
    options.source = address_of(is_v6 ? "[" + host + "]:0" : host + ":0");
    return clients_->run([&] { return ask(weir.addresses()[is_v6 ? 1 : 0], options); });
  }

  std::optional<NetworkNamespace> clients_;
  std::optional<NetworkNamespace> weir_;
  std::optional<NetworkNamespace> backend_;
  std::string towards_backend_;
};

TEST_F(Transparent, ShowsTheBackendTheClientsAddress) {
  lead_answers_here();
  const NetworkNamespace::Inside inside(*weir_);
  const auto v4 = backend_at("198.18.1.2:7000", names_its_client());
  const WeirProcess weir(configuration_for({&*v4}));
  for (const char* client : {"198.19.0.2", "198.19.0.3", "198.19.0.2"}) {
    EXPECT_EQ(ask_from(weir, client).bytes, client);
  }
  const auto ports = ports_of(weir, "a");
  EXPECT_EQ(ports.size(), 1u);
  EXPECT_EQ(ports.at("client").usable, -1) << "each client has ports of its own";
}

TEST_F(Transparent, ShowsTheBackendAnIpv6ClientsAddress) {
  lead_answers_here();
  const NetworkNamespace::Inside inside(*weir_);
  const auto v6 = backend_at("[2001:2:0:2::2]:7000", names_its_client());
  const WeirProcess weir(configuration_for({&*v6}));
  EXPECT_EQ(ask_from(weir, "2001:2:0:1::2").bytes, "2001:2:0:1::2");
}

TEST_F(Transparent, ServesEachClientByABackendOfItsFamily) {
  lead_answers_here();
  const NetworkNamespace::Inside inside(*weir_);
  const auto v4 = backend_at("198.18.1.2:7000", names_its_client());
  const auto v6 = backend_at("[2001:2:0:2::2]:7000", names_its_client());
  const WeirProcess weir(configuration_for({&*v4, &*v6}));
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(ask_from(weir, "198.19.0.2").bytes, "198.19.0.2");
    EXPECT_EQ(ask_from(weir, "2001:2:0:1::2").bytes, "2001:2:0:1::2");
  }
  EXPECT_EQ(facts_of(weir, "a").ejections + facts_of(weir, "b").ejections, 0u) << "it is not their fault";
}

TEST_F(Transparent, ChecksFromThisHostsOwnAddress) {
  lead_answers_here();
  const NetworkNamespace::Inside inside(*weir_);
  const auto backend = backend_at("198.18.1.2:7000", names_its_client());
  Configuration configuration = configuration_for({&*backend});
  configuration.rest =
      "[pools.web.health]\ntype = \"exchange\"\ninterval = \"200ms\"\ntimeout = \"200ms\"\n"
      "exchange = { send = \"x\", expect = \"198.18.1.1\" }\n";
  const WeirProcess weir(configuration);
  EXPECT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 2; }));
  EXPECT_EQ(facts_of(weir, "a").checks_failed, 0u);
}

TEST_F(Transparent, TimesOutWhereAnswersAreNotLedBack) {
  const NetworkNamespace::Inside inside(*weir_);
  const auto backend = backend_at("198.18.1.2:7000", names_its_client());
  const WeirProcess weir(configuration_for({&*backend}));
  EXPECT_EQ(ask_from(weir, "198.19.0.2").ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "connect_timeout");
}

TEST_F(Transparent, IsRefusedAtStartWithoutTheRight) {
  const NetworkNamespace::Inside inside(*weir_);
  const auto backend = backend_at("198.18.1.2:7000", echo());
  ChildOptions options = weir_options();
  options.without_rights = {CAP_NET_RAW, CAP_NET_ADMIN};
  const WeirRun run = run_weir_on(configuration_for({&*backend}).to_toml(), options);
  EXPECT_EQ(run.exit.status, kNotStarted) << run.exit.to_string();
  EXPECT_THAT(run.output,
              HasSubstr("pools.web.transparent: connecting from the clients' addresses needs a right"));
}

}  // namespace
}  // namespace weir::test
