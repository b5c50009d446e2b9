#include "config/addresses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// As text, or the problem.
std::vector<std::string> listen(const std::string& text) {
  const auto addresses = parse_listen_addresses(text);
  if (!addresses) return {"refused: " + addresses.error()};
  std::vector<std::string> out;
  for (const base::Address& address : *addresses) out.push_back(address.to_string());
  return out;
}

std::string admin(const std::string& text) {
  const auto address = parse_admin_address(text);
  return address ? address->to_string() : "refused: " + address.error();
}

std::string backend(const std::string& text) {
  const auto endpoint = parse_backend_address(text);
  return endpoint ? base::to_string(*endpoint) : "refused: " + endpoint.error();
}

std::string range_of(std::size_t ports) { return "0.0.0.0:1-" + std::to_string(ports); }

TEST(ListenAddresses, ARangeTakesInBothOfItsEnds) {
  EXPECT_THAT(listen("[::1]:65533-65535"), ElementsAre("[::1]:65533", "[::1]:65534", "[::1]:65535"));
  EXPECT_THAT(listen("127.0.0.1:1-2"), ElementsAre("127.0.0.1:1", "127.0.0.1:2"));
}

TEST(ListenAddresses, ARangeOfOnePortIsThatPort) {
  EXPECT_THAT(listen("0.0.0.0:80-80"), ElementsAre("0.0.0.0:80"));
}

TEST(ListenAddresses, ARangeHoldsAsManyPortsAsTheLimitAndNotOneMore) {
  EXPECT_EQ(listen(range_of(kMaxBindAddresses)).size(), kMaxBindAddresses);
  EXPECT_THAT(listen(range_of(kMaxBindAddresses + 1)), ElementsAre(HasSubstr("at most 16384 are allowed")));
}

TEST(ListenAddresses, ADashInAUnixPathIsNoRange) {
  EXPECT_THAT(listen("unix:/run/a:1-2.sock"), ElementsAre("unix:/run/a:1-2.sock"));
  EXPECT_THAT(listen("unix:/run/web-1.sock"), ElementsAre("unix:/run/web-1.sock"));
}

TEST(ListenAddresses, ARangeWithAPortBeyondTheLastIsRefused) {
  for (const char* text :
       {"0.0.0.0:1-65536", "0.0.0.0:65536-65537", "0.0.0.0:1-99999999999999999999", "0.0.0.0:-5",
        "0.0.0.0:5-", "0.0.0.0:-", "0.0.0.0:1-2-3", "0.0.0.0:1--2", "0.0.0.0:+1-2", "0.0.0.0: 1-2"}) {
    EXPECT_THAT(listen(text), ElementsAre(HasSubstr("is not a range of ports"))) << text;
  }
}

TEST(ListenAddresses, ARangeOfANameIsRefusedForTheName) {
  EXPECT_THAT(listen("app:8000-8010"), ElementsAre(HasSubstr("a listener needs an IP address")));
  EXPECT_THAT(listen("[::ffff:127.0.0.1]:1-2"), ElementsAre(HasSubstr("write \"127.0.0.1:1\"")));
}

TEST(ListenAddresses, PortZeroIsAllowedAlone) {
  EXPECT_THAT(listen("[::]:0"), ElementsAre("[::]:0"));
  EXPECT_THAT(listen("0.0.0.0:0-1"), ElementsAre(HasSubstr("is not a range of ports")));
}

TEST(ListenAddresses, WhatIsAcceptedIsWrittenAsItIsRead) {
  for (const char* text : {"0.0.0.0:80", "[::]:65535", "[2001:db8::1]:1", "unix:/run/weir/web.sock"}) {
    EXPECT_THAT(listen(text), ElementsAre(text));
  }
}

TEST(AdminAddress, IsAnyAddress) {
  for (const char* text :
       {"127.255.255.254:1", "[::1]:0", "unix:/run/weir/admin.sock", "0.0.0.0:1", "[2001:db8::2]:1"}) {
    EXPECT_EQ(admin(text), text);
  }
}

TEST(AdminAddress, ARangeOfPortsIsNoAddress) { EXPECT_THAT(admin("127.0.0.1:1-2"), HasSubstr("refused")); }

