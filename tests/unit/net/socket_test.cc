#include "net/socket.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fstream>
#include <stdexcept>

#include "support/namespaces.h"
#include "unit/net/as_nobody.h"
#include "unit/support.h"

namespace weir::net {
namespace {

using base::Address;
using base::UniqueFd;

int option(int fd, int level, int name) {
  int value = -1;
  socklen_t length = sizeof(value);
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &length), 0);
  return value;
}

ListenOptions with_backlog() {
  ListenOptions options;
  options.backlog = 16;
  return options;
}

ListenOptions shared() {
  ListenOptions options = with_backlog();
  options.shared = true;
  return options;
}

bool is_set_up(int fd) {
  return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0 && (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

TEST(ListenOn, GivesAListeningSocketThatBlocksNeitherThreadNorChild) {
  const auto fd = listen_on(test::loopback(), with_backlog());
  ASSERT_TRUE(fd.has_value());
  EXPECT_TRUE(is_set_up(fd->get()));
  EXPECT_EQ(option(fd->get(), SOL_SOCKET, SO_ACCEPTCONN), 1);
  EXPECT_NE(local_address(fd->get())->port(), 0);
}

TEST(ListenOn, PassesItsOptionsOnToAcceptedSockets) {
  ListenOptions options = with_backlog();
  options.tcp = {base::Millis(30'000), base::Millis(12'000)};
  const auto listening = listen_on(test::loopback(), options);
  ASSERT_TRUE(listening.has_value());
  const UniqueFd client = test::connect_to(*local_address(listening->get()));
  const UniqueFd accepted = test::accept_from(listening->get());
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(accepted.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPIDLE), 30);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_KEEPINTVL), 10);
  EXPECT_EQ(option(accepted.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 12'000);
}

TEST(ListenOn, RoundsAShortKeepaliveUpToASecond) {
  ListenOptions options = with_backlog();
  options.tcp.keepalive = base::Millis(200);
  const auto listening = listen_on(test::loopback(), options);
  ASSERT_TRUE(listening.has_value());
  EXPECT_EQ(option(listening->get(), IPPROTO_TCP, TCP_KEEPIDLE), 1);
  EXPECT_EQ(option(listening->get(), IPPROTO_TCP, TCP_KEEPINTVL), 1);
}

TEST(ListenOn, LeavesKeepaliveOffWhenItIsNotAsked) {
  const auto listening = listen_on(test::loopback(), with_backlog());
  ASSERT_TRUE(listening.has_value());
  EXPECT_EQ(option(listening->get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(ListenOn, WithDeferAcceptHandsAConnectionOverWhenItsFirstBytesAreThere) {
  ListenOptions options = with_backlog();
  options.defer_accept = std::chrono::seconds(60);
  const auto listening = listen_on(test::loopback(), options);
  ASSERT_TRUE(listening.has_value());
  const Address address = *local_address(listening->get());
  const UniqueFd silent = test::connect_to(address);
  const UniqueFd speaking = test::connect_to(address);
  ASSERT_EQ(test::send_some(speaking.get(), "hello"), 5u);
  const UniqueFd accepted = test::accept_from(listening->get());
  EXPECT_EQ(test::receive(accepted.get()), "hello") << "the one that came second spoke first";
  EXPECT_FALSE(is_ready(listening->get(), Interest::kRead));
  ASSERT_EQ(test::send_some(silent.get(), "now"), 3u);
  EXPECT_EQ(test::receive(test::accept_from(listening->get()).get()), "now");
}

TEST(EffectiveDeferAccept, IsWhatWasAskedForRoundedUpToTheStepsOfTheKernel) {
  struct Case {
    int asked;
    int effective;
  };
  for (const Case c :
       {Case{-3, 1}, Case{0, 1}, Case{1, 1}, Case{2, 3}, Case{3, 3}, Case{5, 7}, Case{8, 15}}) {
    ListenOptions options = with_backlog();
    options.defer_accept = std::chrono::seconds(c.asked);
    const auto listening = listen_on(test::loopback(), options);
    ASSERT_TRUE(listening.has_value());
    EXPECT_EQ(effective_defer_accept(listening->get()), std::chrono::seconds(c.effective)) << c.asked;
  }
}

TEST(EffectiveDeferAccept, IsZeroWhereNothingIsPutOff) {
  const auto listening = listen_on(test::loopback(), with_backlog());
  ASSERT_TRUE(listening.has_value());
  EXPECT_EQ(effective_defer_accept(listening->get()), std::chrono::seconds(0));
  EXPECT_EQ(effective_defer_accept(test::unix_pair().a.get()), std::chrono::seconds(0));
}

TEST(ListenOn, GivesTheFastOpenQueueTheLengthAskedForAsFarAsTheKernelAllows) {
  struct Case {
    unsigned asked;
    int length;
  };
  for (const Case c : {Case{0, 0}, Case{16, 16}, Case{4'000'000'000, somaxconn()}}) {
    ListenOptions options = with_backlog();
    options.fast_open = c.asked;
    const auto listening = listen_on(test::loopback(), options);
    ASSERT_TRUE(listening.has_value()) << listening.error().message();
    EXPECT_EQ(option(listening->get(), IPPROTO_TCP, TCP_FASTOPEN), c.length);
  }
}

// Another Weir, started by mistake, must not take part of the traffic in silence.
TEST(ListenOn, FailsOnAnAddressThatIsTakenThoughItsHolderShares) {
  for (const ListenOptions& options : {with_backlog(), shared()}) {
    const auto first = listen_on(test::loopback(), options);
    ASSERT_TRUE(first.has_value());
    const Address address = *local_address(first->get());
    for (const ListenOptions& second_options : {with_backlog(), shared()}) {
      const auto second = listen_on(address, second_options);
      ASSERT_FALSE(second.has_value());
      EXPECT_NE(second.error().message().find(address.to_string() + ": address already in use"),
                std::string::npos)
          << second.error().message();
      EXPECT_NE(second.error().message().find("ss -ltnp"), std::string::npos);
    }
  }
}

TEST(ListenOn, FailsOnAnAddressThatThisHostHasNot) {
  const auto fd = listen_on(*base::parse_address("192.0.2.1:0"), with_backlog());
  ASSERT_FALSE(fd.has_value());
  EXPECT_NE(fd.error().message().find("this host has no such address"), std::string::npos)
      << fd.error().message();
}

TEST(ListenOn, KeepsIpv4OutOfAnIpv6WildcardUnlessTold) {
  for (const bool v6only : {true, false}) {
    ListenOptions options = with_backlog();
    options.v6only = v6only;
    const auto fd = listen_on(*base::parse_address("[::]:0"), options);
    if (!fd) GTEST_SKIP() << "NOT CHECKED: this host has no IPv6: " << fd.error().message();
    const std::uint16_t port = local_address(fd->get())->port();
    Connecting connecting = start_connect(test::loopback(port), {});
    ASSERT_TRUE(connecting.fd);
    int error = connecting.error;
    if (error == EINPROGRESS) {
      ASSERT_TRUE(test::wait_for(connecting.fd.get(), POLLOUT));
      error = take_error(connecting.fd.get());
    }
    EXPECT_EQ(error, v6only ? ECONNREFUSED : 0);
  }
}

TEST(Join, SetsTheSameOptionsAsTheFirst) {
  ListenOptions options = shared();
  options.defer_accept = std::chrono::seconds(3);
  options.fast_open = 8;
  const auto first = listen_on(test::loopback(), options);
  ASSERT_TRUE(first.has_value());
  const auto second = join(*local_address(first->get()), options);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(effective_defer_accept(second->get()), std::chrono::seconds(3));
  EXPECT_EQ(option(second->get(), IPPROTO_TCP, TCP_FASTOPEN), 8);
}

TEST(Join, AddsASocketToASharedPortAndBothAreGivenConnections) {
  const auto first = listen_on(test::loopback(), shared());
  ASSERT_TRUE(first.has_value());
  const Address address = *local_address(first->get());
  const auto second = join(address, shared());
  ASSERT_TRUE(second.has_value()) << second.error().message();
  EXPECT_EQ(*local_address(second->get()), address);
  std::vector<UniqueFd> kept;
  const auto waits = [](int fd) { return test::wait_for(fd, POLLIN, base::Millis(0)); };
  // The kernel's hash puts each on one of the two; 200 on one side do not happen.
  for (int i = 0; i < 200 && !(waits(first->get()) && waits(second->get())); ++i) {
    kept.push_back(test::connect_to(address));
    for (const int fd : {first->get(), second->get()}) {
      if (kept.size() > 10) UniqueFd(::accept4(fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)).reset();
    }
    kept.push_back(test::connect_to(address));
  }
  EXPECT_TRUE(waits(first->get()));
  EXPECT_TRUE(waits(second->get()));
}

TEST(Join, FailsOnAPortThatIsNotShared) {
  const auto first = listen_on(test::loopback(), with_backlog());
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(join(*local_address(first->get()), shared()).has_value());
}

TEST(ListenOnUnix, MakesASocketWithItsModeAndAnswers) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  ListenOptions options = with_backlog();
  options.socket_mode = 0600;
  const auto fd = listen_on(address, options);
  ASSERT_TRUE(fd.has_value()) << fd.error().message();
  struct stat status {};
  ASSERT_EQ(::stat(address.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0600u);
  EXPECT_EQ(*local_address(fd->get()), address);
  const UniqueFd client = test::connect_to(address);
  EXPECT_TRUE(test::accept_from(fd->get()));
}

TEST(ListenOnUnix, HasNoUseForTheOptionsOfTcp) {
  const test::TempFolder folder;
  ListenOptions options = with_backlog();
  options.defer_accept = std::chrono::seconds(5);
  options.fast_open = 8;
  EXPECT_TRUE(listen_on(Address::unix_path(folder.file("s")), options).has_value());
}

TEST(ListenOnUnix, TakesOverAPathWhoseOwnerIsGone) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  { ASSERT_TRUE(listen_on(address, with_backlog()).has_value()); }
  ASSERT_TRUE(std::filesystem::exists(address.path())) << "the path outlives its socket";
  const auto fd = listen_on(address, with_backlog());
  ASSERT_TRUE(fd.has_value()) << fd.error().message();
  test::connect_to(address);
}

TEST(ListenOnUnix, LeavesAPathOnWhichSomebodyAnswers) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  const auto first = listen_on(address, with_backlog());
  ASSERT_TRUE(first.has_value());
  const auto second = listen_on(address, with_backlog());
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message().find("address already in use"), std::string::npos);
  test::connect_to(address);
}

TEST(ListenOnUnix, LeavesAPathWhoseOwnerIsTooBusyToAnswer) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  ListenOptions options;
  options.backlog = 0;
  const auto first = listen_on(address, options);
  ASSERT_TRUE(first.has_value());
  std::vector<Connecting> waiting;
  do {
    waiting.push_back(start_connect(address, {}));
  } while (waiting.back().error == 0 && waiting.size() < 1000);
  ASSERT_EQ(waiting.back().error, EAGAIN);
  EXPECT_FALSE(listen_on(address, with_backlog()).has_value());
  EXPECT_TRUE(std::filesystem::exists(address.path()));
}

TEST(ListenOnUnix, SaysWhenThereIsNoDescriptorToAskWhetherSomebodyAnswers) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  { ASSERT_TRUE(listen_on(address, with_backlog()).has_value()); }
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  {
    const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    low.rlim_cur = static_cast<rlim_t>(next.get()) + 1;  // the path's lock has one
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto fd = listen_on(address, with_backlog());
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(fd.has_value());
  EXPECT_EQ(fd.error().message(),
            "ask whether the socket " + address.path() + " is in use: Too many open files");
  EXPECT_TRUE(std::filesystem::exists(address.path()));
}

TEST(ListenOnUnix, LeavesAFileThatIsNoSocket) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("precious"));
  std::ofstream(address.path()) << "data";
  const auto fd = listen_on(address, with_backlog());
  ASSERT_FALSE(fd.has_value());
  EXPECT_NE(fd.error().message().find("not a socket is in the way"), std::string::npos)
      << fd.error().message();
  EXPECT_EQ(std::filesystem::file_size(address.path()), 4u);
}

