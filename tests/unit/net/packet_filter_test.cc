#include "net/packet_filter.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "net/packet_filter_classic.h"
#include "net/privileges.h"
#include "unit/net/as_nobody.h"
#include "unit/net/packet_filter_support.h"

namespace weir::net {
namespace {

using base::UniqueFd;
using test::allow;
using test::allow_but;
using test::deny;
using test::deny_but;
using test::is_let_in;

std::string host(unsigned number) {
  return "127.0." + std::to_string(number / 256) + "." + std::to_string(number % 256);
}

class PacketFilterIn : public testing::TestWithParam<FilterMode> {
 protected:
  void SetUp() override {
    const auto tried = PacketFilter::create({}, GetParam());
    if (!tried) GTEST_SKIP() << "NOT CHECKED: this mode is not to be had here: " << tried.error().message();
  }

  std::unique_ptr<PacketFilter> make(const PacketRules& rules) {
    auto filter = PacketFilter::create(rules, GetParam());
    EXPECT_TRUE(filter.has_value()) << filter.error().message();
    return std::move(*filter);
  }

  // On a listening socket at once.
  std::unique_ptr<PacketFilter> make(const PacketRules& rules, const test::Listening& listening) {
    auto filter = make(rules);
    const auto attached = filter->attach(listening.fd.get());
    EXPECT_TRUE(attached.has_value()) << attached.error().message();
    return filter;
  }
};

INSTANTIATE_TEST_SUITE_P(Mode, PacketFilterIn, testing::Values(FilterMode::kBpf, FilterMode::kClassic),
                         [](const auto& mode) { return mode.param == FilterMode::kBpf ? "bpf" : "classic"; });

TEST_P(PacketFilterIn, IsOfTheModeThatWasAskedFor) {
  const auto filter = make({});
  EXPECT_EQ(filter->mode(), GetParam());
  EXPECT_EQ(filter->counts_only_denied(), GetParam() == FilterMode::kBpf);
  EXPECT_EQ(filter->why_not_bpf(), "");
}

TEST_P(PacketFilterIn, MeetsADeniedClientWithSilenceAndLetsOthersIn) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make(allow_but({deny("127.0.0.2/32")}), listening);
  const UniqueFd denied = test::dial("127.0.0.2", listening.address);
  ASSERT_TRUE(test::eventually([&] { return filter->dropped() > 0; }));
  EXPECT_TRUE(test::meets_silence(denied));
  const UniqueFd other = test::dial("127.0.0.3", listening.address);
  EXPECT_TRUE(test::is_connected(other));
  EXPECT_TRUE(test::accept_from(listening.fd.get()));
  EXPECT_TRUE(test::meets_silence(denied)) << "an answer to the other was none to this one";
  EXPECT_FALSE(test::wait_for(listening.fd.get(), POLLIN, base::Millis(0))) << "no connection was made of it";
}

TEST_P(PacketFilterIn, LetsNobodyInByDefaultWhenToldSo) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make(deny_but({allow("127.0.0.2/32")}), listening);
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", listening));
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.3", listening));
}

TEST_P(PacketFilterIn, JudgesEveryAddressByItsLongestMatch) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make({}, listening);
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    PacketRules list;
    list.default_deny = random() % 2 == 0;
    for (std::size_t left = random() % 12; left > 0; --left) {
      const auto length = static_cast<std::uint8_t>(24 + random() % 9);
      const auto last = static_cast<std::uint8_t>(random() % 32);
      list.rules.push_back({AF_INET, {127, 0, 0, last}, length, random() % 2 == 0});
    }
    ASSERT_TRUE(filter->update(list).has_value());
    const std::vector<PacketRule> table = normalized(list);
    for (unsigned number = 1; number < 32; ++number) {
      const auto matches = [&](const PacketRule& rule) {
        const unsigned kept = rule.length <= 24 ? 0xff00u : 0xff00u >> (rule.length - 24);
        return rule.length == 0 || (number & kept & 0xff) == rule.bytes[3];
      };
      const auto decides = std::find_if(table.begin(), table.end(), matches);
      ASSERT_EQ(is_let_in(*filter, host(number), listening), !decides->deny) << "round " << round;
    }
  }
}

