#include "net/time_wait.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <map>
#include <random>
#include <stdexcept>

#include "net/socket.h"
#include "support/namespaces.h"
#include "unit/net/as_nobody.h"
#include "unit/support.h"

namespace weir::net {
namespace {

using base::Address;
using base::UniqueFd;

test::Listening listen_at(const std::string& text) {
  ListenOptions options;
  options.backlog = 64;
  auto fd = listen_on(*base::parse_address(text), options);
  if (!fd) throw std::runtime_error(fd.error().message());
  const Address address = *local_address(fd->get());
  return {std::move(*fd), address};
}

// A loopback address that no test has used within the last minute: what an earlier run left in TIME_WAIT
// would be counted too when the kernel gives one of its ports again.
std::string unused_host() {
  static std::random_device random;
  const auto part = [] { return std::to_string(1 + random() % 250); };
  return "127." + part() + "." + part() + "." + part();
}

test::Listening listen_somewhere() { return listen_at(unused_host() + ":0"); }

enum class First { kClient, kServer };

// Opens connections from `source` and ends them, one side before the other.
void open_and_end(int count, const char* source, const test::Listening& target, First first) {
  for (int i = 0; i < count; ++i) {
    ConnectFrom from;
    from.source = *base::parse_address(source);
    Connecting connecting = start_connect(target.address, {}, from);
    ASSERT_TRUE(connecting.error == 0 || connecting.error == EINPROGRESS) << connecting.error;
    UniqueFd accepted = test::accept_from(target.fd.get());
    UniqueFd& early = first == First::kClient ? connecting.fd : accepted;
    UniqueFd& late = first == First::kClient ? accepted : connecting.fd;
    ASSERT_EQ(::shutdown(early.get(), SHUT_WR), 0);
    EXPECT_EQ(test::receive(late.get()), "");
    late.reset();
    EXPECT_EQ(test::receive(early.get()), "");
    early.reset();
  }
}

using Counted = std::map<std::string, std::uint64_t>;

Counted count(const std::vector<Address>& destinations) {
  const auto counts = time_wait_towards(destinations);
  if (!counts) return {{counts.error().message(), 1}};
  Counted counted;
  for (const TimeWaitCount& one : *counts) {
    counted[one.source.to_string() + " > " + one.destination.to_string()] += one.count;
  }
  EXPECT_EQ(counted.size(), counts->size()) << "each pair once";
  return counted;
}

std::string pair(const char* source, const Address& destination) {
  return source + (" > " + destination.to_string());
}

TEST(TimeWaitTowards, CountsByPairThoseThatThisSideEndedFirst) {
  const test::Listening first = listen_somewhere();
  const test::Listening second = listen_somewhere();
  const test::Listening other = listen_somewhere();
  open_and_end(50, "127.0.0.2:0", first, First::kClient);
  open_and_end(3, "127.0.0.3:0", first, First::kClient);
  open_and_end(7, "127.0.0.2:0", second, First::kClient);
  open_and_end(9, "127.0.0.2:0", other, First::kClient);
  EXPECT_EQ(count({first.address, second.address}), (Counted{{pair("127.0.0.2:0", first.address), 50},
                                                             {pair("127.0.0.3:0", first.address), 3},
                                                             {pair("127.0.0.2:0", second.address), 7}}));
  EXPECT_EQ(count({other.address}), (Counted{{pair("127.0.0.2:0", other.address), 9}}));
}

TEST(TimeWaitTowards, LeavesOutThoseThatTheOtherSideEndedFirstOrThatStand) {
  const test::Listening listening = listen_somewhere();
  open_and_end(10, "127.0.0.2:0", listening, First::kServer);
  const UniqueFd standing = test::connect_to(listening.address);
  UniqueFd half = test::connect_to(listening.address);
  ASSERT_EQ(::shutdown(half.get(), SHUT_WR), 0);
  half.reset();
  EXPECT_EQ(count({listening.address}), Counted{});
}

TEST(TimeWaitTowards, CountsIpv6) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  here.ip("address add 2001:2::2/128 dev lo nodad");
  const test::NetworkNamespace::Inside inside(here);
  const test::Listening v6 = listen_at("[::1]:8080");
  const test::Listening v4 = listen_at("127.0.0.1:8080");
  open_and_end(4, "[2001:2::2]:0", v6, First::kClient);
  open_and_end(2, "[::1]:0", v6, First::kClient);
  open_and_end(5, "127.0.0.2:0", v4, First::kClient);
  const Counted both = {
      {"[2001:2::2]:0 > [::1]:8080", 4}, {"[::1]:0 > [::1]:8080", 2}, {"127.0.0.2:0 > 127.0.0.1:8080", 5}};
  EXPECT_EQ(count({v6.address, v4.address}), both);
  // What is mapped is the same host, and comes back as it was written.
  const Address mapped = *base::parse_address("[::ffff:127.0.0.1]:8080");
  EXPECT_EQ(count({mapped}), (Counted{{"127.0.0.2:0 > " + mapped.to_string(), 5}}));
}

TEST(TimeWaitTowards, CountsSocketsOfIpv6ThatReachAMappedAddress) {
  const test::Listening listening = listen_somewhere();
  const Address mapped = *base::parse_address("[::ffff:" + listening.address.ip_to_string() +
                                              "]:" + std::to_string(listening.address.port()));
  {
    ConnectFrom from;
    from.source = *base::parse_address("[::ffff:127.0.0.2]:0");
    Connecting connecting = start_connect(mapped, {}, from);
    UniqueFd client = std::move(connecting.fd);
    UniqueFd accepted = test::accept_from(listening.fd.get());
    ASSERT_EQ(::shutdown(client.get(), SHUT_WR), 0);
    EXPECT_EQ(test::receive(accepted.get()), "");
    accepted.reset();
    EXPECT_EQ(test::receive(client.get()), "");
  }
  EXPECT_EQ(count({mapped}), (Counted{{"127.0.0.2:0 > " + mapped.to_string(), 1}}));
}

// More ports than the kernel is asked to look for, and each of two hosts.
TEST(TimeWaitTowards, FindsThoseOfManyDestinations) {
  const std::string hosts[] = {unused_host(), unused_host()};
  std::vector<test::Listening> listening;
  std::vector<Address> destinations;
  Counted expected;
  for (int i = 0; i < 40; ++i) {
    listening.push_back(listen_at(hosts[i % 2] + ":0"));
    destinations.push_back(listening.back().address);
    open_and_end(1 + i % 3, "127.0.0.9:0", listening.back(), First::kClient);
    expected[pair("127.0.0.9:0", destinations.back())] = static_cast<std::uint64_t>(1 + i % 3);
    if (i == 0 || i == 31 || i == 32 || i == 39) {
      EXPECT_EQ(count(destinations), expected) << i;
    }
  }
}

TEST(TimeWaitTowards, TakesTwiceTheSameDestinationForOne) {
  const test::Listening listening = listen_somewhere();
  open_and_end(2, "127.0.0.2:0", listening, First::kClient);
  EXPECT_EQ(count({listening.address, listening.address}),
            (Counted{{pair("127.0.0.2:0", listening.address), 2}}));
}

TEST(TimeWaitTowards, HasNothingToSayOfNoDestinationOrOfAUnixSocket) {
  EXPECT_EQ(count({}), Counted{});
  EXPECT_EQ(count({Address::unix_path("/run/x"), Address()}), Counted{});
}

TEST(TimeWaitTowards, CountsThoseOfTheThreadsNamespace) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::Listening listening = listen_somewhere();
  open_and_end(2, "127.0.0.2:0", listening, First::kClient);
  const test::NetworkNamespace elsewhere;
  EXPECT_EQ(elsewhere.run([&] { return count({listening.address}); }), Counted{});
}

TEST(TimeWaitTowards, TakesNoRight) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  const test::Listening listening = listen_somewhere();
  open_and_end(3, "127.0.0.2:0", listening, First::kClient);
  test::as_nobody({}, [&]() -> std::string {
    EXPECT_EQ(count({listening.address}), (Counted{{pair("127.0.0.2:0", listening.address), 3}}));
    return "";
  });
}

TEST(TimeWaitTowards, SaysThatNoDescriptorIsLeft) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const Address destination = test::loopback(1);
  const auto counts = time_wait_towards({&destination, 1});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(counts.has_value());
  EXPECT_EQ(counts.error().side(), base::ErrorSide::kSystem);
  EXPECT_NE(counts.error().message().find("Too many open files"), std::string::npos)
      << counts.error().message();
}

}  // namespace
}  // namespace weir::net