TEST(ListenOnUnix, FollowsNoLinkToTakeAway) {
  const test::TempFolder folder;
  const Address real = Address::unix_path(folder.file("real"));
  { ASSERT_TRUE(listen_on(real, with_backlog()).has_value()); }
  std::filesystem::create_symlink(real.path(), folder.file("link"));
  EXPECT_FALSE(listen_on(Address::unix_path(folder.file("link")), with_backlog()).has_value());
  EXPECT_TRUE(std::filesystem::exists(real.path()));
  EXPECT_TRUE(std::filesystem::is_symlink(folder.file("link")));
}

TEST(ListenOnUnix, SaysWhatIsWrongWithAFolderThatIsNotThere) {
  const test::TempFolder folder;
  const auto fd = listen_on(Address::unix_path(folder.file("no/s")), with_backlog());
  ASSERT_FALSE(fd.has_value());
  EXPECT_NE(fd.error().message().find("No such file or directory"), std::string::npos)
      << fd.error().message();
}

TEST(StartConnect, SetsTheOptionsAndNeverBlocks) {
  const test::Listening listening = test::listen_on_loopback();
  Connecting connecting = start_connect(listening.address, {base::Millis(9'000), base::Millis(7'000)});
  ASSERT_TRUE(connecting.error == 0 || connecting.error == EINPROGRESS);
  EXPECT_TRUE(is_set_up(connecting.fd.get()));
  EXPECT_EQ(option(connecting.fd.get(), IPPROTO_TCP, TCP_NODELAY), 1);
  EXPECT_EQ(option(connecting.fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 9);
  EXPECT_EQ(option(connecting.fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 7'000);
}

TEST(StartConnect, TellsOfARefusal) {
  Address dead;
  { dead = test::listen_on_loopback().address; }
  Connecting connecting = start_connect(dead, {});
  int error = connecting.error;
  if (error == EINPROGRESS) {
    ASSERT_TRUE(test::wait_for(connecting.fd.get(), POLLOUT));
    error = take_error(connecting.fd.get());
    EXPECT_EQ(take_error(connecting.fd.get()), 0) << "an error is reported once";
  }
  EXPECT_EQ(error, ECONNREFUSED);
}

TEST(StartConnect, TellsOfAUnixPathThatIsNotThere) {
  const test::TempFolder folder;
  EXPECT_EQ(start_connect(Address::unix_path(folder.file("no")), {}).error, ENOENT);
}

ConnectFrom from(const std::string& source) {
  ConnectFrom from;
  from.source = *base::parse_address(source);
  return from;
}

// The other end of a socket.
Address peer_of(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  EXPECT_EQ(::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length), 0);
  return Address::from_sockaddr(storage, length);
}

test::Listening listen_at(const std::string& text) {
  ListenOptions options;
  options.backlog = 64;
  auto fd = listen_on(*base::parse_address(text), options);
  if (!fd) throw std::runtime_error(fd.error().message());
  const Address address = *local_address(fd->get());
  return {std::move(*fd), address};
}

// Whether a connect that has begun comes to stand.
bool comes_to_stand(const Connecting& connecting) {
  if (connecting.error == 0) return true;
  return connecting.error == EINPROGRESS && test::wait_for(connecting.fd.get(), POLLOUT) &&
         take_error(connecting.fd.get()) == 0;
}

TEST(StartConnect, ComesFromTheSourceThatItIsGiven) {
  const test::Listening listening = test::listen_on_loopback();
  for (const char* source : {"127.0.0.2:0", "127.0.0.3:0"}) {
    const Connecting connecting = start_connect(listening.address, {}, from(source));
    ASSERT_TRUE(comes_to_stand(connecting)) << connecting.error;
    EXPECT_TRUE(is_set_up(connecting.fd.get()));
    const UniqueFd accepted = test::accept_from(listening.fd.get());
    const Address peer = peer_of(accepted.get());
    EXPECT_EQ(peer.with_port(0), *base::parse_address(source));
    EXPECT_NE(peer.port(), 0);
    EXPECT_EQ(peer, *local_address(connecting.fd.get()));
  }
}

TEST(StartConnect, ComesFromTheSourcesPortWhenThatIsGivenToo) {
  const test::Listening first = test::listen_on_loopback();
  const test::Listening second = test::listen_on_loopback();
  ConnectFrom exactly;
  {
    // A port that was free a moment ago, and is again: a reset leaves nothing behind.
    Connecting any = start_connect(first.address, {}, from("127.0.0.2:0"));
    ASSERT_TRUE(comes_to_stand(any));
    exactly.source = *local_address(any.fd.get());
    abort_connection(any.fd);
  }
  const Connecting connecting = start_connect(first.address, {}, exactly);
  ASSERT_TRUE(comes_to_stand(connecting)) << connecting.error;
  EXPECT_EQ(*local_address(connecting.fd.get()), *exactly.source);

  const Connecting same = start_connect(first.address, {}, exactly);
  EXPECT_TRUE(same.out_of_ports()) << "the only port is in use towards this target: " << same.error;
  const Connecting elsewhere = start_connect(second.address, {}, exactly);
  EXPECT_TRUE(comes_to_stand(elsewhere)) << "but not towards another one: " << elsewhere.error;
}

TEST(StartConnect, TellsOfASourcePortThatAListenerHolds) {
  const test::Listening listening = test::listen_on_loopback();
  ConnectFrom taken;
  taken.source = listening.address;
  const Connecting connecting = start_connect(test::loopback(1), {}, taken);
  EXPECT_EQ(connecting.error, EADDRINUSE);
  EXPECT_EQ(connecting.step, ConnectStep::kSource);
  EXPECT_FALSE(connecting.fd);
}

TEST(StartConnect, TellsASourceThatIsNotThisHostsFromOneWithoutPorts) {
  const test::Listening listening = test::listen_on_loopback();
  for (const char* foreign : {"192.0.2.1:0", "192.0.2.1:40000"}) {
    const Connecting connecting = start_connect(listening.address, {}, from(foreign));
    EXPECT_EQ(connecting.error, EADDRNOTAVAIL);
    EXPECT_EQ(connecting.step, ConnectStep::kSource);
    EXPECT_TRUE(connecting.not_our_address());
    EXPECT_FALSE(connecting.out_of_ports());
    EXPECT_FALSE(connecting.fd);
  }
}

TEST(StartConnect, TellsOfASourceOfTheOtherFamily) {
  const Connecting connecting = start_connect(test::loopback(1), {}, from("[::1]:0"));
  EXPECT_EQ(connecting.step, ConnectStep::kSource);
  EXPECT_NE(connecting.error, 0);
  EXPECT_FALSE(connecting.not_our_address());
}

TEST(StartConnect, GoesToAUnixSocketWhateverItShouldComeFrom) {
  const test::TempFolder folder;
  const Address address = Address::unix_path(folder.file("s"));
  const auto listening = listen_on(address, with_backlog());
  ASSERT_TRUE(listening.has_value());
  ConnectFrom nowhere = from("192.0.2.1:0");
  nowhere.interface = "no-such-one";
  nowhere.transparent = true;
  EXPECT_EQ(start_connect(address, {}, nowhere).error, 0);
}

// Connects from `source` until no port is left. How many that were; the failure is in `last`.
std::size_t use_up(const Address& target, const ConnectFrom& source, std::vector<UniqueFd>& held,
                   Connecting& last) {
  std::size_t count = 0;
  for (; count < 100; ++count) {
    last = start_connect(target, {}, source);
    if (last.error != 0 && last.error != EINPROGRESS) break;
    held.push_back(std::move(last.fd));
  }
  return count;
}

// What IP_BIND_ADDRESS_NO_PORT is for: a port is used up towards one target only.
TEST(StartConnect, HasEveryPortOfASourceForEachTarget) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  here.set("net.ipv4.ip_local_port_range", "40000 40009");
  here.ip("address add 2001:2::2/128 dev lo nodad");
  const test::NetworkNamespace::Inside inside(here);
  struct Case {
    const char* target;
    const char* source;
    const char* other_source;
  };
  for (const Case c :
       {Case{"127.0.0.1", "127.0.0.2:0", "127.0.0.3:0"}, Case{"[::1]", "[2001:2::2]:0", "[::1]:0"}}) {
    const test::Listening first = listen_at(c.target + std::string(":80"));
    const test::Listening second = listen_at(c.target + std::string(":81"));
    std::vector<UniqueFd> held;
    Connecting last;
    EXPECT_EQ(use_up(first.address, from(c.source), held, last), 10u);
    EXPECT_EQ(last.error, EADDRNOTAVAIL);
    EXPECT_EQ(last.step, ConnectStep::kConnect);
    EXPECT_TRUE(last.out_of_ports());
    EXPECT_FALSE(last.not_our_address());
    EXPECT_EQ(use_up(second.address, from(c.source), held, last), 10u) << "another port of the same host";
    EXPECT_TRUE(last.out_of_ports());
    EXPECT_EQ(use_up(first.address, from(c.other_source), held, last), 10u) << "another source";
    EXPECT_TRUE(last.out_of_ports());
    // The first ten are those from the first source to the first target.
    abort_connection(held[3]);
    EXPECT_TRUE(comes_to_stand(start_connect(first.address, {}, from(c.source))));
  }
}

TEST(StartConnect, LeavesByTheInterfaceThatItIsGiven) {
  const test::Listening listening = test::listen_on_loopback();
  ConnectFrom through = from("127.0.0.2:0");
  through.interface = "lo";
  const Connecting connecting = start_connect(listening.address, {}, through);
  ASSERT_TRUE(comes_to_stand(connecting)) << connecting.error;
  char name[16] = {};
  socklen_t length = sizeof(name);
  ASSERT_EQ(::getsockopt(connecting.fd.get(), SOL_SOCKET, SO_BINDTODEVICE, name, &length), 0);
  EXPECT_STREQ(name, "lo");
  through.source.reset();
  EXPECT_TRUE(comes_to_stand(start_connect(listening.address, {}, through)));
}

TEST(StartConnect, TellsOfAnInterfaceThatIsNotThere) {
  // The last one is cut to a name by the kernel, which is none either.
  for (const char* name : {"no-such-one", "lo0", "lolololololololololo"}) {
    ConnectFrom through;
    through.interface = name;
    const Connecting connecting = start_connect(test::loopback(1), {}, through);
    EXPECT_EQ(connecting.error, ENODEV) << name;
    EXPECT_EQ(connecting.step, ConnectStep::kInterface);
    EXPECT_FALSE(connecting.fd);
  }
}

// Two hosts; on the one that is connected to, the clients' addresses lead back over the link.
TEST(StartConnect, ComesFromAForeignAddressWhenTransparent) {
  if (const auto why = test::why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
  const test::NetworkNamespace here;
  const test::NetworkNamespace there;
  const std::string link =
      test::link({here, {"198.18.0.1/24", "2001:2::1/64"}}, {there, {"198.18.0.2/24", "2001:2::2/64"}});
  there.ip("route add 198.19.0.0/16 via 198.18.0.1");
  there.ip("route add 2001:2:0:1::/64 via 2001:2::1");
  for (const char* family : {"-4", "-6"}) {
    // What comes for the foreign addresses is taken in as if they were here.
    here.ip(std::string(family) + " rule add iif " + link + " lookup 100");
    here.ip(std::string(family) + " route add local default dev lo table 100");
  }
  struct Case {
    const char* target;
    const char* client;
  };
  for (const Case c : {Case{"198.18.0.2:8080", "198.19.0.7:0"}, Case{"198.18.0.2:8081", "198.19.0.7:5555"},
                       Case{"[2001:2::2]:8080", "[2001:2:0:1::7]:0"}}) {
    const test::Listening listening = there.run([&] { return listen_at(c.target); });
    const test::NetworkNamespace::Inside inside(here);
    ConnectFrom as_client = from(c.client);
    EXPECT_TRUE(start_connect(listening.address, {}, as_client).not_our_address()) << c.client;
    as_client.transparent = true;
    const Connecting connecting = start_connect(listening.address, {}, as_client);
    ASSERT_TRUE(comes_to_stand(connecting)) << c.client << ": " << connecting.error;
    const UniqueFd accepted = test::accept_from(listening.fd.get());
    const Address peer = peer_of(accepted.get());
    EXPECT_EQ(peer.with_port(0), as_client.source->with_port(0));
    if (as_client.source->port() != 0) {
      EXPECT_EQ(peer.port(), as_client.source->port());
    }
  }
}

TEST(StartConnect, TellsThatTransparentTakesARight) {
  if (::geteuid() != 0) GTEST_SKIP() << test::kOnlyRoot;
  test::as_nobody({}, []() -> std::string {
    ConnectFrom foreign = from("192.0.2.1:0");
    foreign.transparent = true;
    const Connecting connecting = start_connect(test::loopback(1), {}, foreign);
    EXPECT_EQ(connecting.error, EPERM);
    EXPECT_EQ(connecting.step, ConnectStep::kSource);
    EXPECT_TRUE(start_connect(test::loopback(1), {}, from("127.0.0.2:0")).step == ConnectStep::kConnect)
        << "an address of this host takes none";
    return "";
  });
}

TEST(ChangeTcpOptions, GivesASocketTheOptionsThatItWouldHaveBeenConnectedWith) {
  const test::Listening listening = test::listen_on_loopback();
  const UniqueFd fd =
      std::move(start_connect(listening.address, {base::Millis(15'000), base::Millis(9'000)}).fd);
  ASSERT_EQ(change_tcp_options(fd.get(), {base::Millis(30'000), base::Millis(12'000)}), 0);
  EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
  EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 30);
  EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 12'000);
  ASSERT_EQ(change_tcp_options(fd.get(), {}), 0);
  EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT), 0);
  EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_NODELAY), 1);
}

