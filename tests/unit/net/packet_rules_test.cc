#include "net/packet_rules.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <random>

namespace weir::net {
namespace {

PacketRule rule(const char* address, std::uint8_t length, bool deny) {
  PacketRule made{
      std::string_view(address).find(':') == std::string_view::npos ? AF_INET : AF_INET6, {}, length, deny};
  EXPECT_EQ(::inet_pton(made.family, address, made.bytes.data()), 1) << address;
  return made;
}
PacketRule allow(const char* address, std::uint8_t length) { return rule(address, length, false); }
PacketRule deny(const char* address, std::uint8_t length) { return rule(address, length, true); }

bool covers(const PacketRule& rule, const PacketRule& address) {
  if (rule.family != address.family) return false;
  for (unsigned bit = 0; bit < rule.length; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80 >> bit % 8);
    if (((rule.bytes[bit / 8] ^ address.bytes[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// The verdict by the plain words of the header, over a list in any form.
bool denied(const PacketRules& list, const PacketRule& address) {
  int best = -1;
  bool verdict = list.default_deny;
  for (const PacketRule& rule : list.rules) {
    if (!covers(rule, address)) continue;
    if (rule.length == best) verdict = verdict || rule.deny;
    if (rule.length > best) verdict = rule.deny;
    best = std::max(best, static_cast<int>(rule.length));
  }
  return verdict;
}

// The verdict of a table of rules, as a map of longest prefixes gives it.
bool denied(const std::vector<PacketRule>& table, const PacketRule& address) {
  for (const PacketRule& rule : table) {
    if (covers(rule, address)) return rule.deny;
  }
  ADD_FAILURE() << "a table always has a verdict";
  return false;
}

TEST(Normalized, HasTheDefaultAsAPrefixOfLengthZeroOfEachFamily) {
  EXPECT_EQ(normalized({{}, true}), (std::vector{deny("0.0.0.0", 0), deny("::", 0)}));
  EXPECT_EQ(normalized({{}, false}), (std::vector{allow("0.0.0.0", 0), allow("::", 0)}));
}

TEST(Normalized, LeavesAZeroLengthPrefixOfTheListsOwnInPlaceOfTheDefault) {
  EXPECT_EQ(normalized({{allow("0.0.0.0", 0)}, true}), (std::vector{allow("0.0.0.0", 0), deny("::", 0)}));
  EXPECT_EQ(normalized({{deny("::", 0)}, false}), (std::vector{allow("0.0.0.0", 0), deny("::", 0)}));
}

TEST(Normalized, ClearsHostBitsAndPutsTheLongestFirst) {
  EXPECT_EQ(normalized({{deny("10.1.2.3", 8), allow("10.1.2.3", 15), deny("2001:db8::1", 33)}, false}),
            (std::vector{allow("10.0.0.0", 15), deny("10.0.0.0", 8), allow("0.0.0.0", 0),
                         deny("2001:db8::", 33), allow("::", 0)}));
}

TEST(Normalized, LetsDenyWinATie) {
  for (const auto& rules : {std::vector{allow("10.0.0.0", 8), deny("10.0.0.0", 8)},
                            std::vector{deny("10.0.0.0", 8), allow("10.9.9.9", 8)}}) {
    EXPECT_EQ(normalized({rules, false}),
              (std::vector{deny("10.0.0.0", 8), allow("0.0.0.0", 0), allow("::", 0)}));
  }
}

TEST(Normalized, TakesMappedPrefixesAsTheIpv4OnesTheyAre) {
  EXPECT_EQ(normalized({{deny("::ffff:10.0.0.0", 104), allow("::ffff:10.0.0.1", 128), deny("::ffff:0:0", 80)},
                        false}),
            (std::vector{allow("10.0.0.1", 32), deny("10.0.0.0", 8), allow("0.0.0.0", 0), deny("::", 80),
                         allow("::", 0)}));
}

TEST(StepsBetween, AreNoneWhereNothingChanges) {
  const auto table = normalized({{deny("10.0.0.0", 8), allow("2001:db8::", 32)}, true});
  EXPECT_TRUE(steps_between(table, table).empty());
}

TEST(StepsBetween, PutAnExceptionBeforeTheRuleAndEraseItAfter) {
  const auto plain = normalized({{allow("10.0.0.0", 8)}, true});
  const auto other = normalized({{deny("10.0.0.0", 8), allow("10.1.0.0", 16)}, true});
  const auto there = steps_between(plain, other);
  ASSERT_EQ(there.size(), 2u);
  EXPECT_EQ(there[0].rule, allow("10.1.0.0", 16));
  EXPECT_EQ(there[1].rule, deny("10.0.0.0", 8));
  const auto none = normalized({{}, false});
  const auto back = steps_between(other, none);
  ASSERT_EQ(back.size(), 4u) << "two defaults change, two rules go";
  EXPECT_EQ(back[2].rule, deny("10.0.0.0", 8));
  EXPECT_EQ(back[3].rule, allow("10.1.0.0", 16));
}

// Few bits, so that prefixes nest, meet and repeat all the time.
class RandomLists {
 public:
  explicit RandomLists(unsigned seed) : random_(seed) {}

  PacketRules list() {
    PacketRules made;
    made.default_deny = below(2) == 1;
    for (unsigned left = below(12); left > 0; --left)
      made.rules.push_back(prefix(static_cast<std::uint8_t>(below(6))));
    return made;
  }
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }

 private:
  PacketRule prefix(std::uint8_t length) {
    PacketRule made{below(4) == 0 ? AF_INET6 : AF_INET, {}, length, below(2) == 1};
    made.bytes[0] = static_cast<std::uint8_t>(below(32) << 3);
    return made;
  }
  std::mt19937 random_;
};

std::vector<PacketRule> addresses() {
  std::vector<PacketRule> all;
  for (const int family : {AF_INET, AF_INET6}) {
    for (unsigned high = 0; high < 32; ++high) {
      all.push_back({family, {static_cast<std::uint8_t>(high << 3)}, 0, false});
    }
  }
  return all;
}

TEST(Normalized, GivesEveryAddressTheVerdictOfTheList) {
  RandomLists lists(1);
  for (int round = 0; round < 2000; ++round) {
    const PacketRules list = lists.list();
    const auto table = normalized(list);
    for (const PacketRule& address : addresses()) ASSERT_EQ(denied(table, address), denied(list, address));
  }
}

TEST(StepsBetween, NeverShowAnAddressAVerdictOfNeitherList) {
  RandomLists lists(2);
  for (int round = 0; round < 2000; ++round) {
    const auto before = normalized(lists.list());
    const auto after = normalized(lists.list());
    const auto steps = steps_between(before, after);
    auto table = before;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      table = after_steps(table, std::span(steps).subspan(i, 1));
      for (const PacketRule& address : addresses()) {
        const bool now = denied(table, address);
        ASSERT_TRUE(now == denied(before, address) || now == denied(after, address)) << "round " << round;
      }
    }
    ASSERT_EQ(table, after);
  }
}

}  // namespace
}  // namespace weir::net
