// Denied clients whose packets the kernel drops: they get silence instead of a reset, and nobody else
// notices.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>

#include "support/backend.h"
#include "support/clients.h"
#include "support/namespaces.h"
#include "support/process_facts.h"
#include "support/reloaded.h"
#include "support/test_user.h"
#include "support/unanswered.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

class KernelDrop : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_right(CAP_BPF) && !has_right(CAP_SYS_ADMIN)) {
      GTEST_SKIP() << "NOT CHECKED: to make the filter takes root with CAP_BPF";
    }
  }

  Configuration configuration_for(const Backend& backend, const std::string& access) const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend.address())};
    configuration.rest = "[listeners.web.access]\nkernel_drop = true\n" + access;
    return configuration;
  }
};

std::uint64_t dropped(const WeirProcess& weir) { return weir.admin().sum("weir_packets_dropped_total"); }

TEST_F(KernelDrop, ADeniedClientGetsSilenceAndIsCountedAndOthersAreServed) {
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend, "deny = [\"127.0.0.2\"]\n"));
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  const Unanswered denied("127.0.0.2", weir.address());
  EXPECT_TRUE(eventually([&] { return dropped(weir) >= 1; }));
  EXPECT_TRUE(denied.still_waits());
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  const Metrics metrics = weir.admin().metrics();
  EXPECT_EQ(metrics.sum("weir_connections_refused_total"), 0u) << "it never was a connection";
  EXPECT_GE(metrics.sum("weir_packets_dropped_total", {{"mode", "bpf"}}), 1u)
      << "the filter's mode is another";
}

TEST_F(KernelDrop, FollowsAListThatChangesWhileItRuns) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "127.0.0.2\n");
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "deny_files = [\"" + list + "\"]\n"));
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  directory.replace("deny.txt", "127.0.0.3\n");
  // Its packets are sent again and again until one is let through.
  EXPECT_TRUE(is_served(weir, "127.0.0.2"));
  const Unanswered denied("127.0.0.3", weir.address());
  EXPECT_TRUE(eventually([&] { return dropped(weir) >= 1; }));
  EXPECT_TRUE(denied.still_waits());
}

TEST_F(KernelDrop, ASessionGoesOnThoughItsClientIsDeniedLater) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "# nobody yet\n");
  Backend backend(echo());
  WeirProcess weir(configuration_for(backend, "deny_files = [\"" + list + "\"]\n"));
  Socket client = weir.connect(from("127.0.0.2"));
  client.send_all("before");
  EXPECT_EQ(client.receive_exactly(6), "before");
  directory.replace("deny.txt", "127.0.0.2\n");
  const auto is_read_again = [&] {
    const auto events = weir.events("access_list");
    return std::any_of(events.begin(), events.end(),
                       [](const LogLine& line) { return line.number("networks") == 1; });
  };
  ASSERT_TRUE(eventually(is_read_again));
  client.send_all("after");
  EXPECT_EQ(client.receive_exactly(5), "after");
}

TEST_F(KernelDrop, AClientOnAnotherHostGetsSilenceToo) {
  if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  NetworkNamespace here;
  NetworkNamespace there;
  link({here, {"198.18.0.1/24"}}, {there, {"198.18.0.2/24", "198.18.0.3/24"}});
  const NetworkNamespace::Inside inside(here);
  Backend backend(echo());
  Configuration configuration = configuration_for(backend, "deny = [\"198.18.0.2\"]\n");
  configuration.bind = "198.18.0.1:0";
  const WeirProcess weir(configuration);
  there.run([&] {
    EXPECT_TRUE(is_served(weir, "198.18.0.3"));
    const Unanswered denied("198.18.0.2", weir.address());
    EXPECT_TRUE(is_served(weir, "198.18.0.3"));
    EXPECT_TRUE(denied.still_waits());
  });
  EXPECT_GE(dropped(weir), 1u);
}

Configuration with_list(const Backend& backend, const std::string& key, const std::string& file) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address())};
  configuration.rest = "[listeners.web.access]\n" + key + " = [\"" + file + "\"]\n";
  return configuration;
}

TEST_F(KernelDrop, FollowsAReload) {
  Backend backend(echo());
  Reloaded weir(configuration_for(backend, "deny = [\"127.0.0.2\"]\n"));
  weir.well(configuration_for(backend, "deny = [\"127.0.0.3\"]\n"));
  EXPECT_TRUE(is_served(*weir, "127.0.0.2"));
  const Unanswered denied("127.0.0.3", weir->address());
  EXPECT_TRUE(eventually([&] { return dropped(*weir) >= 1; }));
  EXPECT_TRUE(denied.still_waits());
  // Switched off the gate alone refuses, and says so to the client.
  Configuration without = configuration_for(backend, "deny = [\"127.0.0.2\"]\n");
  without.rest = "[listeners.web.access]\ndeny = [\"127.0.0.2\"]\n";
  weir.well(without);
  EXPECT_EQ(how_refused(*weir, "127.0.0.2"), Ended::kReset);
  EXPECT_TRUE(is_served(*weir, "127.0.0.3"));
}