// Longer than the blocks of the classic program, so that their edges are crossed.
TEST_P(PacketFilterIn, FindsEveryPrefixOfALongList) {
  constexpr unsigned kHosts = 900;
  const test::Listening listening = test::listen_on_loopback();
  PacketRules list;
  for (unsigned number = 1; number <= kHosts; ++number) {
    if (number % 2 == 0) list.rules.push_back(deny(host(number) + "/32"));
  }
  const auto filter = make(list, listening);
  for (unsigned number = 1; number <= kHosts; ++number) {
    ASSERT_EQ(is_let_in(*filter, host(number), listening), number % 2 == 1);
  }
}

TEST_P(PacketFilterIn, JudgesIpv6Clients) {
  const test::Listening listening = test::listen_at("::1");
  const auto filter = make(allow_but({deny("::1/128")}), listening);
  EXPECT_FALSE(is_let_in(*filter, "::1", listening));
  ASSERT_TRUE(filter->update(allow_but({deny("::/64"), allow("::/127"), deny("2001:db8::/32")})).has_value());
  EXPECT_TRUE(is_let_in(*filter, "::1", listening));
  ASSERT_TRUE(filter->update(deny_but({allow("::2/128")})).has_value());
  EXPECT_FALSE(is_let_in(*filter, "::1", listening));
}

TEST_P(PacketFilterIn, JudgesIpv4ClientsOfADualStackSocketAsIpv4) {
  const test::Listening listening = test::listen_at("::", false);
  const base::Address v4 = test::loopback(listening.address.port());
  base::Address v6 = test::ip_address("::1").with_port(listening.address.port());
  const auto filter = make(allow_but({deny("127.0.0.2/32"), deny("::ffff:127.0.0.4/128")}), listening);
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", v4));
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.3", v4));
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.4", v4)) << "the mapped form is the same host";
  EXPECT_TRUE(is_let_in(*filter, "::1", v6));
  ASSERT_TRUE(filter->update(allow_but({deny("::/0")})).has_value());
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", v4)) << "a rule of IPv6 says nothing of IPv4";
  EXPECT_FALSE(is_let_in(*filter, "::1", v6));
}

TEST_P(PacketFilterIn, JudgesAtAllSocketsAndCountsTheirDropsTogether) {
  const test::Listening first = test::listen_on_loopback();
  const test::Listening second = test::listen_on_loopback();
  const auto filter = make(allow_but({deny("127.0.0.2/32")}), first);
  ASSERT_TRUE(filter->attach(second.fd.get()).has_value());
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", first));
  const std::uint64_t of_first = filter->dropped();
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", second));
  EXPECT_GT(filter->dropped(), of_first);
  ASSERT_TRUE(filter->update(allow_but({deny("127.0.0.3/32")})).has_value());
  for (const auto* listening : {&first, &second}) {
    EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", *listening));
    EXPECT_FALSE(is_let_in(*filter, "127.0.0.3", *listening));
  }
}

TEST_P(PacketFilterIn, LetsEveryoneInOnceDetachedAndKeepsTheCount) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make(allow_but({deny("127.0.0.2/32")}), listening);
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", listening));
  const std::uint64_t dropped = filter->dropped();
  EXPECT_GT(dropped, 0u);
  filter->detach(listening.fd.get());
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", listening));
  EXPECT_EQ(filter->dropped(), dropped);
  ASSERT_TRUE(filter->update(deny_but({})).has_value());
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", listening)) << "an update has nothing to do with it any more";
}

TEST_P(PacketFilterIn, LeavesTheSocketAsItIsWhenItEnds) {
  const test::Listening listening = test::listen_on_loopback();
  make(allow_but({deny("127.0.0.2/32")}), listening).reset();
  const auto next = make(allow_but({deny("127.0.0.3/32")}));
  const UniqueFd denied = test::dial("127.0.0.2", listening.address);
  EXPECT_TRUE(test::is_connected(test::dial("127.0.0.3", listening.address)));
  EXPECT_TRUE(test::meets_silence(denied)) << "still the first filter";
  test::empty_queue(listening.fd.get());
  ASSERT_TRUE(next->attach(listening.fd.get()).has_value()) << "takes the other's place";
  EXPECT_TRUE(is_let_in(*next, "127.0.0.2", listening));
  EXPECT_FALSE(is_let_in(*next, "127.0.0.3", listening));
}

