// The packet filter in both of its modes, as root and after the change of user: the classic one is had by
// taking from Weir the rights that the better one needs. And what the filter cannot do, the gate does, aloud.
#include <gtest/gtest.h>
#include <linux/capability.h>

#include <algorithm>
#include <memory>

#include "support/backend.h"
#include "support/clients.h"
#include "support/other_user.h"
#include "support/process_facts.h"
#include "support/two_hosts.h"
#include "support/unanswered.h"

namespace weir::test {
namespace {

constexpr const char* kSimpler = "the simpler filter is taken, for short lists: ";
constexpr const char* kByTheGate = "denied clients are refused after they have connected: ";

struct Case {
  std::string mode;
  std::string user;  // "": stays root

  bool is_classic() const { return mode == "classic"; }
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.mode << " " << one.user; }

Configuration configuration_for(const Backend& backend, const std::string& access) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.bind = std::string(kWeirHost) + ":0";
  configuration.also_bind = "[" + std::string(kWeirHostV6) + "]:0";
  configuration.rest = "[listeners.web.access]\nkernel_drop = true\n" + access;
  return configuration;
}

// Lines of the log so far, of that event and level, whose text holds `words`.
std::size_t told(const WeirProcess& weir, const std::string& event, const std::string& words) {
  const auto lines = weir.events(event);
  return static_cast<std::size_t>(std::count_if(lines.begin(), lines.end(), [&](const LogLine& line) {
    return line.level == "warning" && line.text("msg").find(words) != std::string::npos;
  }));
}

// Whether a list of so many networks was read while it ran. One that is changed right before the start is
// read once more as it is, so it is not enough to count.
bool has_read(const WeirProcess& weir, std::uint64_t networks) {
  const auto lines = weir.events("access_list");
  return std::any_of(lines.begin(), lines.end(), [&](const LogLine& line) {
    return line.level == "info" && line.number("networks") == networks;
  });
}

// As many networks as a list takes to be too long for the mode, after the ones given.
std::string long_list(const std::string& first, const Case& one) {
  constexpr int kTooManyForClassic = 5'000;  // of about 4000
  constexpr int kTooManyForBpf = 132'000;    // of 131 072
  std::string list = first;
  for (int i = 0; i < (one.is_classic() ? kTooManyForClassic : kTooManyForBpf); ++i) {
    list += "10." + std::to_string(i / 65536) + "." + std::to_string(i / 256 % 256) + "." +
            std::to_string(i % 256) + "\n";
  }
  return list;
}

class FilterIn : public OnTwoHosts, public testing::WithParamInterface<Case> {
 protected:
  void SetUp() override {
    OnTwoHosts::SetUp();
    if (IsSkipped()) return;
    const bool has_rights = has_right(CAP_NET_ADMIN) && has_right(CAP_SETPCAP);
    if (!has_rights) GTEST_SKIP() << "NOT CHECKED: this root has no CAP_NET_ADMIN or no CAP_SETPCAP";
    if (const auto why = why_no_other_user(); why && !GetParam().user.empty()) {
      GTEST_SKIP() << "NOT CHECKED: " << *why;
    }
  }

  ChildOptions options() const {
    ChildOptions options = GetParam().user.empty() ? weir_options() : weir_options_for_user();
    if (GetParam().is_classic()) options.without_rights = {CAP_BPF, CAP_SYS_ADMIN};
    return options;
  }

  Configuration configuration_with(const Backend& backend, const std::string& access) const {
    Configuration configuration = configuration_for(backend, access);
    if (!GetParam().user.empty()) configuration.process = "user = \"" + GetParam().user + "\"\n";
    return configuration;
  }

  std::uint64_t dropped(const WeirProcess& weir) const {
    return weir.admin().sum("weir_packets_dropped_total", {{"mode", GetParam().mode}});
  }

  // After a change of user only that right is left which the mode needs from then on.
  void expect_rights(const WeirProcess& weir) const {
    if (GetParam().user.empty()) return;
    const std::uint64_t kept = GetParam().is_classic() ? std::uint64_t{1} << CAP_NET_ADMIN : 0;
    for (const char* set : {"CapEff", "CapPrm"}) {
      EXPECT_EQ(std::stoull(status_field(weir.pid(), set), nullptr, 16), kept) << set;
    }
  }

  // Both clients meet silence, and each is counted.
  void expect_silence(const WeirProcess& weir, const std::string& v4, const std::string& v6) const {
    const std::uint64_t before = dropped(weir);
    const auto clients = as_clients([&] {
      return std::pair{std::make_unique<Unanswered>(v4, weir.addresses().at(0)),
                       std::make_unique<Unanswered>(v6, weir.addresses().at(1))};
    });
    EXPECT_TRUE(eventually([&] { return dropped(weir) >= before + 2; })) << dropped(weir) - before;
    EXPECT_TRUE(clients.first->still_waits()) << v4;
    EXPECT_TRUE(clients.second->still_waits()) << v6;
  }