TEST(ChangeTcpOptions, TellsOfASocketThatIsNone) { EXPECT_EQ(change_tcp_options(-1, {}), EBADF); }

TEST(IsSilent, IsTrueUntilTheOtherSideSpeaks) {
  const test::SocketPair pair = test::tcp_pair();
  EXPECT_TRUE(is_silent(pair.a.get()));
  ASSERT_EQ(test::send_some(pair.b.get(), "x"), 1u);
  ASSERT_TRUE(test::wait_for(pair.a.get(), POLLIN));
  EXPECT_FALSE(is_silent(pair.a.get()));
  EXPECT_EQ(test::receive(pair.a.get()), "x") << "looking took nothing";
  EXPECT_TRUE(is_silent(pair.a.get()));
}

TEST(IsSilent, IsFalseOnceTheOtherSideHasEndedOrReset) {
  test::SocketPair ended = test::tcp_pair();
  ended.b.reset();
  ASSERT_TRUE(test::wait_for(ended.a.get(), POLLIN));
  EXPECT_FALSE(is_silent(ended.a.get()));
  test::SocketPair reset = test::tcp_pair();
  abort_connection(reset.b);
  ASSERT_TRUE(test::wait_for(reset.a.get(), POLLIN));
  EXPECT_FALSE(is_silent(reset.a.get()));
}