TEST_P(PacketFilterIn, CutsNoConnectionOffThatWasDetachedWhenItsClientIsDeniedLater) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make({}, listening);
  const UniqueFd client = test::dial("127.0.0.2", listening.address);
  ASSERT_TRUE(test::is_connected(client));
  const UniqueFd accepted = test::accept_from(listening.fd.get());
  PacketFilter::detach_accepted(accepted.get());
  ASSERT_TRUE(filter->update(deny_but({})).has_value());
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", listening));
  const std::uint64_t dropped = filter->dropped();
  test::send_some(client.get(), "up");
  EXPECT_EQ(test::receive(accepted.get()), "up");
  test::send_some(accepted.get(), "down");
  EXPECT_EQ(test::receive(client.get()), "down");
  EXPECT_EQ(filter->dropped(), dropped);
}

TEST_P(PacketFilterIn, TakesNothingOffASocketWithoutAFilter) {
  const test::SocketPair pair = test::tcp_pair();
  PacketFilter::detach_accepted(pair.b.get());
  test::send_some(pair.a.get(), "x");
  EXPECT_EQ(test::receive(pair.b.get()), "x");
}

TEST_P(PacketFilterIn, SaysThatASocketCannotTakeIt) {
  const auto filter = make({});
  const auto attached = filter->attach(-1);
  ASSERT_FALSE(attached.has_value());
  EXPECT_EQ(attached.error().message(), "set the socket filter: Bad file descriptor");
}

// Two lists that agree on 127.0.0.2 (in) and 127.0.0.3 (out) but for different reasons: every order of steps
// but the right one shows one of them a verdict of neither list for a moment.
TEST_P(PacketFilterIn, NeverChangesItsMindAboutAClientOnWhichBothListsAgree) {
  const test::Listening listening = test::listen_on_loopback();
  const PacketRules one = deny_but({allow("127.0.0.2/31"), deny("127.0.0.3/32")});
  const PacketRules two =
      allow_but({deny("127.0.0.0/8"), allow("127.0.0.0/24"), deny("127.0.0.0/28"), allow("127.0.0.2/32")});
  const auto filter = make(one, listening);
  const bool is_exact = GetParam() == FilterMode::kBpf;
  std::atomic<bool> over{false};
  std::thread updates([&] {
    for (bool first = false; !over; first = !first)
      EXPECT_TRUE(filter->update(first ? one : two).has_value());
  });
  for (int i = 0; i < 3000 && !testing::Test::HasFailure(); ++i) {
    // While a program is replaced the kernel has been seen to count drops in mode classic that are no
    // client's.
    EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", listening, is_exact));
    EXPECT_FALSE(is_let_in(*filter, "127.0.0.3", listening, is_exact));
  }
  over = true;
  updates.join();
}

TEST_P(PacketFilterIn, RefusesAListThatIsTooLongAndKeepsTheOldOne) {
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make(allow_but({deny("127.0.0.2/32")}), listening);
  PacketRules list;
  for (std::uint32_t i = 0; i <= PacketFilter::kMaxPrefixes; ++i) {
    const auto byte = [i](int shift) { return static_cast<std::uint8_t>(i >> shift); };
    list.rules.push_back({AF_INET, {10, byte(16), byte(8), byte(0)}, 32, true});
  }
  const auto updated = filter->update(list);
  ASSERT_FALSE(updated.has_value());
  EXPECT_EQ(updated.error().message(),
            GetParam() == FilterMode::kBpf
                ? "a packet filter holds 131072 prefixes, and the list has 131073"
                : "a classic BPF filter holds 4096 instructions, and 131073 prefixes need 132403 (about 4000 "
                  "IPv4 prefixes fit, or 450 to 680 of IPv6)");
  EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", listening));
  EXPECT_TRUE(is_let_in(*filter, "127.0.0.3", listening));
}

