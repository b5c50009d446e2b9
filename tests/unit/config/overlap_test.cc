#include "config/overlap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/unique_fd.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

base::Address address(const std::string& text) { return base::parse_address(text).value(); }

// How a listener asks for an address.
struct Bind {
  std::string host;
  bool v6only = true;
};

ListenerConfig listener(const std::string& name, const std::vector<std::string>& binds, bool v6only = true) {
  ListenerConfig out;
  out.name = name;
  out.v6only = v6only;
  for (const std::string& bind : binds) {
    out.bind.push_back({address(bind), {name, 1, static_cast<unsigned>(out.bind.size() + 1)}});
  }
  return out;
}

std::vector<std::string> overlaps(std::vector<ListenerConfig> listeners, const std::string& admin = "") {
  Config config;
  config.listeners = std::move(listeners);
  if (!admin.empty()) config.admin.bind = Placed<base::Address>{address(admin), {"admin", 1, 1}};
  Problems problems;
  check_overlaps(config, problems);
  return lines_of(problems);
}

// A bound and listening socket, or none when the kernel refuses it.
base::UniqueFd bound(const Bind& bind, std::uint16_t port) {
  const base::Address at = address(bind.host + ":0").with_port(port);
  base::UniqueFd fd(::socket(at.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (at.family() == AF_INET6) {
    const int only = bind.v6only ? 1 : 0;
    ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
  }
  sockaddr_storage storage;
  const socklen_t length = at.to_sockaddr(storage);
  const bool stands = fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0 &&
                      ::listen(fd.get(), 1) == 0;
  if (!stands) fd.reset();
  return fd;
}

std::uint16_t port_of(const base::UniqueFd& fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&storage), &length);
  return base::Address::from_sockaddr(storage, length).port();
}

bool kernel_refuses_both(const Bind& one, const Bind& other) {
  const base::UniqueFd first = bound(one, 0);
  EXPECT_TRUE(first) << one.host;
  return !bound(other, port_of(first));
}

bool check_refuses_both(const Bind& one, const Bind& other) {
  return !overlaps({listener("one", {one.host + ":80"}, one.v6only),
                    listener("other", {other.host + ":80"}, other.v6only)})
              .empty();
}

TEST(Overlap, TwoAddressesOverlapExactlyWhenTheKernelRefusesToBindBoth) {
  if (!bound({"[::1]"}, 0)) GTEST_SKIP() << "this machine has no IPv6";
  const std::vector<Bind> binds{{"127.0.0.1"},    {"127.0.0.2"}, {"0.0.0.0"},    {"[::1]"},
                                {"[::1]", false}, {"[::]"},      {"[::]", false}};
  for (const Bind& one : binds) {
    for (const Bind& other : binds) {
      const bool expected = check_refuses_both(one, other);
      // Another process may have taken the second address by chance, but hardly again and again.
      bool refused = kernel_refuses_both(one, other);
      for (int again = 0; again < 5 && refused != expected; ++again)
        refused = kernel_refuses_both(one, other);
      EXPECT_EQ(expected, refused) << one.host << (one.v6only ? "" : " dual") << " and " << other.host
                                   << (other.v6only ? "" : " dual");
    }
  }
}

TEST(Overlap, PortZeroOverlapsNothing) {
  EXPECT_THAT(overlaps({listener("a", {"0.0.0.0:0", "0.0.0.0:0", "[::]:0"}, false)}, "127.0.0.1:0"),
              IsEmpty());
}

TEST(Overlap, OtherPortsAndOtherPathsAreApart) {
  EXPECT_THAT(
      overlaps({listener("a", {"0.0.0.0:80", "0.0.0.0:81", "unix:/run/a", "unix:/run/b"})}, "127.0.0.1:82"),
      IsEmpty());
}

TEST(Overlap, TheLaterAddressIsReportedAndNamesTheEarlier) {
  EXPECT_THAT(
      overlaps({listener("a", {"unix:/run/x"}), listener("b", {"unix:/run/x"})}),
      ElementsAre("b:1:1: error: listeners.b.bind: unix:/run/x is already bound by listeners.a (a:1:1): "
                  "each needs an address or a port of its own"));
  EXPECT_THAT(
      overlaps({listener("a", {"127.0.0.1:80"})}, "127.0.0.1:80"),
      ElementsAre("admin:1:1: error: admin.bind: 127.0.0.1:80 is already bound by listeners.a (a:1:1): "
                  "each needs an address or a port of its own"));
}

TEST(Overlap, AnAddressThatOverlapsSeveralIsOneProblem) {
  EXPECT_THAT(
      overlaps(
          {listener("a", {"127.0.0.1:80", "127.0.0.2:80", "[::1]:80"}), listener("b", {"[::]:80"}, false)}),
      ElementsAre("b:1:1: error: listeners.b.bind: [::]:80 overlaps 127.0.0.1:80 of listeners.a (a:1:1): "
                  "each needs an address or a port of its own"));
}

TEST(Overlap, AnAddressThatIsReportedHidesNoOtherFault) {
  // The second "a" is not taken, but the third still meets the first.
  EXPECT_THAT(overlaps({listener("a", {"127.0.0.1:80"}), listener("b", {"127.0.0.1:80"}),
                        listener("c", {"127.0.0.1:80"})}),
              SizeIs(2));
}

TEST(Overlap, TheAdminDoorNeverTakesIpv4WithAnIpv6Address) {
  EXPECT_THAT(overlaps({listener("a", {"127.0.0.1:80"}, false)}, "[::1]:80"), IsEmpty());
}

}  // namespace
}  // namespace weir::config
