#include "net/interfaces.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "net/socket.h"
#include "support/namespaces.h"
#include "unit/support.h"

namespace weir::net {
namespace {

TEST(InterfaceAddresses, HoldTheLoopbackAndNoPorts) {
  const auto addresses = interface_addresses();
  EXPECT_TRUE(std::any_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.is_loopback(); }));
  for (const auto& address : addresses) EXPECT_EQ(address.port(), 0);
}

TEST(IsOwnAddress, TakesWhatASocketCanBeBoundTo) {
  for (const char* own : {"127.0.0.1:0", "127.0.0.1:80", "127.200.3.4:0", "[::1]:0"}) {
    EXPECT_TRUE(is_own_address(*base::parse_address(own))) << own;
  }
  for (const char* other : {"203.0.113.1:0", "[2001:db8::1]:0"}) {
    EXPECT_FALSE(is_own_address(*base::parse_address(other))) << other;
  }
}

TEST(IsOwnAddress, TakesAnIpv6AddressThatIsStillBeingCheckedForDuplicates) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  here.ip("link add weirzero type veth peer name weirone");
  // The other end is down, so the check cannot begin.
  here.ip("link set weirzero up");
  here.ip("address add 2001:2::77/64 dev weirzero");
  EXPECT_TRUE(here.run([] { return is_own_address(*base::parse_address("[2001:2::77]:0")); }));
  EXPECT_FALSE(here.run([] { return is_own_address(*base::parse_address("[2001:2::78]:0")); }));
}

TEST(ChosenSource, IsWhereAConnectionComesFrom) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  const test::NetworkNamespace there;
  const std::string interface = test::link({here, {"198.18.0.1/24", "198.18.0.9/24", "2001:2::1/64"}},
                                           {there, {"198.18.0.2/24", "2001:2::2/64"}});
  here.ip("route add 198.18.7.0/24 via 198.18.0.2 src 198.18.0.9");
  here.run([&] {
    const auto chosen = [](const char* target, const std::string& by = "") {
      const auto source = chosen_source(*base::parse_address(target), by);
      return source ? source->to_string() : "none";
    };
    EXPECT_EQ(chosen("127.0.0.1:80"), "127.0.0.1:0");
    EXPECT_EQ(chosen("198.18.0.2:80"), "198.18.0.1:0");
    EXPECT_EQ(chosen("198.18.7.1:80"), "198.18.0.9:0");
    EXPECT_EQ(chosen("[2001:2::2]:80"), "[2001:2::1]:0");
    EXPECT_EQ(chosen("198.18.0.2:80", interface), "198.18.0.1:0");
    EXPECT_EQ(chosen("198.18.0.2:80", "no-such-one"), "none");
    EXPECT_EQ(chosen("203.0.113.1:80"), "none") << "there is no route";
  });
}

TEST(InterfaceNames, HoldTheLoopback) {
  const auto names = interface_names();
  EXPECT_EQ(std::count(names.begin(), names.end(), "lo"), 1);
}

// As SO_BINDTODEVICE sees it.
bool takes_sockets(const std::string& name) {
  ConnectFrom from;
  from.interface = name;
  return start_connect(test::loopback(1), {}, from).step != ConnectStep::kInterface;
}

TEST(HasInterface, KnowsTheLoopbackByName) {
  EXPECT_TRUE(has_interface("lo"));
  EXPECT_TRUE(takes_sockets("lo"));
}

TEST(HasInterface, RefusesWhatIsNoNameOfOneAsTheKernelDoesForASocket) {
  for (const std::string& name :
       {std::string("no-such-one"), std::string("lo:1"), std::string("lo\0", 3), std::string("lo\0x", 4),
        std::string("."), std::string("lo/x"), std::string("lo "), std::string(15, 'l'), std::string(16, 'l'),
        std::string(5000, 'l')}) {
    EXPECT_FALSE(has_interface(name)) << name;
  }
  EXPECT_FALSE(has_interface(""));
  for (const char* name : {"no-such-one", "lo:1", "lo ", "loooooooooooooooooooo"}) {
    EXPECT_FALSE(takes_sockets(name)) << name;
  }
}

TEST(HasInterface, AnswersForTheNamespaceOfTheThread) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  const test::NetworkNamespace there;
  const std::string name = test::link({here, {"198.18.0.1/24"}}, {there, {"198.18.0.2/24"}});
  EXPECT_FALSE(has_interface(name));
  EXPECT_TRUE(here.run([&] { return has_interface(name); }));
  here.ip("link set " + name + " down");
  EXPECT_TRUE(here.run([&] { return has_interface(name); })) << "it is there, though down";
  here.ip("link del " + name);
  EXPECT_FALSE(here.run([&] { return has_interface(name); }));
}

// A name of the greatest length, and one that only differs beyond it.
TEST(HasInterface, TakesNoLongNameForTheOneItBeginsWith) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  here.ip("link add weirfifteenchar type veth peer name weirpeer");
  here.run([] {
    EXPECT_TRUE(has_interface("weirfifteenchar"));
    EXPECT_FALSE(has_interface("weirfifteencharX"));
    EXPECT_TRUE(takes_sockets("weirfifteenchar"));
    EXPECT_FALSE(takes_sockets("weirfifteencharX"));
  });
}

}  // namespace
}  // namespace weir::net
