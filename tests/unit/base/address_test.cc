#include "base/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <variant>

#include "base/unique_fd.h"

namespace weir::base {
namespace {

using namespace std::string_view_literals;

Address address(std::string_view text) {
  auto parsed = parse_address(text);
  EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message());
  return parsed ? *parsed : Address();
}

std::string endpoint(std::string_view text) {
  auto parsed = parse_endpoint(text);
  return parsed ? to_string(*parsed) : "error: " + parsed.error().message();
}

std::string error_of(std::string_view text) {
  auto parsed = parse_address(text);
  return parsed ? "no error" : parsed.error().message();
}

TEST(ParseAddress, EachFormIsReadAndPrintedAlike) {
  for (const char* text : {"192.0.2.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[2001:db8::1]:80",
                           "[::]:8080", "[::ffff:192.0.2.1]:80", "unix:/run/app.sock"}) {
    EXPECT_EQ(address(text).to_string(), text);
  }
}

TEST(ParseAddress, TheFamilyFollowsTheForm) {
  EXPECT_EQ(address("192.0.2.1:80").family(), AF_INET);
  EXPECT_EQ(address("[::1]:80").family(), AF_INET6);
  EXPECT_EQ(address("unix:/a").family(), AF_UNIX);
  EXPECT_TRUE(address("unix:/a").is_unix());
  EXPECT_FALSE(address("unix:/a").is_ip());
}

TEST(ParseAddress, AnIpv6AddressIsPrintedInItsShortestForm) {
  EXPECT_EQ(address("[2001:DB8:0:0:0:0:0:1]:80").to_string(), "[2001:db8::1]:80");
}

TEST(ParseAddress, APortIsUpToFiveDigitsWithoutSignOrLeadingZero) {
  for (const char* port :
       {"", "-1", "+1", "65536", "99999", "100000", "080", "00", "8o", "0x50", " 80", "80 ", "http"}) {
    EXPECT_FALSE(parse_address("192.0.2.1:" + std::string(port))) << port;
  }
}

TEST(ParseAddress, BrokenIpv4IsRefused) {
  for (const char* host :
       {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "1.2.3.04", "1.2.3.-4", "0x7f.0.0.1", " 1.2.3.4", "*"}) {
    EXPECT_FALSE(parse_address(std::string(host) + ":80")) << host;
  }
}

TEST(ParseAddress, ANulInTheMiddleDoesNotCutTheRestOff) {
  EXPECT_FALSE(parse_address("192.0.2.1\0.evil:80"sv));
  EXPECT_FALSE(parse_address("[::1\0x]:80"sv));
  EXPECT_FALSE(parse_address("unix:/run/a\0b"sv));
}

TEST(ParseAddress, AHostNameIsNoAddress) { EXPECT_FALSE(parse_address("localhost:80")); }

TEST(ParseAddress, TheErrorSaysWhatWasExpected) {
  EXPECT_EQ(error_of("192.0.2.1"),
            "\"192.0.2.1\" is not an address: expected \"IPV4:PORT\", \"[IPV6]:PORT\" or \"unix:/PATH\", "
            "with a port "
            "from 0 to 65535");
  EXPECT_EQ(error_of("::1:80"),
            "\"::1:80\" is not an address: expected brackets around an IPv6 address, e.g. \"[::1]:80\"");
  EXPECT_EQ(
      error_of("[1.2.3.4]:80"),
      "\"[1.2.3.4]:80\" is not an address: expected an IPv6 address between the brackets, e.g. \"[::1]:80\"");
  EXPECT_EQ(error_of("unix:app.sock"),
            "\"unix:app.sock\" is not an address: expected an absolute path after \"unix:\"");
  EXPECT_EQ(error_of("unix:"), "\"unix:\" is not an address: expected an absolute path after \"unix:\"");
}

TEST(ParseAddress, AUnixPathMayHave107BytesAndNoMore) {
  const std::string longest = "unix:/" + std::string(106, 'a');
  EXPECT_EQ(address(longest).to_string(), longest);
  EXPECT_NE(error_of(longest + "a").find("at most 107 bytes"), std::string::npos);
}

TEST(ParseEndpoint, TakesAddressesAndHostNames) {
  EXPECT_TRUE(std::holds_alternative<Address>(*parse_endpoint("192.0.2.1:80")));
  EXPECT_TRUE(std::holds_alternative<Address>(*parse_endpoint("unix:/run/a")));
  EXPECT_EQ(std::get<HostPort>(*parse_endpoint("app.example:8080")), (HostPort{"app.example", 8080}));
}

TEST(ParseEndpoint, NamesOfHostsAndContainersAreRead) {
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') +
                              "." + std::string(61, 'd') + ":80";
  for (const std::string& text :
       {std::string("localhost:80"), std::string("web_1:80"), std::string("3com.example:80"),
        std::string("a-b.c:0"), std::string("example.com.:80"), longest}) {
    EXPECT_EQ(endpoint(text), text);
  }
}

TEST(ParseEndpoint, WhatCannotBeAHostNameIsRefused) {
  const std::string long_label = std::string(64, 'a');
  const std::string long_name = std::string(63, 'a') + "." + std::string(63, 'b') + "." +
                                std::string(63, 'c') + "." + std::string(62, 'd');
  for (const std::string& host :
       {std::string(), std::string("."), std::string("a..b"), std::string(".a"), std::string("a.."),
        std::string("-a"), std::string("a-"), std::string("a.-b"), std::string("a b"), std::string("a/b"),
        std::string("caf\xc3\xa9"), std::string("a\0b", 3), std::string("256.0.0.1"), std::string("1.2.3"),
        std::string("12345"), long_label, long_name}) {
    EXPECT_FALSE(parse_endpoint(host + ":80")) << host;
  }
}

TEST(ParseEndpoint, TheErrorIsTheMostHelpfulOne) {
  EXPECT_EQ(endpoint("unix:app.sock"),
            "error: \"unix:app.sock\" is not an address: expected an absolute path after \"unix:\"");
  EXPECT_EQ(
      endpoint("::1:80"),
      "error: \"::1:80\" is not an address: expected brackets around an IPv6 address, e.g. \"[::1]:80\"");
  EXPECT_EQ(
      endpoint("web:99999"),
      "error: \"web:99999\" is not an address: expected \"HOST:PORT\", \"IPV4:PORT\", \"[IPV6]:PORT\" or "
      "\"unix:/PATH\", with a port from 0 to 65535");
  EXPECT_EQ(endpoint("a b:80"),
            "error: \"a b:80\" is not an address: expected \"HOST:PORT\", \"IPV4:PORT\", \"[IPV6]:PORT\" or "
            "\"unix:/PATH\"");
}

TEST(Address, TheEmptyOneIsNoAddressAndEqualToItself) {
  EXPECT_EQ(Address().to_string(), "none");
  EXPECT_EQ(Address(), Address());
  EXPECT_NE(Address(), address("0.0.0.0:0"));
  EXPECT_EQ(Address().port(), 0);
}

TEST(Address, IsEqualWhenFamilyHostAndPortAre) {
  EXPECT_EQ(address("192.0.2.1:80"), address("192.0.2.1:80"));
  EXPECT_NE(address("192.0.2.1:80"), address("192.0.2.1:81"));
  EXPECT_NE(address("192.0.2.1:80"), address("192.0.2.2:80"));
  EXPECT_NE(address("[::ffff:192.0.2.1]:80"), address("192.0.2.1:80"));
  EXPECT_NE(address("unix:/a"), address("unix:/b"));
}

TEST(Address, OfAnotherScopeIsAnother) {
  in6_addr link_local{};
  ASSERT_EQ(::inet_pton(AF_INET6, "fe80::1", &link_local), 1);
  EXPECT_NE(Address::ipv6(link_local, 80, 2), Address::ipv6(link_local, 80, 3));
  EXPECT_EQ(Address::ipv6(link_local, 80, 2).to_string(), "[fe80::1%2]:80");
}

TEST(Address, GoesThroughSockaddrUnchanged) {
  const std::string longest = "unix:/" + std::string(106, 'a');
  for (const std::string& text : {std::string("192.0.2.1:80"), std::string("[2001:db8::1]:443"),
                                  std::string("unix:/run/app.sock"), longest}) {
    sockaddr_storage storage;
    const socklen_t length = address(text).to_sockaddr(storage);
    EXPECT_EQ(Address::from_sockaddr(storage, length), address(text)) << text;
  }
}

TEST(Address, AnUnnamedUnixPeerIsOnlyItsFamily) {
  sockaddr_storage storage;
  const Address unnamed = Address::unix_path("");
  // One byte more would name the abstract socket with an empty name.
  EXPECT_EQ(unnamed.to_sockaddr(storage), sizeof(sa_family_t));
  EXPECT_EQ(Address::from_sockaddr(storage, sizeof(sa_family_t)), unnamed);
  EXPECT_EQ(unnamed.to_string(), "unix");
}

// Somebody else's socket may use all 108 bytes of sun_path, without a NUL: unix(7).
TEST(Address, APathThatFillsSunPathIsReadWholeAndConnectsBack) {
  char folder[] = "/tmp/weir.XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  std::string path = std::string(folder) + "/";
  path.resize(sizeof(sockaddr_un::sun_path), 'a');
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  const UniqueFd server(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(server.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)), 0);
  ASSERT_EQ(::listen(server.get(), 1), 0);

  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ASSERT_EQ(::getsockname(server.get(), reinterpret_cast<sockaddr*>(&storage), &length), 0);
  const Address read = Address::from_sockaddr(storage, length);
  EXPECT_EQ(read.path(), path);
  length = read.to_sockaddr(storage);
  const UniqueFd client(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(::connect(client.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  ::unlink(path.c_str());
  ::rmdir(folder);
}

TEST(Address, AnUnknownFamilyOrAShortLengthGivesNone) {
  sockaddr_storage storage{};
  storage.ss_family = AF_NETLINK;
  EXPECT_EQ(Address::from_sockaddr(storage, sizeof(storage)), Address());
  storage.ss_family = AF_INET6;
  EXPECT_EQ(Address::from_sockaddr(storage, sizeof(sockaddr_in)), Address());
}

TEST(Address, APortIsChangedAndTheRestKept) {
  EXPECT_EQ(address("192.0.2.1:80").with_port(81), address("192.0.2.1:81"));
  EXPECT_EQ(address("[::1]:80").with_port(0), address("[::1]:0"));
}

TEST(Address, LoopbackIsAllOf127AndItsMappedForm) {
  for (const char* text : {"127.0.0.1:1", "127.255.0.9:1", "[::1]:1", "[::ffff:127.0.0.5]:1"}) {
    EXPECT_TRUE(address(text).is_loopback()) << text;
  }
  for (const char* text : {"128.0.0.1:1", "0.0.0.0:1", "[::2]:1", "[::ffff:10.0.0.1]:1", "unix:/a"}) {
    EXPECT_FALSE(address(text).is_loopback()) << text;
  }
}

TEST(Address, WildcardIsTheAllZeroAddressOfItsFamily) {
  EXPECT_TRUE(address("0.0.0.0:1").is_wildcard());
  EXPECT_TRUE(address("[::]:1").is_wildcard());
  EXPECT_FALSE(address("[::1]:1").is_wildcard());
  EXPECT_FALSE(address("unix:/a").is_wildcard());
}

TEST(Address, OnlyAMappedAddressIsUnmapped) {
  EXPECT_EQ(address("[::ffff:192.0.2.1]:80").unmapped(), address("192.0.2.1:80"));
  EXPECT_EQ(address("[2001:db8::1]:80").unmapped(), address("[2001:db8::1]:80"));
  EXPECT_EQ(address("unix:/a").unmapped(), address("unix:/a"));
}

bool reached(const char* target, const char* bound, Reach reach = {}) {
  return reaches(address(target), address(bound), reach);
}

TEST(Reaches, AnEqualAddressAlsoInItsMappedForm) {
  EXPECT_TRUE(reached("192.0.2.1:80", "192.0.2.1:80"));
  EXPECT_TRUE(reached("[::ffff:192.0.2.1]:80", "192.0.2.1:80"));
  EXPECT_TRUE(reached("unix:/a", "unix:/a"));
  EXPECT_FALSE(reached("192.0.2.1:80", "192.0.2.1:81"));
  EXPECT_FALSE(reached("192.0.2.1:80", "192.0.2.2:80"));
  EXPECT_FALSE(reached("unix:/a", "unix:/b"));
  EXPECT_FALSE(reached("unix:/a", "0.0.0.0:80"));
}

TEST(Reaches, AWildcardTakesWhatIsLocalAndOfItsFamily) {
  EXPECT_TRUE(reached("127.0.0.1:80", "0.0.0.0:80"));
  EXPECT_TRUE(reached("0.0.0.0:80", "0.0.0.0:80"));
  EXPECT_FALSE(reached("192.0.2.1:80", "0.0.0.0:80"));
  EXPECT_TRUE(reached("192.0.2.1:80", "0.0.0.0:80", {.target_is_local = true}));
  EXPECT_FALSE(reached("[::1]:80", "0.0.0.0:80"));
}

TEST(Reaches, AnIpv6WildcardTakesIpv4UnlessItIsV6Only) {
  EXPECT_FALSE(reached("127.0.0.1:80", "[::]:80"));
  EXPECT_TRUE(reached("127.0.0.1:80", "[::]:80", {.v6only = false}));
  EXPECT_FALSE(reached("[::ffff:127.0.0.1]:80", "[::]:80"));
  EXPECT_TRUE(reached("[::1]:80", "[::]:80"));
}

TEST(Reaches, AWildcardTargetMeansThisHostsLoopback) {
  EXPECT_TRUE(reached("0.0.0.0:80", "127.0.0.1:80"));
  EXPECT_TRUE(reached("[::]:80", "[::1]:80"));
  EXPECT_FALSE(reached("0.0.0.0:80", "192.0.2.1:80"));
}

}  // namespace
}  // namespace weir::base
