// Access lists for clients on other hosts, of both families: who is let in, and that a list which is replaced
// under load never harms those whom it does not name.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "support/backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/two_hosts.h"

namespace weir::test {
namespace {

class AccessOfHosts : public OnTwoHosts {
 protected:
  Configuration configuration_for(const Backend& backend, const std::string& access) const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend.address())};
    configuration.bind = std::string(kWeirHost) + ":0";
    configuration.also_bind = "[" + std::string(kWeirHostV6) + "]:0";
    configuration.rest = "[listeners.web.access]\n" + access;
    return configuration;
  }

  void expect_served(const WeirProcess& weir, const std::vector<std::string>& hosts) const {
    as_clients([&] {
      for (const std::string& host : hosts) EXPECT_TRUE(is_served(weir, host)) << host;
    });
  }
  void expect_reset(const WeirProcess& weir, const std::vector<std::string>& hosts) const {
    as_clients([&] {
      for (const std::string& host : hosts) EXPECT_EQ(how_refused(weir, host), Ended::kReset) << host;
    });
  }
};

TEST_F(AccessOfHosts, DenyResetsItsNetworksAndServesEverybodyElse) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(
      backend, "deny = [\"198.19.1.0/24\", \"198.19.2.128/25\", \"2001:2:0:8001::/64\"]\n"));
  expect_reset(weir, {"198.19.1.0", "198.19.1.255", "198.19.2.128", "2001:2:0:8001::1",
                      "2001:2:0:8001:ffff:ffff:ffff:ffff"});
  expect_served(weir, {"198.19.0.255", "198.19.2.0", "198.19.2.127", "2001:2:0:8000:ffff:ffff:ffff:ffff",
                       "2001:2:0:8002::1"});
  EXPECT_EQ(refused(weir, "denied"), 5u);
  EXPECT_EQ(backend.accepted(), 5u) << "a backend heard of those who were denied";
}

TEST_F(AccessOfHosts, AllowServesItsNetworksAndResetsEverybodyElse) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend,
                                           "allow = [\"198.19.1.0/24\", \"2001:2:0:8001::/64\"]\n"
                                           "deny = [\"198.19.1.7\", \"2001:2:0:8001::/112\"]\n"));
  expect_served(weir, {"198.19.1.6", "198.19.1.8", "2001:2:0:8001::1:1"});
  expect_reset(weir, {"198.19.1.7", "198.19.2.1", "2001:2:0:8001::1", "2001:2:0:8002::1"});
  EXPECT_EQ(refused(weir, "denied"), 4u);
}

TEST_F(AccessOfHosts, AnIPv4ClientOfAnIPv6SocketIsJudgedByTheIPv4Networks) {
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "deny = [\"198.19.1.0/24\", \"2001:2::/32\"]\n");
  configuration.bind = "[::]:0";
  configuration.also_bind.clear();
  configuration.listener = "v6only = false\n";
  WeirProcess weir(configuration);
  const auto target = address_of(kWeirHost + (":" + std::to_string(weir.address().port())));
  as_clients([&] {
    EXPECT_EQ(how_refused(target, "198.19.1.1"), Ended::kReset);
    EXPECT_TRUE(is_served(target, "198.19.2.1"));
  });
  EXPECT_EQ(refused(weir, "denied"), 1u);
  EXPECT_EQ(weir.stop(), kClean);
  EXPECT_TRUE(weir.events("refused").at(0).text("client").starts_with("198.19.1.1:"));
  EXPECT_TRUE(weir.sessions().at(0).text("client").starts_with("198.19.2.1:"));
}

// What became of one connection after the other from a client, up to the end of the work.
class Visits {
 public:
  void add(bool served) {
    const std::lock_guard lock(mutex_);
    served_.push_back(served);
  }
  std::vector<bool> all() const {
    const std::lock_guard lock(mutex_);
    return served_;
  }
  // How many of the newest were refused, without one between that was served.
  std::size_t refused_in_a_row() const {
    const std::vector<bool> visits = all();
    return static_cast<std::size_t>(std::find(visits.rbegin(), visits.rend(), true) - visits.rbegin());
  }

 private:
  mutable std::mutex mutex_;
  std::vector<bool> served_;
};

TEST_F(AccessOfHosts, AListThatIsReplacedUnderLoadHarmsNobodyAndShutsOutWhomItNamesForGood) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "198.19.9.0/24\n");
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "deny_files = [\"" + list + "\"]\n");
  configuration.log = "sessions = \"none\"\n";
  const WeirProcess weir(configuration);
  const auto has_read = [&](std::uint64_t networks) {
    const auto lines = weir.events("access_list");
    return std::any_of(lines.begin(), lines.end(),
                       [&](const LogLine& line) { return line.number("networks") == networks; });
  };
  // By then each worker has the new list: they get it one after the other.
  constexpr std::size_t kForGood = 50;

  std::atomic<bool> over{false};
  Visits allowed[2];
  Visits denied[2];
  const auto visit = [&](const std::string& host, Visits& visits) {
    while (!over) {
      visits.add(is_served(weir, host));
      observe_for(Millis(2));  // the client's pace
    }
  };
  {
    std::vector<Background> clients;
    as_clients([&] {
      clients.emplace_back([&] { visit("198.19.1.1", allowed[0]); });
      clients.emplace_back([&] { visit("2001:2:0:8001::1", allowed[1]); });
      clients.emplace_back([&] { visit("198.19.2.1", denied[0]); });
      clients.emplace_back([&] { visit("2001:2:0:8002::1", denied[1]); });
    });
    const auto are_shut_out = [&] {
      return std::all_of(std::begin(denied), std::end(denied),
                         [](const Visits& visits) { return visits.refused_in_a_row() >= kForGood; });
    };
    EXPECT_TRUE(eventually([&] { return denied[0].all().size() > 10 && denied[1].all().size() > 10; }));
    directory.replace("deny.txt", "198.19.9.0/24\n198.19.2.0/24\n2001:2:0:8002::/64\n");
    EXPECT_TRUE(eventually([&] { return has_read(3); }));
    EXPECT_TRUE(eventually(are_shut_out));
    directory.replace("deny.txt", "198.19.2.0/24\n2001:2:0:8002::/64\n2001:2:0:8003::/64\n198.19.8.0/24\n");
    EXPECT_TRUE(eventually([&] { return has_read(4); }));
    const std::size_t by_then = denied[0].all().size();
    EXPECT_TRUE(eventually([&] { return denied[0].all().size() >= by_then + kForGood; }));
    over = true;
  }
  for (const Visits& visits : allowed) {
    const std::vector<bool> all = visits.all();
    EXPECT_GE(all.size(), kForGood);
    EXPECT_EQ(std::count(all.begin(), all.end(), false), 0) << "of " << all.size();
  }
  for (const Visits& visits : denied) {
    const std::vector<bool> all = visits.all();
    const auto first_refused = std::find(all.begin(), all.end(), false);
    EXPECT_GE(first_refused - all.begin(), 10) << "it was served before";
    // Once it was refused so often, each of the workers knew.
    const auto by_all = std::search_n(all.begin(), all.end(), kForGood, false);
    EXPECT_EQ(std::find(by_all, all.end(), true), all.end()) << "it was let in again";
  }
}

}  // namespace
}  // namespace weir::test
