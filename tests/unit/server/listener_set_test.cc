#include "server/listener_set.h"

#include <gtest/gtest.h>

#include <map>

#include "unit/support.h"

namespace weir::server {
namespace {

config::ListenerConfig listener(std::string name, const std::vector<base::Address>& addresses) {
  config::ListenerConfig listener;
  listener.name = std::move(name);
  unsigned line = 10;
  for (const auto& address : addresses) listener.bind.push_back({address, {"weir.toml", line++, 8}});
  return listener;
}

config::Config config_of(std::vector<config::ListenerConfig> listeners) {
  config::Config config;
  config.listeners = std::move(listeners);
  return config;
}

TEST(ListenerSet, GivesATcpAddressASocketForEachWorkerAndAUnixOneASingleInTurn) {
  const test::TempFolder folder;
  const auto unix_path = [&](const char* name) { return base::Address::unix_path(folder.file(name)); };
  const auto config =
      config_of({listener("tcp", {test::loopback()}),
                 listener("unix", {unix_path("a"), unix_path("b"), unix_path("c"), unix_path("d")})});
  config::Problems problems;
  ListenerSet set = ListenerSet::open(config, first_workers(3), problems);
  EXPECT_TRUE(problems.empty());
  const std::vector<Assigned>& sockets = set.sockets();
  EXPECT_EQ(sockets.size(), ListenerSet::count(config, 3));
  std::map<std::size_t, std::vector<std::size_t>> workers;
  for (const Assigned& socket : sockets) {
    workers[socket.listener].push_back(socket.worker);
    EXPECT_TRUE(socket.socket->is_open());
  }
  EXPECT_EQ(workers[0], (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(workers[1], (std::vector<std::size_t>{0, 1, 2, 0}));
  // All of a TCP address's sockets stand on the one port that the kernel chose.
  ASSERT_EQ(set.addresses().size(), 2u);
  ASSERT_EQ(set.addresses()[0].size(), 1u);
  EXPECT_NE(set.addresses()[0][0].port(), 0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(*net::local_address(sockets[static_cast<std::size_t>(i)].socket->fd()), set.addresses()[0][0]);
  }
  EXPECT_EQ(set.addresses()[1].size(), 4u);
}

// What is handed over as it arrives in another process.
ListenerSet arrived(std::vector<Handed> handed) {
  for (Handed& one : handed) one = {one.key, one.v6only, one.is_single, std::move(one.fd)};
  auto set = ListenerSet::of_another(std::move(handed));
  EXPECT_TRUE(set.has_value());
  return std::move(*set);
}

TEST(ListenerSet, FollowsTheOneOfAnotherProcess) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  const auto before = std::make_unique<ListenerSet>(
      ListenerSet::open(config_of({listener("gone", {test::loopback()}), listener("tcp", {test::loopback()}),
                                   listener("unix", {path})}),
                        first_workers(2), problems));
  ASSERT_TRUE(problems.empty());
  auto handed = before->hand_over();
  ASSERT_TRUE(handed.has_value());
  ASSERT_EQ(handed->size(), 5u);
  const ListenerSet another = arrived(std::move(*handed));
  {
    const ListenerSet next =
        ListenerSet::open(config_of({listener("tcp", {test::loopback()}), listener("unix", {path})}),
                          first_workers(3), problems, &another);
    ASSERT_TRUE(problems.empty()) << problems.front().text;
    EXPECT_EQ(next.addresses()[0], before->addresses()[1]);
    EXPECT_EQ(next.sockets().size(), 4u) << "one more worker";
    EXPECT_EQ(next.not_taken(another), (std::vector<std::size_t>{0, 1}));
    EXPECT_TRUE(next.must_be_taken());
  }
  EXPECT_TRUE(std::filesystem::exists(folder.file("s"))) << "it was not taken yet";
  const ListenerSet next =
      ListenerSet::open(config_of({listener("unix", {path})}), first_workers(1), problems, &another);
  EXPECT_TRUE(next.take().empty());
  for (const Assigned& one : next.sockets()) EXPECT_FALSE(one.socket->is_anothers());
  const auto left = before->hand_over();
  ASSERT_TRUE(left.has_value());
  for (const Handed& one : *left) one.leave();
  before->remove_paths();
  EXPECT_TRUE(std::filesystem::exists(folder.file("s")));
  next.remove_paths();
  EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
}

TEST(ListenerSet, HandsOverNoPathThatLeadsElsewhere) {
  const test::TempFolder folder;
  config::Problems problems;
  const ListenerSet set =
      ListenerSet::open(config_of({listener("unix", {base::Address::unix_path(folder.file("s"))})}),
                        first_workers(1), problems);
  EXPECT_EQ(set.hand_over()->size(), 1u);
  std::filesystem::rename(folder.file("s"), folder.file("t"));
  EXPECT_TRUE(set.hand_over()->empty());
}

TEST(ListenerSet, BindsNothingBesideASocketOfSomebodyElsesMaking) {
  const auto address = *net::local_address(net::listen_on(test::loopback(), {})->get());
  auto fd = net::listen_on(address, {});
  ASSERT_TRUE(fd.has_value());
  const auto web = listener("web", {address});
  std::vector<Handed> handed;
  handed.push_back({ListenerSet::key_of(web, address), true, true, std::move(*fd)});
  const ListenerSet passed = arrived(std::move(handed));
  config::Problems problems;
  const ListenerSet set = ListenerSet::open(config_of({web}), first_workers(4), problems, &passed);
  EXPECT_TRUE(problems.empty());
  EXPECT_EQ(set.sockets().size(), 1u);
  EXPECT_TRUE(set.hand_over()->front().is_single);
}

TEST(ListenerSet, OfOneWorkerSharesNothing) {
  config::Problems problems;
  ListenerSet set =
      ListenerSet::open(config_of({listener("tcp", {test::loopback()})}), first_workers(1), problems);
  ASSERT_TRUE(problems.empty());
  int shared = -1;
  socklen_t length = sizeof(shared);
  const auto& sockets = set.sockets();
  ASSERT_EQ(sockets.size(), 1u);
  ::getsockopt(sockets[0].socket->fd(), SOL_SOCKET, SO_REUSEPORT, &shared, &length);
  EXPECT_EQ(shared, 0);
}

TEST(ListenerSet, ReportsEveryAddressThatCannotBeBoundAndKeepsNothingOpen) {
  const test::TempFolder folder;
  const test::Listening taken = test::listen_on_loopback();
  const auto path = base::Address::unix_path(folder.file("s"));
  const auto nowhere = base::Address::unix_path(folder.file("no/s"));
  config::Problems problems;
  ListenerSet set = ListenerSet::open(
      config_of({listener("good", {path}), listener("bad", {taken.address, nowhere, test::loopback()})}),
      first_workers(2), problems);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].severity, config::Severity::kError);
  EXPECT_EQ(problems[0].place.line, 10u);
  EXPECT_EQ(problems[0].text.find("listener \"bad\": bind " + taken.address.to_string() +
                                  ": address already in use"),
            0u)
      << problems[0].text;
  EXPECT_EQ(problems[1].place.line, 11u);
  EXPECT_TRUE(set.sockets().empty());
  EXPECT_FALSE(std::filesystem::exists(path.path()));
}

TEST(ListenerSet, RemovesThePathsThatItMade) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  {
    ListenerSet set = ListenerSet::open(config_of({listener("u", {path})}), first_workers(1), problems);
    EXPECT_TRUE(std::filesystem::exists(path.path()));
    set.remove_paths();
    EXPECT_FALSE(std::filesystem::exists(path.path()));
    set.remove_paths();
  }
  {
    const ListenerSet set = ListenerSet::open(config_of({listener("u", {path})}), first_workers(1), problems);
    EXPECT_TRUE(std::filesystem::exists(path.path()));
  }
  EXPECT_FALSE(std::filesystem::exists(path.path())) << "its end removes them too";
  EXPECT_TRUE(problems.empty());
}

