#include "net/families.h"

#include <gtest/gtest.h>

namespace weir::net {
namespace {

Families of(const std::vector<std::string>& texts) {
  std::vector<base::Address> addresses;
  for (const std::string& text : texts) addresses.push_back(*base::parse_address(text));
  return families_of(addresses);
}

TEST(Families, AreNarrowedToTheOneThatTheHostHas) {
  EXPECT_EQ(of({"127.0.0.1:0", "[::1]:0", "192.0.2.1:0"}), (Families{true, false}));
  EXPECT_EQ(of({"127.0.0.1:0", "[::1]:0", "[2001:db8::1]:0"}), (Families{false, true}));
}

TEST(Families, AreBothWhenTheHostHasBothOrIsAlone) {
  EXPECT_EQ(of({"192.0.2.1:0", "[2001:db8::1]:0"}), (Families{true, true}));
  EXPECT_EQ(of({"127.0.0.1:0"}), (Families{true, true})) << "loopback does not count";
  EXPECT_EQ(of({}), (Families{true, true}));
}

TEST(Families, OfThisHostAreThoseOfItsInterfaces) {
  const Families found = host_families();
  EXPECT_TRUE(found.ipv4 || found.ipv6);
}

}  // namespace
}  // namespace weir::net
