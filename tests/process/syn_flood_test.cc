// A real SYN flood, between network namespaces of the test's own: the target answers forged addresses by way
// of the attacker, who drops what comes back; honest clients are on another link. Each flood is first shown
// to be one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "support/backend.h"
#include "support/namespaces.h"
#include "support/parallel.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

constexpr char kTarget[] = "198.18.1.1";
constexpr char kForHonest[] = "198.18.2.1";
constexpr unsigned kSynsPerSecond = 10'000;
constexpr Millis kFlood{8'000};
// An attempt that has got no answer by then has failed; the flood goes on for longer.
constexpr Millis kHonestPatience{3'000};

class SynFlood : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    link({target, {std::string(kTarget) + "/24"}}, {attacker, {"198.18.1.2/24"}});
    link({target, {std::string(kForHonest) + "/24"}}, {honest, {"198.18.2.2/24"}});
    target.ip("route add default via 198.18.1.2");
    target.set("net.ipv4.conf.all.rp_filter", "0");
    attacker.set("net.ipv4.ip_forward", "0");
  }

  // On both addresses, with a short queue.
  static Configuration configuration_for(const Backend& backend) {
    Configuration configuration;
    configuration.bind = "0.0.0.0:0";
    configuration.listener = "backlog = 128\n";
    configuration.backends = {entry(backend.address())};
    return configuration;
  }

  std::unique_ptr<ChildProcess> flood(const WeirProcess& weir) const {
    return attacker.run([&] {
      return std::make_unique<ChildProcess>(
          std::vector<std::string>{WEIR_SYN_FLOOD, kTarget, std::to_string(weir.address().port()),
                                   std::to_string(kSynsPerSecond), std::to_string(kFlood.count())},
          ChildOptions{});
    });
  }

  struct Tally {
    std::size_t attempts = 0;
    std::size_t served = 0;
  };

  // Honest clients, some at a time and one after the other, for a while.
  Tally come_honestly(const WeirProcess& weir, std::size_t clients, Millis span) const {
    const base::Address address =
        address_of(std::string(kForHonest) + ":" + std::to_string(weir.address().port()));
    std::atomic<std::size_t> attempts{0};
    std::atomic<std::size_t> served{0};
    const auto end = Clock::now() + span;
    const NetworkNamespace::Inside inside(honest);
    in_parallel(clients, clients, [&](std::size_t) {
      while (Clock::now() < end) {
        ++attempts;
        if (is_served(address)) ++served;
      }
    });
    return {attempts, served};
  }

  static bool is_served(const base::Address& address) {
    const auto begun = Clock::now();
    Socket client;
    Socket::Options options;
    options.patience = kHonestPatience;
    if (Socket::try_connect(address, client, options) != 0) return false;
    client.try_send("x");
    const bool served = client.receive(1, kHonestPatience).bytes == "x";
    client.reset();  // no port stays behind: there are many attempts
    return served && Clock::now() - begun < kHonestPatience;
  }

  // The one line that tells of that change.
  static LogLine change(const WeirProcess& weir, const std::string& what) {
    const auto find = [&]() -> std::optional<LogLine> {
      for (const LogLine& line : weir.events("syn_flood")) {
        if (line.text("change") == what) return line;
      }
      return std::nullopt;
    };
    EXPECT_TRUE(eventually([&] { return find().has_value(); }, 2 * kPatience)) << what;
    return find().value_or(LogLine{});
  }

  static std::uint64_t count(const WeirProcess& weir, const std::string& counter) {
    return weir.admin().sum("weir_kernel_" + counter + "_total");
  }

  NetworkNamespace target;
  NetworkNamespace attacker;
  NetworkNamespace honest;
};

TEST_F(SynFlood, WithCookiesHonestClientsAreServedAndItsBeginningAndEndAreTold) {
  target.set("net.ipv4.tcp_syncookies", "1");
  const NetworkNamespace::Inside inside(target);
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));
  EXPECT_EQ(weir.admin().sum("weir_syn_flood_active"), 0u);

  const auto attack = flood(weir);
  ASSERT_TRUE(eventually([&] { return count(weir, "syn_queue_full_cookies") > 0; }))
      << "no queue is full: this is no flood; " << attack->output();
  const Tally tally = come_honestly(weir, 4, Millis(4'000));
  EXPECT_TRUE(attack->running()) << "the flood ended before the honest clients";
  EXPECT_EQ(weir.admin().sum("weir_syn_flood_active"), 1u);
  RecordProperty("attempts", static_cast<int>(tally.attempts));
  RecordProperty("served", static_cast<int>(tally.served));
  EXPECT_GE(tally.attempts, 200u);
  EXPECT_LE((tally.attempts - tally.served) * 1'000, tally.attempts)
      << tally.served << " of " << tally.attempts;

  EXPECT_EQ(attack->wait(2 * kPatience)->status, 0) << attack->output();
  const LogLine began = change(weir, "began");
  EXPECT_EQ(began.level, "warning");
  EXPECT_GE(began.number("cookies_sent_per_second"), 1'000u);
  EXPECT_THAT(began.text("msg"), HasSubstr("cookies let honest clients in"));
  const LogLine ended = change(weir, "ended");
  EXPECT_GE(ended.number("count"), kSynsPerSecond) << "a second's worth of the flood";
  EXPECT_GE(ended.number("lasted_ms"), 2'000u);
  EXPECT_GE(count(weir, "syncookies_sent"), ended.number("cookies_sent"));
  EXPECT_GE(count(weir, "syncookies_received"), tally.served / 2) << "honest clients brought cookies back";
  EXPECT_EQ(weir.admin().sum("weir_syn_flood_active"), 0u);
  EXPECT_EQ(weir.events("syn_flood").size(), 2u) << "once each";
}

TEST_F(SynFlood, WithoutCookiesHonestClientsAreLockedOutAndTheLogSaysWhatHelps) {
  target.set("net.ipv4.tcp_syncookies", "0");
  target.set("net.ipv4.tcp_max_syn_backlog", "4096");
  const NetworkNamespace::Inside inside(target);
  Backend backend(echo());
  const WeirProcess weir(configuration_for(backend));

  const auto attack = flood(weir);
  ASSERT_TRUE(eventually([&] { return count(weir, "syn_queue_full_drops") > 0; }))
      << "no queue is full: this is no flood; " << attack->output();
  const Tally tally = come_honestly(weir, 50, Millis(3'000));
  EXPECT_TRUE(attack->running()) << "the flood ended before the honest clients";
  RecordProperty("attempts", static_cast<int>(tally.attempts));
  RecordProperty("served", static_cast<int>(tally.served));
  EXPECT_LT(tally.served * 10, tally.attempts * 9) << tally.served << " of " << tally.attempts;

  EXPECT_EQ(attack->wait(2 * kPatience)->status, 0) << attack->output();
  const LogLine began = change(weir, "began");
  EXPECT_GE(began.number("dropped_per_second"), 1'000u);
  EXPECT_THAT(began.text("msg"), HasSubstr("`sysctl -w net.ipv4.tcp_syncookies=1`"));
  const LogLine ended = change(weir, "ended");
  EXPECT_GE(ended.number("dropped"), kSynsPerSecond) << "a second's worth of the flood";
  EXPECT_EQ(weir.events("syn_flood").size(), 2u) << "once each";
}

}  // namespace
}  // namespace weir::test