TEST(IsOwnShortage, IsWhatEveryBackendWouldMeet) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) EXPECT_TRUE(is_own_shortage(error)) << error;
  for (const int error : {0, ECONNREFUSED, ETIMEDOUT, EADDRNOTAVAIL, EHOSTUNREACH, EAGAIN, EINPROGRESS}) {
    EXPECT_FALSE(is_own_shortage(error)) << error;
  }
}

TEST(ConnectedToItself, IsTrueOfASocketThatMetItself) {
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  socklen_t length = test::loopback().to_sockaddr(storage);
  ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  length = local_address(fd.get())->to_sockaddr(storage);
  ASSERT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0);
  EXPECT_TRUE(connected_to_itself(fd.get()));
}

TEST(ConnectedToItself, IsFalseOfAConnectionToAnother) {
  const test::SocketPair pair = test::tcp_pair();
  EXPECT_FALSE(connected_to_itself(pair.a.get()));
  EXPECT_FALSE(connected_to_itself(pair.b.get()));
}

TEST(ConnectedToItself, IsFalseOfASocketThatIsNotConnected) {
  EXPECT_FALSE(connected_to_itself(test::listen_on_loopback().fd.get()));
}

TEST(AbortConnection, ShowsTheOtherSideAReset) {
  test::SocketPair pair = test::tcp_pair();
  abort_connection(pair.b);
  EXPECT_FALSE(pair.b);
  int error = 0;
  EXPECT_EQ(test::receive(pair.a.get(), &error), "");
  EXPECT_EQ(error, ECONNRESET);
}

