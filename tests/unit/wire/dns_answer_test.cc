#include "wire/dns_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/dns_message.h"

namespace weir::wire {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace weir::test;

DnsMessage answer_to(const std::string& name, std::uint16_t type) {
  DnsMessage message;
  message.id = 7;
  message.name = name;
  message.type = type;
  return message;
}

DnsAnswer read(const DnsMessage& message) {
  auto answer = parse_dns_answer(message.bytes());
  EXPECT_TRUE(answer.has_value()) << answer.error().message();
  return answer ? *answer : DnsAnswer{};
}

std::string error_of(const std::string& bytes) {
  const auto answer = parse_dns_answer(bytes);
  return answer ? "no error" : answer.error().message();
}

std::vector<std::string> texts(const std::vector<DnsAddress>& addresses) {
  std::vector<std::string> texts;
  for (const DnsAddress& address : addresses) {
    texts.push_back(address.name + " " + address.address.ip_to_string() + " " +
                    std::to_string(address.ttl.count()));
  }
  return texts;
}

TEST(DnsAnswer, GivesEachAddressWithItsLife) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.answers = {a_record("app.test", 60, "192.0.2.1"), a_record("APP.Test", 30, "192.0.2.2"),
                     a_record("other.test", 5, "192.0.2.3")};
  const DnsAnswer answer = read(message);
  EXPECT_EQ(answer.name, "app.test");
  EXPECT_EQ(answer.type, DnsType::kA);
  EXPECT_EQ(answer.rcode, 0);
  EXPECT_THAT(texts(answer.addresses), ElementsAre("app.test 192.0.2.1 60", "APP.Test 192.0.2.2 30"))
      << "case does not count, and another name's address is not ours";
}

TEST(DnsAnswer, ReadsAddressesOfIpv6) {
  DnsMessage message = answer_to("app.test", kDnsAaaa);
  message.answers = {aaaa_record("app.test", 60, "2001:db8::1"), a_record("app.test", 60, "192.0.2.1")};
  EXPECT_THAT(texts(read(message).addresses), ElementsAre("app.test 2001:db8::1 60"))
      << "what was not asked for is not the answer";
}

TEST(DnsAnswer, FollowsAliasesInAnyOrderAndTakesTheShortestLife) {
  DnsMessage message = answer_to("www.test", kDnsA);
  message.answers = {a_record("c.test", 300, "192.0.2.1"), cname_record("b.test", 20, "c.test"),
                     cname_record("www.test", 100, "B.test")};
  EXPECT_THAT(texts(read(message).addresses), ElementsAre("c.test 192.0.2.1 20"));
}

TEST(DnsAnswer, AnAliasThatLeadsNowhereHasNoAddress) {
  DnsMessage message = answer_to("www.test", kDnsA);
  message.answers = {cname_record("www.test", 100, "gone.test"), a_record("www.test", 100, "192.0.2.1")};
  EXPECT_TRUE(read(message).addresses.empty());
}

TEST(DnsAnswer, RefusesAliasesInARing) {
  DnsMessage message = answer_to("a.test", kDnsA);
  message.answers = {cname_record("a.test", 1, "b.test"), cname_record("b.test", 1, "a.test")};
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("aliases in a ring"));
}

TEST(DnsAnswer, FollowsAsManyAliasesAsItSaysAndNoMore) {
  DnsMessage message = answer_to("n0.test", kDnsA);
  for (int i = 0; i < kMaxDnsAliases; ++i) {
    message.answers.push_back(
        cname_record("n" + std::to_string(i) + ".test", 9, "n" + std::to_string(i + 1) + ".test"));
  }
  const std::string last = "n" + std::to_string(kMaxDnsAliases) + ".test";
  message.answers.push_back(a_record(last, 9, "192.0.2.1"));
  EXPECT_EQ(read(message).addresses.size(), 1u);
  message.answers.push_back(cname_record(last, 9, "further.test"));
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("too many"));
}

TEST(DnsAnswer, ReadsServicesAndTheAddressesThatCameAlong) {
  DnsMessage message = answer_to("_http._tcp.app.test", kDnsSrv);
  message.answers = {srv_record("_http._tcp.app.test", 60, {10, 5, 8080}, "one.test"),
                     srv_record("_http._tcp.app.test", 40, {20, 0, 0}, "two.test"),
                     srv_record("_other._tcp.app.test", 40, {20, 0, 1}, "three.test")};
  message.additional = {a_record("one.test", 30, "192.0.2.1"), aaaa_record("one.test", 30, "2001:db8::1")};
  const DnsAnswer answer = read(message);
  ASSERT_EQ(answer.services.size(), 2u);
  EXPECT_EQ(answer.services[0].priority, 10);
  EXPECT_EQ(answer.services[0].weight, 5);
  EXPECT_EQ(answer.services[0].port, 8080);
  EXPECT_EQ(answer.services[0].target, "one.test");
  EXPECT_EQ(answer.services[0].ttl, seconds(60));
  EXPECT_EQ(answer.services[1].target, "two.test");
  EXPECT_EQ(answer.services[1].port, 0) << "what it means is decided elsewhere";
  EXPECT_THAT(texts(answer.additional), ElementsAre("one.test 192.0.2.1 30", "one.test 2001:db8::1 30"));
}

TEST(DnsAnswer, TheRootAsATargetIsEmpty) {
  DnsMessage message = answer_to("_x._tcp.test", kDnsSrv);
  message.answers = {srv_record("_x._tcp.test", 60, {0, 0, 0}, "")};
  const DnsAnswer answer = read(message);
  ASSERT_EQ(answer.services.size(), 1u);
  EXPECT_EQ(answer.services[0].target, "");
}