TEST(AdminAddress, AMappedLoopbackAddressIsRefusedWithItsPlainForm) {
  EXPECT_THAT(admin("[::ffff:127.0.0.1]:9900"), HasSubstr("write \"127.0.0.1:9900\""));
}

TEST(BackendAddress, ANameStaysANameAsItIsWritten) {
  const auto endpoint = parse_backend_address("App-1.Example:65535");
  ASSERT_TRUE(endpoint);
  ASSERT_TRUE(std::holds_alternative<base::HostPort>(*endpoint));
  EXPECT_EQ(std::get<base::HostPort>(*endpoint), (base::HostPort{"App-1.Example", 65535}));
}

TEST(BackendAddress, AnAddressIsNotTakenForAName) {
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:80", "unix:/run/app.sock"}) {
    const auto endpoint = parse_backend_address(text);
    ASSERT_TRUE(endpoint) << text;
    EXPECT_TRUE(std::holds_alternative<base::Address>(*endpoint)) << text;
    EXPECT_EQ(base::to_string(*endpoint), text);
  }
}

TEST(BackendAddress, WhatNothingCanBeConnectedToIsRefused) {
  EXPECT_THAT(backend("[::]:80"), HasSubstr("no address that can be connected to"));
  EXPECT_THAT(backend("0.0.0.0:80"), HasSubstr("no address that can be connected to"));
  EXPECT_THAT(backend("[::1]:0"), HasSubstr("has port 0"));
  EXPECT_THAT(backend("app:0"), HasSubstr("has port 0"));
  EXPECT_THAT(backend("[::]:0"), HasSubstr("no address that can be connected to"));
}