TEST(ListenerSet, LeavesAPathThatAnotherHasMadeAnew) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  ListenerSet old = ListenerSet::open(config_of({listener("u", {path})}), first_workers(1), problems);
  std::filesystem::rename(path.path(), folder.file("old"));
  const auto fresh = net::listen_on(path, {});
  ASSERT_TRUE(fresh.has_value());
  old.remove_paths();
  EXPECT_TRUE(std::filesystem::exists(path.path()));
}

TEST(ListenerSet, ThatWasMovedFromRemovesNothing) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  auto old = std::make_unique<ListenerSet>(
      ListenerSet::open(config_of({listener("u", {path})}), first_workers(1), problems));
  const ListenerSet kept = std::move(*old);
  old.reset();
  EXPECT_TRUE(std::filesystem::exists(path.path()));
}

std::vector<int> descriptors_of(const ListenerSet& set) {
  std::vector<int> numbers;
  for (const Assigned& one : set.sockets()) numbers.push_back(one.socket->fd());
  return numbers;
}

std::vector<std::size_t> workers_of(const ListenerSet& set) {
  std::vector<std::size_t> workers;
  for (const Assigned& one : set.sockets()) workers.push_back(one.worker);
  return workers;
}

TEST(ListenerSet, ThatFollowsAnotherTakesOverTheSocketsOfTheSameAddress) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  const auto config = config_of({listener("web", {test::loopback(), path})});
  const ListenerSet before = ListenerSet::open(config, first_workers(2), problems);
  const ListenerSet more = ListenerSet::open(config, {0, 1, 5}, problems, &before);
  ASSERT_TRUE(problems.empty());
  EXPECT_EQ(more.addresses(), before.addresses()) << "a port that the kernel chose is chosen once";
  EXPECT_EQ(workers_of(more), (std::vector<std::size_t>{0, 1, 5, 0}));
  EXPECT_EQ(descriptors_of(more)[0], descriptors_of(before)[0]);
  EXPECT_EQ(descriptors_of(more)[3], descriptors_of(before)[2]);
  EXPECT_TRUE(more.leaving(before.sockets()).empty());
  const ListenerSet fewer = ListenerSet::open(config, {1}, problems, &more);
  EXPECT_EQ(descriptors_of(fewer), descriptors_of(more)) << "none is closed for want of a worker";
  EXPECT_EQ(workers_of(fewer), (std::vector<std::size_t>{1, 1, 1, 1}));
  EXPECT_TRUE(problems.empty());
}