TEST_F(KernelDrop, KeepsItsListWhenAReloadIsRefused) {
  Backend backend(echo());
  Reloaded weir(configuration_for(backend, "deny = [\"127.0.0.2\"]\n"));
  Configuration broken = configuration_for(backend, "deny = [\"127.0.0.3\"]\n");
  broken.also_bind = backend.address().to_string();
  EXPECT_EQ(weir.with(broken).level, "error");
  EXPECT_TRUE(is_served(*weir, "127.0.0.3"));
  const Unanswered denied("127.0.0.2", weir->address());
  EXPECT_TRUE(eventually([&] { return dropped(*weir) >= 1; }));
  EXPECT_TRUE(denied.still_waits());
}

TEST(AccessFiles, AFileWithAMistakeLeavesTheOldListInForceAndItsLineIsNamed) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "127.0.0.2\n");
  Backend backend(echo());
  WeirProcess weir(with_list(backend, "deny_files", list));
  EXPECT_FALSE(is_served(weir, "127.0.0.2"));
  directory.replace("deny.txt", "127.0.0.3\n127.0.0.4/99\n");
  const auto is_named = [&] {
    const auto events = weir.events("access_list");
    return std::any_of(events.begin(), events.end(), [&](const LogLine& line) {
      return line.level == "warning" && line.text("msg").find(list + ":2:1: error:") != std::string::npos;
    });
  };
  EXPECT_TRUE(eventually(is_named));
  EXPECT_TRUE(is_served(weir, "127.0.0.3"));
  EXPECT_FALSE(is_served(weir, "127.0.0.2"));
  directory.replace("deny.txt", "127.0.0.3\n");
  EXPECT_TRUE(eventually([&] { return is_served(weir, "127.0.0.2"); }));
  EXPECT_FALSE(is_served(weir, "127.0.0.3"));
}

// The soft limit, which a process of the same user may set.
void limit_descriptors(const WeirProcess& weir, rlim_t most) {
  ChildOptions options;
  if (test_user() != nullptr) options.user = {test_user()->pw_uid, test_user()->pw_gid};
  ChildProcess prlimit(
      {"/usr/bin/prlimit", "--pid", std::to_string(weir.pid()), "--nofile=" + std::to_string(most) + ":"},
      options);
  EXPECT_EQ(prlimit.wait().value_or(Exit{}).status, 0) << prlimit.output();
}

TEST(AccessFiles, AFileThatCannotBeReadForAWhileIsReadOnceItCan) {
  if (kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "127.0.0.2\n");
  Backend backend(echo());
  WeirProcess weir(with_list(backend, "deny_files", list));
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  limit_descriptors(weir, 5);  // what is open stays open
  directory.replace("deny.txt", "127.0.0.3\n");
  const auto warnings = [&] {
    const auto events = weir.events("access_list");
    return std::count_if(events.begin(), events.end(), [](const LogLine& line) {
      return line.level == "warning" &&
             line.text("msg") == "the files cannot be read: the old list stays in force";
    });
  };
  EXPECT_TRUE(eventually([&] { return warnings() == 1; }));
  observe_for(Millis(2'500));
  EXPECT_EQ(warnings(), 1) << "once, however often it is tried";
  limit_descriptors(weir, usual.rlim_max);
  // Either alone may come of the shortage.
  EXPECT_TRUE(eventually([&] { return is_served(weir, "127.0.0.2") && !is_served(weir, "127.0.0.3"); }));
}

TEST(AccessFiles, AFileThatIsGoneAgainIsToldOfAgain) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("deny.txt", "127.0.0.2\n");
  Backend backend(echo());
  WeirProcess weir(with_list(backend, "deny_files", list));
  const auto warnings = [&] {
    const auto events = weir.events("access_list");
    return std::ranges::count_if(events, [](const LogLine& line) {
      return line.text("msg") == "the files cannot be read: the old list stays in force";
    });
  };
  for (int times = 1; times <= 2; ++times) {
    ASSERT_TRUE(std::filesystem::remove(list));
    EXPECT_TRUE(eventually([&] { return warnings() == times; })) << weir.child().output();
    EXPECT_FALSE(is_served(weir, "127.0.0.2")) << "the old list is in force";
    const std::string denied = "127.0.0." + std::to_string(2 + times);
    directory.write("deny.txt", "127.0.0.2\n" + denied + "\n");
    EXPECT_TRUE(eventually([&] { return !is_served(weir, denied); }));
  }
}

// The file is empty in between, for longer than any look takes: that is never the list.
TEST(AccessFiles, AFileThatIsWrittenSlowlyIsReadWhenItIsWhole) {
  const TemporaryDirectory directory;
  const std::string list = directory.write("allow.txt", "127.0.0.2\n");
  Backend backend(echo());
  WeirProcess weir(with_list(backend, "allow_files", list));
  const auto writing = Clock::now() + Millis(2'500);
  std::string text;
  while (Clock::now() < writing) {
    directory.write("allow.txt", text += "# a line\n");
    EXPECT_TRUE(is_served(weir, "127.0.0.2"));
    observe_for(Millis(100));  // the writer's pace
  }
  directory.write("allow.txt", text + "127.0.0.2\n127.0.0.3\n");
  EXPECT_TRUE(eventually([&] { return is_served(weir, "127.0.0.3"); }));
  EXPECT_TRUE(is_served(weir, "127.0.0.2"));
  // The log comes a moment later than the list.
  EXPECT_TRUE(eventually([&] { return !weir.events("access_list").empty(); }));
  EXPECT_EQ(weir.events("access_list").size(), 1u);
}

}  // namespace
}  // namespace weir::test