  void expect_reset(const WeirProcess& weir, const std::vector<std::string>& hosts) const {
    as_clients([&] {
      for (const std::string& host : hosts) EXPECT_EQ(how_refused(weir, host), Ended::kReset) << host;
    });
  }
  void expect_served(const WeirProcess& weir, const std::vector<std::string>& hosts) const {
    as_clients([&] {
      for (const std::string& host : hosts) EXPECT_TRUE(is_served(weir, host)) << host;
    });
  }
};

INSTANTIATE_TEST_SUITE_P(InEachMode, FilterIn,
                         testing::Values(Case{"bpf", ""}, Case{"bpf", "nobody"}, Case{"classic", ""},
                                         Case{"classic", "nobody"}),
                         [](const auto& one) {
                           return one.param.mode + (one.param.user.empty() ? "" : "_as_" + one.param.user);
                         });

TEST_P(FilterIn, DropsTheDeniedCountsThemAndServesOthers) {
  Backend backend(echo());
  const WeirProcess weir(configuration_with(backend, "deny = [\"198.19.1.0/24\", \"2001:2:0:8001::/64\"]\n"),
                         options());
  expect_served(weir, {"198.19.2.1", "2001:2:0:8002::1"});
  if (!GetParam().is_classic()) {
    EXPECT_EQ(dropped(weir), 0u) << "it counts others too";
  }
  expect_silence(weir, "198.19.1.1", "2001:2:0:8001::1");
  expect_served(weir, {"198.19.2.1", "2001:2:0:8002::1"});
  EXPECT_EQ(refused(weir, "denied"), 0u) << "it never was a connection";
  EXPECT_EQ(weir.admin().sum("weir_kernel_drop_active"), 1u);
  ASSERT_EQ(weir.events("kernel_drop").size(), 1u);
  EXPECT_EQ(weir.events("kernel_drop")[0].text("mode"), GetParam().is_classic() ? "classic" : "bpf");
  EXPECT_EQ(told(weir, "configuration", kSimpler), GetParam().is_classic() ? 1u : 0u);
  EXPECT_EQ(told(weir, "configuration", kByTheGate), 0u);
}

TEST_P(FilterIn, FollowsAListThatChangesWhileItRuns) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "198.19.1.0/24\n2001:2:0:8001::/64\n");
  Backend backend(echo());
  const WeirProcess weir(configuration_with(backend, "deny_files = [\"" + list + "\"]\n"), options());
  expect_silence(weir, "198.19.1.1", "2001:2:0:8001::1");
  directory.replace("deny.txt", "198.19.2.0/24\n2001:2:0:8002::/64\n198.19.3.0/24\n");
  ASSERT_TRUE(eventually([&] { return has_read(weir, 3); }));
  expect_silence(weir, "198.19.2.1", "2001:2:0:8002::1");
  expect_served(weir, {"198.19.1.1", "2001:2:0:8001::1"});
  EXPECT_EQ(told(weir, "access_list", ""), 0u) << "something was amiss";
  expect_rights(weir);
}

TEST_P(FilterIn, LeavesASessionAloneThatWasBegunBeforeItsClientWasDenied) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "# nobody yet\n");
  Backend backend(echo());
  const WeirProcess weir(configuration_with(backend, "deny_files = [\"" + list + "\"]\n"), options());
  std::vector<Socket> sessions;
  as_clients([&] {
    for (const std::string host : {"198.19.1.1", "2001:2:0:8001::1"})
      sessions.push_back(served_and_open(weir, host));
  });
  directory.replace("deny.txt", "198.19.1.0/24\n2001:2:0:8001::/64\n");
  ASSERT_TRUE(eventually([&] { return has_read(weir, 2); }));
  expect_silence(weir, "198.19.1.1", "2001:2:0:8001::1");
  for (Socket& session : sessions) {
    session.send_all("after");
    EXPECT_EQ(session.receive_exactly(5), "after");
  }
}