TEST(AbortConnection, OfNothingIsNothing) {
  UniqueFd none;
  abort_connection(none);
}

TEST(UnacknowledgedBytes, AreThoseThatTheOtherSideHasNotTaken) {
  test::SocketPair pair = test::tcp_pair();
  EXPECT_EQ(unacknowledged_bytes(pair.a.get()), 0);
  test::fill_up(pair.a.get());
  EXPECT_GT(unacknowledged_bytes(pair.a.get()), 0);
}

TEST(Silence, BeginsAnewWithEachAcknowledgement) {
  const test::SocketPair pair = test::tcp_pair();
  ASSERT_TRUE(test::eventually([&] { return silence_of(pair.a.get()) >= base::Millis(100); }));
  ASSERT_EQ(test::send_some(pair.a.get(), "x"), 1u);
  EXPECT_TRUE(test::eventually([&] { return silence_of(pair.a.get()) < base::Millis(100); }))
      << "though the other side has read nothing and said nothing";
  EXPECT_EQ(silence_of(test::unix_pair().a.get()), base::Millis(0));
}

TEST(UnacknowledgedBytes, AreNoneOfADeadSocket) {
  test::SocketPair pair = test::tcp_pair();
  test::fill_up(pair.a.get());
  abort_connection(pair.b);
  ASSERT_TRUE(test::wait_for(pair.a.get(), POLLERR));
  EXPECT_EQ(unacknowledged_bytes(pair.a.get()), 0);
}

TEST(Somaxconn, IsWhatTheKernelSays) {
  std::ifstream file("/proc/sys/net/core/somaxconn");
  int value = 0;
  ASSERT_TRUE(file >> value);
  EXPECT_EQ(somaxconn(), value);
}

}  // namespace
}  // namespace weir::net