TEST_P(PacketFilterIn, SaysWhatItCosts) {
  const auto filter = make({});
  EXPECT_EQ(filter->prefixes(), 2u);
  const std::uint64_t small = base::count(filter->memory());
  ASSERT_TRUE(filter->update(allow_but({deny("10.0.0.0/8"), deny("2001:db8::/32")})).has_value());
  EXPECT_EQ(filter->prefixes(), 4u);
  EXPECT_GT(base::count(filter->memory()), small);
  EXPECT_LT(base::count(filter->memory()), base::count(PacketFilter::memory_at_most()));
}

// What the header says of `dropped`: the sockets' count has what the kernel drops for want of room besides.
TEST_P(PacketFilterIn, CountsAFullAcceptQueueOnlyInModeClassic) {
  const test::Listening listening = test::listen_on_loopback(0);
  const auto filter = make({}, listening);
  const UniqueFd fills = test::dial("127.0.0.3", listening.address);
  ASSERT_TRUE(test::is_connected(fills));
  const UniqueFd finds_it_full = test::dial("127.0.0.3", listening.address);
  if (!filter->counts_only_denied()) {
    EXPECT_TRUE(test::eventually([&] { return filter->dropped() > 0; }));
  }
  ASSERT_TRUE(filter->update(allow_but({deny("127.0.0.2/32")})).has_value());
  const std::uint64_t before = filter->dropped();
  const UniqueFd denied = test::dial("127.0.0.2", listening.address);
  EXPECT_TRUE(test::eventually([&] { return filter->dropped() > before; }));
  EXPECT_TRUE(test::meets_silence(finds_it_full));
  EXPECT_TRUE(!filter->counts_only_denied() || before == 0);
}

// Mode `classic` keeps CAP_NET_ADMIN, which newer kernels ask for.
TEST_P(PacketFilterIn, IsUpdatedAttachedAndReadByAProcessThatHasGivenUpItsRights) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = make(allow_but({deny("127.0.0.2/32")}), listening);
  KeptRights kept;
  kept.net_admin = GetParam() == FilterMode::kClassic;
  test::as_nobody(kept, [&]() -> std::string {
    if (PacketFilter::create({}, FilterMode::kBpf).has_value())
      return "mode bpf could be made without a right";
    EXPECT_FALSE(is_let_in(*filter, "127.0.0.2", listening));
    const auto updated = filter->update(allow_but({deny("127.0.0.3/32")}));
    if (!updated) return updated.error().message();
    EXPECT_TRUE(is_let_in(*filter, "127.0.0.2", listening));
    EXPECT_FALSE(is_let_in(*filter, "127.0.0.3", listening));
    const test::Listening later = test::listen_on_loopback();
    const auto attached = filter->attach(later.fd.get());
    if (!attached) return attached.error().message();
    EXPECT_FALSE(is_let_in(*filter, "127.0.0.3", later));
    filter->detach(later.fd.get());
    EXPECT_TRUE(is_let_in(*filter, "127.0.0.3", later));
    if (filter->dropped() < 3) return "dropped: " + std::to_string(filter->dropped());
    return "";
  });
}

// By the kernel's age: either it works, or it is said what is missing and the old list stays.
TEST(PacketFilter, OfModeClassicWithoutAnyRightIsUpdatedOrSaysWhichRightItNeeds) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  const test::Listening listening = test::listen_on_loopback();
  const auto filter = PacketFilter::create(allow_but({deny("127.0.0.2/32")}), FilterMode::kClassic);
  ASSERT_TRUE(filter.has_value()) << filter.error().message();
  ASSERT_TRUE((*filter)->attach(listening.fd.get()).has_value());
  test::as_nobody({}, [&]() -> std::string {
    const auto updated = (*filter)->update(allow_but({deny("127.0.0.3/32")}));
    EXPECT_EQ(is_let_in(**filter, "127.0.0.2", listening), updated.has_value());
    EXPECT_EQ(is_let_in(**filter, "127.0.0.3", listening), !updated.has_value());
    if (!updated &&
        updated.error().message() !=
            "set the socket filter: Operation not permitted (this kernel asks CAP_NET_ADMIN for a "
            "classic BPF filter)") {
      return updated.error().message();
    }
    return "";
  });
}