TEST_P(FilterIn, LeavesAListThatIsTooLongForItToTheGateFromTheStart) {
  const TemporaryDirectory directory;
  const std::string list =
      directory.write("deny.txt", long_list("198.19.1.0/24\n2001:2:0:8001::/64\n", GetParam()));
  Backend backend(echo());
  const WeirProcess weir(configuration_with(backend, "deny_files = [\"" + list + "\"]\n"), options());
  expect_reset(weir, {"198.19.1.1", "2001:2:0:8001::1"});
  expect_served(weir, {"198.19.2.1", "2001:2:0:8002::1"});
  EXPECT_EQ(refused(weir, "denied"), 2u);
  EXPECT_EQ(told(weir, "configuration", kByTheGate), 1u) << weir.config_path();
  EXPECT_EQ(weir.admin().get("/metrics").body.find("weir_packets_dropped_total"), std::string::npos)
      << "a filter is shown that is not there";
  EXPECT_EQ(weir.admin().sum("weir_kernel_drop_active"), 0u);
  const WeirRun check = run_weir({"check", weir.config_path()}, options());
  EXPECT_EQ(check.exit.status, 0) << check.output;
  EXPECT_NE(check.output.find(kByTheGate), std::string::npos) << check.output;
}

TEST_P(FilterIn, LeavesAListThatGrowsTooLongToTheGateAndTakesItBackWhenItShrinks) {
  const TemporaryDirectory directory;
  const std::string denied = "198.19.1.0/24\n2001:2:0:8001::/64\n";
  const std::string list = directory.write("deny.txt", denied + "198.19.3.0/24\n");
  Backend backend(echo());
  const WeirProcess weir(configuration_with(backend, "deny_files = [\"" + list + "\"]\n"), options());
  expect_silence(weir, "198.19.1.1", "2001:2:0:8001::1");

  directory.replace("deny.txt", long_list(denied, GetParam()));
  const auto is_left_to_the_gate = [&] {
    return told(weir, "access_list", "the packet filter cannot have the list, so the gate alone refuses: ") ==
           1;
  };
  ASSERT_TRUE(eventually(is_left_to_the_gate));
  EXPECT_EQ(weir.admin().sum("weir_kernel_drop_active"), 0u);
  expect_reset(weir, {"198.19.1.1", "2001:2:0:8001::1"});
  expect_served(weir, {"198.19.2.1", "2001:2:0:8002::1"});
  // Neither does the filter go on with the list before.
  EXPECT_TRUE(eventually([&] { return as_clients([&] { return is_served(weir, "198.19.3.1"); }); }));

  directory.replace("deny.txt", denied);
  ASSERT_TRUE(eventually([&] { return has_read(weir, 2); }));
  expect_silence(weir, "198.19.1.1", "2001:2:0:8001::1");
  EXPECT_EQ(weir.admin().sum("weir_kernel_drop_active"), 1u);
  EXPECT_TRUE(is_left_to_the_gate()) << "told again though it has the list";
}

class WithoutAFilter : public OnTwoHosts {
 protected:
  static ChildOptions options() {
    ChildOptions options = weir_options();
    options.without_rights = {CAP_BPF, CAP_SYS_ADMIN, CAP_NET_ADMIN};
    return options;
  }

  static bool has_both_reasons(const std::string& text) {
    return text.find(kByTheGate) != std::string::npos && text.find("CAP_BPF") != std::string::npos &&
           text.find("CAP_NET_ADMIN") != std::string::npos;
  }
};

TEST_F(WithoutAFilter, WeirStartsSaysWhyAndResetsTheDenied) {
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "deny = [\"198.19.1.0/24\"]\n"), options());
  if (told(weir, "configuration", kSimpler) > 0) {
    GTEST_SKIP() << "NOT CHECKED: this kernel asks for no right for the classic filter";
  }
  as_clients([&] {
    EXPECT_EQ(how_refused(weir, "198.19.1.1"), Ended::kReset);
    EXPECT_TRUE(is_served(weir, "198.19.2.1"));
  });
  EXPECT_EQ(refused(weir, "denied"), 1u);
  EXPECT_EQ(told(weir, "configuration", kByTheGate), 1u);
  EXPECT_TRUE(has_both_reasons(weir.child().output())) << weir.child().output();
}

TEST_F(WithoutAFilter, CheckSaysSoBeforehand) {
  const TemporaryDirectory directory;
  Backend backend(echo());
  const std::string file =
      directory.write("weir.toml", configuration_for(backend, "deny = [\"198.19.1.0/24\"]\n").to_toml());
  const WeirRun run = run_weir({"check", file}, options());
  EXPECT_EQ(run.exit.status, 0) << run.output;
  if (run.output.find(kSimpler) != std::string::npos) {
    GTEST_SKIP() << "NOT CHECKED: this kernel asks for no right for the classic filter";
  }
  EXPECT_TRUE(has_both_reasons(run.output)) << run.output;
  EXPECT_NE(run.output.find("ok (0 errors, 1 warning)"), std::string::npos) << run.output;
}

}  // namespace
}  // namespace weir::test