TEST(ListenerSet, ThatFollowsAnotherKnowsWhoseSocketsLeave) {
  config::Problems problems;
  const ListenerSet before =
      ListenerSet::open(config_of({listener("a", {test::loopback()}), listener("b", {test::loopback()})}),
                        first_workers(1), problems);
  const ListenerSet after =
      ListenerSet::open(config_of({listener("b", {test::loopback()})}), first_workers(1), problems, &before);
  ASSERT_TRUE(problems.empty());
  EXPECT_EQ(after.addresses()[0], before.addresses()[1]);
  const auto leaving = after.leaving(before.sockets());
  ASSERT_EQ(leaving.size(), 1u);
  EXPECT_EQ(leaving[0].socket, before.sockets()[0].socket);
}

TEST(ListenerSet, ThatCannotBeOpenedLeavesTheOneBeforeAsItIs) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  const auto fresh = base::Address::unix_path(folder.file("t"));
  const test::Listening taken = test::listen_on_loopback();
  config::Problems problems;
  const ListenerSet before =
      ListenerSet::open(config_of({listener("web", {test::loopback(), path})}), first_workers(2), problems);
  const auto descriptors = descriptors_of(before);
  {
    const ListenerSet refused =
        ListenerSet::open(config_of({listener("web", {test::loopback(), path, fresh, taken.address})}),
                          {0, 1, 2}, problems, &before);
    EXPECT_EQ(problems.size(), 1u);
    EXPECT_TRUE(refused.sockets().empty());
  }
  EXPECT_FALSE(std::filesystem::exists(fresh.path()));
  EXPECT_TRUE(std::filesystem::exists(path.path()));
  for (const int fd : descriptors) EXPECT_TRUE(net::local_address(fd).has_value());
}

TEST(ListenerSet, MayBeBoundBesideItsPredecessorsAddresses) {
  config::Problems problems;
  const auto any = *base::parse_address("0.0.0.0:0");
  const ListenerSet before =
      ListenerSet::open(config_of({listener("web", {any})}), first_workers(1), problems);
  const base::Address one = test::loopback().with_port(before.addresses()[0][0].port());
  const ListenerSet after =
      ListenerSet::open(config_of({listener("web", {one})}), first_workers(1), problems, &before);
  EXPECT_TRUE(problems.empty()) << problems[0].text;
  EXPECT_EQ(after.leaving(before.sockets()).size(), 1u);
}

TEST(ListenerSet, OpensAPathAnewThatSomebodyHasTakenAway) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  const auto config = config_of({listener("u", {path})});
  const ListenerSet before = ListenerSet::open(config, first_workers(1), problems);
  std::filesystem::remove(path.path());
  const ListenerSet after = ListenerSet::open(config, first_workers(1), problems, &before);
  EXPECT_TRUE(std::filesystem::exists(path.path()));
  EXPECT_EQ(after.leaving(before.sockets()).size(), 1u);
}

TEST(ListenerSet, AppliesTheOptionsOfItsConfigurationToWhatItTookOver) {
  config::Problems problems;
  config::ListenerConfig web = listener("web", {test::loopback()});
  web.keepalive = base::Millis(30'000);
  web.defer_accept = base::Millis(5'000);
  const ListenerSet before = ListenerSet::open(config_of({web}), first_workers(1), problems);
  web.keepalive.reset();
  web.defer_accept.reset();
  web.backlog.value = 7;
  const ListenerSet after = ListenerSet::open(config_of({web}), first_workers(1), problems, &before);
  const auto& socket = after.sockets()[0].socket;
  const auto option = [&](int level, int name) {
    int value = -1;
    socklen_t length = sizeof(value);
    EXPECT_EQ(::getsockopt(socket->fd(), level, name, &value, &length), 0);
    return value;
  };
  EXPECT_NE(option(SOL_SOCKET, SO_KEEPALIVE), 0) << "not before it is put in force";
  EXPECT_NE(after.deferred()[0].count(), 0);
  EXPECT_TRUE(after.apply().empty());
  EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), 0);
  EXPECT_EQ(after.deferred()[0].count(), 0);
  EXPECT_EQ(socket->queue()->limit, 7u);
}

}  // namespace
}  // namespace weir::server
