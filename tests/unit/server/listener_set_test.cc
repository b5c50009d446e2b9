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
  ListenerSet set = ListenerSet::open(config, 3, problems);
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

TEST(ListenerSet, OfOneWorkerSharesNothing) {
  config::Problems problems;
  ListenerSet set = ListenerSet::open(config_of({listener("tcp", {test::loopback()})}), 1, problems);
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
      config_of({listener("good", {path}), listener("bad", {taken.address, nowhere, test::loopback()})}), 2,
      problems);
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
    ListenerSet set = ListenerSet::open(config_of({listener("u", {path})}), 1, problems);
    EXPECT_TRUE(std::filesystem::exists(path.path()));
    set.remove_paths();
    EXPECT_FALSE(std::filesystem::exists(path.path()));
    set.remove_paths();
  }
  {
    const ListenerSet set = ListenerSet::open(config_of({listener("u", {path})}), 1, problems);
    EXPECT_TRUE(std::filesystem::exists(path.path()));
  }
  EXPECT_FALSE(std::filesystem::exists(path.path())) << "its end removes them too";
  EXPECT_TRUE(problems.empty());
}

TEST(ListenerSet, LeavesAPathThatAnotherHasMadeAnew) {
  const test::TempFolder folder;
  const auto path = base::Address::unix_path(folder.file("s"));
  config::Problems problems;
  ListenerSet old = ListenerSet::open(config_of({listener("u", {path})}), 1, problems);
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
  auto old =
      std::make_unique<ListenerSet>(ListenerSet::open(config_of({listener("u", {path})}), 1, problems));
  const ListenerSet kept = std::move(*old);
  old.reset();
  EXPECT_TRUE(std::filesystem::exists(path.path()));
}

}  // namespace
}  // namespace weir::server