// In mode `classic` an accepted socket has the program of its time: only the maps of mode `bpf` change under
// it.
TEST(PacketFilter, OnlyDelaysWhatAClientSendsBetweenItsDenialAndTheDetaching) {
  const auto made = PacketFilter::create({}, FilterMode::kBpf);
  if (!made) GTEST_SKIP() << "NOT CHECKED: mode bpf is not to be had here: " << made.error().message();
  PacketFilter& filter = **made;
  const test::Listening listening = test::listen_on_loopback();
  ASSERT_TRUE(filter.attach(listening.fd.get()).has_value());
  const UniqueFd client = test::dial("127.0.0.2", listening.address);
  ASSERT_TRUE(test::is_connected(client));
  const UniqueFd accepted = test::accept_from(listening.fd.get());
  ASSERT_TRUE(filter.update(deny_but({})).has_value());
  test::send_some(client.get(), "late");
  ASSERT_TRUE(test::eventually([&] { return filter.dropped() > 0; }))
      << "accepted sockets inherit the filter";
  EXPECT_FALSE(test::wait_for(accepted.get(), POLLIN, base::Millis(0)));
  PacketFilter::detach_accepted(accepted.get());
  EXPECT_EQ(test::receive(accepted.get()), "late") << "TCP sends it again";
}

TEST(PacketFilter, IsOfModeBpfWhereTheRightIsHeld) {
  const auto tried = PacketFilter::create({}, FilterMode::kBpf);
  if (!tried) GTEST_SKIP() << "NOT CHECKED: mode bpf is not to be had here: " << tried.error().message();
  const auto filter = PacketFilter::create({});
  ASSERT_TRUE(filter.has_value());
  EXPECT_EQ((*filter)->mode(), FilterMode::kBpf);
  EXPECT_EQ((*filter)->why_not_bpf(), "");
}

TEST(PacketFilter, FallsBackToClassicWithoutTheRightAndSaysWhy) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  KeptRights kept;
  kept.net_admin = true;
  test::as_nobody(kept, []() -> std::string {
    const auto filter = PacketFilter::create(allow_but({deny("127.0.0.2/32")}));
    if (!filter) return filter.error().message();
    EXPECT_EQ((*filter)->mode(), FilterMode::kClassic);
    if ((*filter)->why_not_bpf() !=
        "make a BPF map of prefixes: Operation not permitted (it needs CAP_BPF, or root)") {
      return (*filter)->why_not_bpf();
    }
    const test::Listening listening = test::listen_on_loopback();
    if (!(*filter)->attach(listening.fd.get())) return "attach failed";
    EXPECT_FALSE(is_let_in(**filter, "127.0.0.2", listening));
    return "";
  });
}

TEST(PacketFilter, SaysWhyNeitherModeHoldsAList) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  test::as_nobody({}, []() -> std::string {
    PacketRules list;
    for (unsigned i = 0; i < 5000; ++i) list.rules.push_back(deny(host(i) + "/32"));
    const auto filter = PacketFilter::create(list);
    if (filter) return "it was made";
    const std::string& words = filter.error().message();
    return words.find("CAP_BPF") != std::string::npos && words.find("4096 instructions") != std::string::npos
               ? ""
               : words;
  });
}

// The figures in the header.
TEST(BuildClassicFilter, HoldsWhatItsHeaderSays) {
  const auto fits = [](int family, unsigned count, std::uint8_t length) {
    PacketRules list;
    for (std::uint32_t i = 0; i < count; ++i) {
      PacketRule rule{family, {0x20, 0x01}, length, true};
      rule.bytes[2] = static_cast<std::uint8_t>(i >> 8);
      rule.bytes[3] = static_cast<std::uint8_t>(i);
      list.rules.push_back(rule);
    }
    return build_classic_filter(normalized(list)).has_value();
  };
  EXPECT_TRUE(fits(AF_INET, 4000, 32));
  EXPECT_FALSE(fits(AF_INET, 4100, 32));
  EXPECT_TRUE(fits(AF_INET6, 670, 48));
  EXPECT_FALSE(fits(AF_INET6, 690, 48));
  EXPECT_TRUE(fits(AF_INET6, 450, 128));
  EXPECT_FALSE(fits(AF_INET6, 460, 128));
}

}  // namespace
}  // namespace weir::net