TEST(Addresses, TextThatIsLongerThanAnyAddressIsRefusedWithoutBeingRepeatedWhole) {
  const std::string text(10'000, 'a');
  for (const std::string& problem : {listen(text).at(0), admin(text), backend(text)}) {
    EXPECT_THAT(problem, HasSubstr("more than 300 bytes"));
    EXPECT_LT(problem.size(), 300u);
  }
}

// Letters that addresses are made of, so that much of what comes out is nearly one, and bytes that belong to
// none.
TEST(Addresses, NoTextMakesAMessageThatIsEmptyOrCarriesControlCharacters) {
  constexpr std::string_view kLetters = "0123456789.:-[]/*%unixabflocalhost \x01\x1b\x7f\xff\xc3\xa9";
  std::mt19937 random(1);
  std::uniform_int_distribution<std::size_t> letter(0, kLetters.size() - 1);
  std::uniform_int_distribution<std::size_t> length(0, 24);
  const auto is_sound = [](const auto& value) {
    return value || (!value.error().empty() && is_plain_text(value.error()));
  };
  for (int i = 0; i < 20'000; ++i) {
    std::string text(length(random), '\0');
    for (char& c : text) c = kLetters[letter(random)];
    ASSERT_TRUE(is_sound(parse_listen_addresses(text))) << printable(text, 100);
    ASSERT_TRUE(is_sound(parse_admin_address(text))) << printable(text, 100);
    ASSERT_TRUE(is_sound(parse_backend_address(text))) << printable(text, 100);
  }
}

std::string service_fault(std::string_view text) {
  const auto endpoint = parse_service_address(text);
  return endpoint ? "" : endpoint.error();
}

TEST(ServiceAddress, IsAServicesNameWithPortZeroOrAnAddressAsItIs) {
  for (const char* text : {"_http._tcp.app.internal", "_a._b.c", "_http._tcp.app.internal."}) {
    const auto endpoint = parse_service_address(text);
    ASSERT_TRUE(endpoint) << endpoint.error();
    EXPECT_EQ(std::get<base::HostPort>(*endpoint), (base::HostPort{text, 0}));
  }
  for (const char* text : {"10.0.0.1:80", "[2001:db8::1]:80", "unix:/run/app.sock"}) {
    const auto endpoint = parse_service_address(text);
    ASSERT_TRUE(endpoint) << endpoint.error();
    EXPECT_EQ(base::to_string(*endpoint), text);
  }
}

TEST(ServiceAddress, NothingElseIsOne) {
  for (const char* text :
       {"app", "app.internal", "app:80", "_http.app.internal", "_http._tcp", "http._tcp.app", "_._tcp.app",
        "_http._tcp.", "_http._tcp.a b", "_http.x._tcp.app"}) {
    EXPECT_THAT(service_fault(text), HasSubstr("is not the name of a service")) << text;
  }
  EXPECT_THAT(service_fault("10.0.0.1:0"), HasSubstr("port 0"));
  EXPECT_THAT(service_fault(""), HasSubstr("empty text"));
}

TEST(ServiceAddress, APortIsToldToComeFromTheAnswer) {
  EXPECT_THAT(service_fault("_http._tcp.app:80"),
              HasSubstr("; write \"_http._tcp.app\": the port comes from the answer"));
}

TEST(BackendAddress, AServicesNameIsToldWhereItBelongs) {
  EXPECT_THAT(parse_backend_address("_http._tcp.app").error(),
              HasSubstr("write resolve = { use = \"srv\" }"));
}

std::string source_fault(std::string_view text) {
  const auto address = parse_source_address(text);
  return address ? "" : address.error();
}

TEST(SourceAddress, IsAnAddressAloneWithPortZero) {
  for (const char* text : {"10.0.0.5", "127.0.0.1", "2001:db8::5", "::1"}) {
    const auto address = parse_source_address(text);
    ASSERT_TRUE(address) << address.error();
    EXPECT_EQ(address->ip_to_string(), text);
    EXPECT_EQ(address->port(), 0);
  }
}

TEST(SourceAddress, NothingElseIsOne) {
  for (const std::string& text : {std::string(""), std::string("10.0.0"), std::string("10.0.0.256"),
                                  std::string("[::1]"), std::string("unix:/run/a"), std::string("10.0.0.0/8"),
                                  std::string("a\x1b"), std::string("10.0.0.5 "), std::string(301, '1')}) {
    EXPECT_THAT(source_fault(text), HasSubstr("is not an address to connect from")) << text;
  }
}

TEST(SourceAddress, CommonMistakesAreToldWhatToWrite) {
  EXPECT_THAT(source_fault("10.0.0.5:80"), HasSubstr("; write \"10.0.0.5\": the kernel chooses the port"));
  EXPECT_THAT(source_fault("[2001:db8::5]:0"),
              HasSubstr("; write \"2001:db8::5\": the kernel chooses the port"));
  EXPECT_THAT(source_fault("eth0"), HasSubstr("names are not looked up here"));
  EXPECT_THAT(source_fault("unix:/run/a"), testing::Not(HasSubstr("names")));
  EXPECT_THAT(source_fault("0.0.0.0"), HasSubstr("or an empty list"));
  EXPECT_THAT(source_fault("::"), HasSubstr("or an empty list"));
  EXPECT_THAT(source_fault("::ffff:10.0.0.5"), HasSubstr("; write \"10.0.0.5\""));
  for (const char* many : {"224.0.0.1", "239.255.255.255", "255.255.255.255", "ff02::1"})
    EXPECT_THAT(source_fault(many), HasSubstr("this one is for many hosts"));
}

TEST(NameServer, IsAnAddressWithAPortOrAtPort53) {
  const auto read = [](std::string_view text) {
    const auto address = parse_name_server(text);
    return address ? address->to_string() : "refused";
  };
  EXPECT_EQ(read("10.0.0.53"), "10.0.0.53:53");
  EXPECT_EQ(read("127.0.0.1:8600"), "127.0.0.1:8600");
  EXPECT_EQ(read("2001:db8::53"), "[2001:db8::53]:53");
  EXPECT_EQ(read("[2001:db8::53]:8600"), "[2001:db8::53]:8600");
  EXPECT_EQ(read("[2001:db8::53]"), "[2001:db8::53]:53");
  EXPECT_EQ(read("::ffff:10.0.0.53"), "10.0.0.53:53");
  for (const std::string_view wrong : {"", "dns", "dns:53", "10.0.0.53:0", "0.0.0.0", "[::]:53",
                                       "10.0.0.53:65536", "unix:/run/dns", "10.0.0"}) {
    EXPECT_EQ(read(wrong), "refused") << wrong;
  }
}

}  // namespace
}  // namespace weir::config
