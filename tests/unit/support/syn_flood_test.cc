#include "support/syn_flood.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>

namespace weir::test {
namespace {

in_addr ip(const char* text) {
  in_addr address{};
  EXPECT_EQ(::inet_pton(AF_INET, text, &address), 1) << text;
  return address;
}

FloodPlan plan_of(const char* target, std::uint16_t port, unsigned per_second, int millis) {
  return {ip(target), port, per_second, std::chrono::milliseconds(millis)};
}

TEST(FloodPlan, HoldsItselfToItsNetworkItsRateAndItsDuration) {
  struct Case {
    FloodPlan plan;
    const char* wrong;  // empty: nothing
  };
  const Case cases[] = {
      {plan_of("198.18.0.0", 1, 1, 1), ""},
      {plan_of("198.19.255.255", 65'535, 20'000, 10'000), ""},
      {plan_of("198.17.255.255", 80, 100, 100), "198.18.0.0/15"},
      {plan_of("198.20.0.0", 80, 100, 100), "198.18.0.0/15"},
      {plan_of("127.0.0.1", 80, 100, 100), "198.18.0.0/15"},
      {plan_of("0.0.0.0", 80, 100, 100), "198.18.0.0/15"},
      {plan_of("18.198.18.198", 80, 100, 100), "198.18.0.0/15"},
      {plan_of("198.18.0.1", 0, 100, 100), "port"},
      {plan_of("198.18.0.1", 80, 0, 100), "rate"},
      {plan_of("198.18.0.1", 80, 20'001, 100), "rate"},
      {plan_of("198.18.0.1", 80, 100, 0), "duration"},
      {plan_of("198.18.0.1", 80, 100, -1), "duration"},
      {plan_of("198.18.0.1", 80, 100, 10'001), "duration"},
  };
  for (const Case& c : cases) {
    const auto result = checked(c.plan);
    EXPECT_EQ(result.has_value(), *c.wrong == '\0') << c.wrong;
    if (result) continue;
    EXPECT_NE(result.error().message().find(c.wrong), std::string::npos) << result.error().message();
    EXPECT_FALSE(flood(c.plan).has_value()) << "and it is not sent either";
  }
}

TEST(ForgedSource, IsAlwaysInTheUpperHalfOfTheNetwork) {
  for (const std::uint32_t random : {0u, 1u, 0xFFFFu, 0xFFFF'0000u, 0xFFFF'FFFFu}) {
    EXPECT_EQ(ntohl(forged_source(random).s_addr) >> 16, 198u << 8 | 19u) << random;
  }
}

TEST(InternetChecksum, IsTheOneOfRfc1071) {
  const std::uint8_t example[] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};  // its section 3
  EXPECT_EQ(internet_checksum(example), static_cast<std::uint16_t>(~0xddf2));
  const std::uint8_t odd[] = {0x00, 0x01, 0xf2};
  EXPECT_EQ(internet_checksum(odd), static_cast<std::uint16_t>(~0xf201));
}

TEST(SynPacketOf, HoldsItsOwnSums) {
  const in_addr source = forged_source(0x0102);
  const in_addr target = ip("198.18.0.1");
  const SynPacket packet = syn_packet(source, 4321, target, 80, 0x01020304);
  const std::span<const std::uint8_t> bytes(packet);
  EXPECT_EQ(internet_checksum(bytes.first(20)), 0);
  EXPECT_EQ(internet_checksum(bytes.subspan(20), IPPROTO_TCP + 24 + 0xC613 + 0x0102 + 0xC612 + 0x0001), 0);
  EXPECT_EQ(bytes[20] << 8 | bytes[21], 4321);
  EXPECT_EQ(bytes[22] << 8 | bytes[23], 80);
  EXPECT_EQ(bytes[33], 0x02) << "SYN and nothing else";
}

}  // namespace
}  // namespace weir::test