TEST(DnsAnswer, ReadsCompressedNames) {
  DnsMessage message = answer_to("app.test", kDnsA);
  std::string bytes = message.bytes();
  bytes[7] = 1;  // one answer, whose owner points back to the question's name
  bytes += std::string("\xc0\x0c", 2) + dns_number(1) + dns_number(1) + std::string("\0\0\0\x3c", 4) +
           dns_number(4) + std::string("\xc0\0\x02\x01", 4);
  const auto answer = parse_dns_answer(bytes);
  ASSERT_TRUE(answer.has_value()) << answer.error().message();
  EXPECT_THAT(texts(answer->addresses), ElementsAre("app.test 192.0.2.1 60"));
}

TEST(DnsAnswer, TellsThatThereIsNoSuchName) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.rcode = kDnsNxDomain;
  message.authority = {soa_record("test", 600, 45)};
  EXPECT_EQ(read(message).rcode, 3);
}

TEST(DnsAnswer, ALifeInTheUpperHalfOfTheRangeIsNone) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.answers = {a_record("app.test", 0x80000000u, "192.0.2.1"),
                     a_record("app.test", 0x7fffffffu, "192.0.2.2")};
  const DnsAnswer answer = read(message);
  EXPECT_EQ(answer.addresses[0].ttl, seconds(0));
  EXPECT_EQ(answer.addresses[1].ttl, seconds(0x7fffffff));
}

TEST(DnsAnswer, RecordsOfAnotherClassAreNotLookedAt) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.answers = {a_record("app.test", 60, "192.0.2.1")};
  message.answers[0].record_class = 3;
  EXPECT_TRUE(read(message).addresses.empty());
}

TEST(DnsAnswer, RefusesWhatIsNoAnswer) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.is_answer = false;
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("it is a question"));
  EXPECT_THAT(error_of(""), HasSubstr("cut short"));
  EXPECT_THAT(error_of(std::string(12, '\0')), HasSubstr("it is a question"));
  message = answer_to("app.test", 16);
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("never asked"));
  std::string bytes = answer_to("app.test", kDnsA).bytes();
  bytes[2] = static_cast<char>(bytes[2] | 0x28);  // opcode UPDATE
  EXPECT_THAT(error_of(bytes), HasSubstr("another kind"));
  bytes = answer_to("app.test", kDnsA).bytes();
  bytes[5] = 0;
  bytes.resize(12);
  EXPECT_THAT(error_of(bytes), HasSubstr("not one question"));
}

TEST(DnsAnswer, RefusesDataOfTheWrongLength) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.answers = {{"app.test", kDnsA, 60, "\x7f\x01"}};
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("wrong length"));
  message = answer_to("app.test", kDnsAaaa);
  message.answers = {{"app.test", kDnsAaaa, 60, std::string(15, '\0')}};
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("wrong length"));
  message = answer_to("app.test", kDnsA);
  message.additional = {{"app.test", kDnsA, 60, ""}};
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("wrong length"));
}

TEST(DnsAnswer, RefusesServicesWhoseTargetLeavesTheRecord) {
  DnsMessage message = answer_to("_x._tcp.test", kDnsSrv);
  const std::string fixed(6, '\0');
  for (const std::string& target : {std::string(), std::string("\5ab", 3), std::string("\1a\0more", 7),
                                    std::string("\xc0\xff", 2), std::string("\xc0", 1)}) {
    message.answers = {{"_x._tcp.test", kDnsSrv, 60, fixed + target}};
    EXPECT_THAT(error_of(message.bytes()), HasSubstr("SRV record")) << target.size();
  }
}

TEST(DnsAnswer, RefusesABrokenAlias) {
  DnsMessage message = answer_to("app.test", kDnsA);
  message.answers = {{"app.test", kDnsCname, 60, std::string("\1a\0x", 4)}};
  EXPECT_THAT(error_of(message.bytes()), HasSubstr("CNAME"));
}

// Every message that is cut anywhere is an error, and so is one with anything behind it.
TEST(DnsAnswer, RefusesEveryCutMessage) {
  DnsMessage message = answer_to("_http._tcp.app.test", kDnsSrv);
  message.answers = {srv_record("_http._tcp.app.test", 60, {10, 5, 8080}, "one.test")};
  message.authority = {soa_record("test", 600, 45)};
  message.additional = {a_record("one.test", 30, "192.0.2.1")};
  const std::string whole = message.bytes();
  ASSERT_TRUE(parse_dns_answer(whole).has_value());
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(parse_dns_answer(std::string(whole, 0, size)).has_value()) << size;
  }
  EXPECT_THAT(error_of(whole + "x"), HasSubstr("more than it says"));
}

TEST(DnsAnswer, NamesCarryNoControlCharacters) {
  DnsMessage message = answer_to("a\x1b[0m\n.test", kDnsA);
  EXPECT_EQ(read(message).name, "a\\027[0m\\010.test");
}

TEST(DnsName, IsTheSameInBothCasesAndWithALastDot) {
  EXPECT_TRUE(is_same_dns_name("App.Test.", "app.tesT"));
  EXPECT_FALSE(is_same_dns_name("app.test", "app.tes"));
  EXPECT_FALSE(is_same_dns_name("app.test", "app[test"));
}

}  // namespace
}  // namespace weir::wire
