// Open sessions as the admin door of the running binary shows them: page by page, by what they are, one with
// all that is known of it, and while thousands come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>
#include <set>

#include "support/asking.h"
#include "support/backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/pool_facts.h"

namespace weir::test {
namespace {

using nlohmann::json;

Configuration served_by(const Backend& backend) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend.address(), "a")};
  return configuration;
}

json shown(const WeirProcess& weir, const std::string& path) {
  const HttpAnswer answer = weir.admin().get(path);
  EXPECT_EQ(answer.status, 200) << path << ": " << answer.body;
  return json::parse(answer.body);
}

std::uint64_t matching(const WeirProcess& weir, const std::string& query) {
  return shown(weir, "/v1/sessions?" + query).at("matching");
}

TEST(AdminSessions, ArePagedEachOnceInTheOrderOfTheirIds) {
  Backend backend(names_itself("a"));
  const WeirProcess weir(served_by(backend));
  const auto held = hold_at_once(weir, 300);
  std::vector<std::string> ids;
  std::set<std::string> clients;
  std::set<int> workers;
  std::vector<std::size_t> pages;
  std::string after;
  do {
    const json page = shown(weir, "/v1/sessions?limit=100" + (after.empty() ? "" : "&after=" + after));
    EXPECT_EQ(page.at("matching"), 300 - ids.size());
    for (const json& one : page.at("sessions")) {
      ids.push_back(one.at("id"));
      clients.insert(one.at("client"));
      workers.insert(one.at("worker").get<int>());
      EXPECT_EQ(one.at("state"), "relay");
      EXPECT_EQ(one.at("backend"), "a");
    }
    pages.push_back(page.at("sessions").size());
    after = page.at("next").is_null() ? "" : page.at("next").get<std::string>();
  } while (!after.empty());
  EXPECT_EQ(pages, (std::vector<std::size_t>{100, 100, 100}));
  EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end())) << "they have the same number of digits";
  EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 300u);
  EXPECT_EQ(workers, (std::set<int>{0, 1}));
  for (const Held& one : held) EXPECT_TRUE(clients.contains(one.socket.local().to_string()));
}

TEST(AdminSessions, AreFoundByWhatTheyAre) {
  Backend backend(names_itself("a"));
  Configuration configuration = served_by(backend);
  configuration.rest =
      "[listeners.other]\nbind = \"127.0.0.1:0\"\npool = \"narrow\"\n[pools.narrow]\nbackends = [" +
      entry_with(backend.address(), "one", "max_connections = 1") +
      "]\nqueue_length = 10\nqueue_timeout = \"1h\"\n";
  const WeirProcess weir(configuration);
  std::vector<Held> held;
  for (const char* host : {"127.0.0.2", "127.0.0.2", "127.0.1.1"}) held.push_back(hold(weir, from(host)));
  std::vector<Socket> at_other;
  for (int i = 0; i < 3; ++i) at_other.push_back(Socket::connect(weir.address("other")));
  ASSERT_TRUE(eventually([&] { return pool_facts(weir, "narrow").waiting == 2; }));
  const std::vector<std::pair<std::string, std::uint64_t>> cases{
      {"", 6},
      {"listener=web", 3},
      {"listener=other", 3},
      {"listener=none", 0},
      {"pool=narrow", 3},
      {"backend=a", 3},
      {"backend=one", 1},
      {"client=127.0.0.2", 2},
      {"client=127.0.0.0/24", 5},
      {"client=127.0.0.0%2F16&listener=web", 3},
      {"state=connect", 2},
      {"state=relay&pool=narrow", 1},
      {"min_age=0s", 6},
      {"min_age=1h", 0},
      {"client=127.0.0.2&backend=one", 0},
      {"after=ffffffffffffffff", 0},
  };
  for (const auto& [query, expected] : cases) EXPECT_EQ(matching(weir, query), expected) << query;
  const json waiting = shown(weir, "/v1/sessions?state=connect").at("sessions").at(0);
  EXPECT_EQ(waiting.at("waits_for_place"), true);
  EXPECT_EQ(waiting.at("backend"), nullptr);
  const json one = shown(weir, "/v1/sessions/" + waiting.at("id").get<std::string>());
  EXPECT_EQ(one.at("backend_socket"), nullptr);
  EXPECT_EQ(one.at("deadlines").at(0).at("setting"), "queue_timeout");
  EXPECT_EQ(one.at("why").at(0), "every backend has as many sessions as it may: it waits");
}

TEST(AdminSessions, AreSortedByWhatTheyHaveMoved) {
  Backend backend(echo());
  const WeirProcess weir(served_by(backend));
  std::vector<Socket> clients;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 20; ++i) {
    clients.push_back(weir.connect());
    const std::size_t bytes = 1 + (i * 7) % 20;
    clients.back().send_all(pattern(bytes * 1'000));
    clients.back().receive_exactly(bytes * 1'000);
  }
  for (std::size_t bytes = 20; bytes > 15; --bytes) {
    for (std::size_t i = 0; i < 20; ++i) {
      if (1 + (i * 7) % 20 == bytes) expected.push_back(clients[i].local().to_string());
    }
  }
  const json page = shown(weir, "/v1/sessions?sort=bytes&limit=5");
  EXPECT_EQ(page.at("matching"), 20);
  EXPECT_EQ(page.at("next"), nullptr);
  std::vector<std::string> found;
  for (const json& one : page.at("sessions")) found.push_back(one.at("client"));
  EXPECT_EQ(found, expected);
  EXPECT_EQ(page.at("sessions").at(0).at("upload_bytes"), 20'000);
  EXPECT_EQ(page.at("sessions").at(0).at("download_bytes"), 20'000);
}

TEST(AdminSessions, HaveEverythingOfOneOnRequest) {
  Backend backend(echo());
  Configuration configuration = served_by(backend);
  configuration.listener = "idle_timeout = \"10m\"\nmax_lifetime = \"1h\"\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all(pattern(1'000));
  client.receive_exactly(1'000);
  const std::string id = shown(weir, "/v1/sessions").at("sessions").at(0).at("id");
  json one;
  ASSERT_TRUE(eventually([&] {
    one = shown(weir, "/v1/sessions/" + id);
    return one.at("client_socket").at("tcp").at("bytes_acknowledged") == 1'000;
  })) << one.dump(1);
  const json& near = one.at("client_socket");
  EXPECT_EQ(near.at("local"), weir.address().to_string());
  EXPECT_EQ(near.at("remote"), client.local().to_string());
  EXPECT_EQ(near.at("tcp").at("state"), "established");
  EXPECT_EQ(near.at("tcp").at("bytes_received"), 1'000);
  EXPECT_GT(near.at("tcp").at("rtt_us"), 0);
  EXPECT_EQ(near.at("tls"), nullptr);
  const json& far = one.at("backend_socket");
  EXPECT_EQ(far.at("remote"), backend.address().to_string());
  EXPECT_EQ(far.at("tcp").at("bytes_received"), 1'000);
  EXPECT_GT(far.at("tcp").at("congestion_window"), 0);
  EXPECT_EQ(one.at("attempts"), 1);
  EXPECT_EQ(one.at("choice"), "usable");
  EXPECT_EQ(one.at("place"), 1);
  ASSERT_EQ(one.at("deadlines").size(), 2u);
  EXPECT_EQ(one.at("deadlines").at(0).at("setting"), "idle_timeout");
  EXPECT_GT(one.at("deadlines").at(0).at("left_ms"), 500'000);
  EXPECT_LE(one.at("deadlines").at(0).at("left_ms"), 600'000);
  EXPECT_EQ(one.at("deadlines").at(1).at("setting"), "max_lifetime");
  EXPECT_GT(one.at("deadlines").at(1).at("left_ms"), 3'000'000);
  EXPECT_LE(one.at("deadlines").at(1).at("left_ms"), 3'600'000) << "what spreads it is taken off";
  client.end_stream();
  client.receive_until_end();
  ASSERT_TRUE(eventually([&] { return weir.admin().get("/v1/sessions/" + id).status == 404; }));
}

TEST(AdminSessions, AreSummedUpByClientOverAllWorkers) {
  Backend backend(echo());
  const WeirProcess weir(served_by(backend));
  std::vector<Socket> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(served_and_open(weir, i % 3 == 0 ? "127.0.0.2" : "127.0.0.3"));
  }
  clients.push_back(served_and_open(weir, "127.0.0.4"));
  std::set<int> workers;
  const json found = shown(weir, "/v1/sessions?client=127.0.0.3").at("sessions");
  for (const json& one : found) {
    workers.insert(one.at("worker").get<int>());
  }
  EXPECT_EQ(workers.size(), 2u);
  const json sums = shown(weir, "/v1/clients?limit=2");
  EXPECT_EQ(sums.at("matching"), 61);
  EXPECT_EQ(sums.at("distinct"), 3);
  ASSERT_EQ(sums.at("clients").size(), 2u);
  EXPECT_EQ(sums.at("clients").at(0).at("client"), "127.0.0.3");
  EXPECT_EQ(sums.at("clients").at(0).at("sessions_open"), 40);
  EXPECT_EQ(sums.at("clients").at(0).at("upload_bytes"), 40);
  EXPECT_EQ(sums.at("clients").at(1).at("client"), "127.0.0.2");
  EXPECT_EQ(sums.at("clients").at(1).at("sessions_open"), 20);
}

// What comes and goes meanwhile is seen or not; what stays is seen each time, once.
TEST(AdminSessions, AreShownWhileOthersComeAndGo) {
  Backend backend(names_itself("a"));
  const WeirProcess weir(served_by(backend));
  std::vector<Held> staying;
  for (int i = 0; i < 50; ++i) staying.push_back(hold(weir, from("127.0.0.9")));
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> gone{0};
  {
    std::vector<Background> traffic;
    for (int i = 0; i < 3; ++i) {
      traffic.emplace_back([&] {
        while (!is_over) {
          EXPECT_EQ(ask(weir).bytes, "a");
          ++gone;
        }
      });
    }
    const std::vector<std::string> queries{"", "?sort=bytes", "?limit=10", "?state=connect"};
    for (std::size_t round = 0; round < 100; ++round) {
      const json found = shown(weir, "/v1/sessions" + queries[round % queries.size()]).at("sessions");
      std::set<std::string> ids;
      for (const json& one : found) EXPECT_TRUE(ids.insert(one.at("id")).second);
      EXPECT_EQ(matching(weir, "client=127.0.0.9&limit=1"), 50u);
      if (!found.empty()) weir.admin().get("/v1/sessions/" + found.back().at("id").get<std::string>());
      shown(weir, "/v1/clients");
    }
    is_over = true;
  }
  EXPECT_GT(gone, 100u);
  for (Held& one : staying) {
    one.socket.end_stream();
    EXPECT_EQ(one.socket.receive_until_end().ended, Ended::kEndOfStream);
  }
}

// Each is found and closed, though others come and go beside it.
TEST(AdminSessions, AreClosedOneByOneWhileOthersComeAndGo) {
  Backend backend(names_itself("a"));
  const TemporaryDirectory directory;
  Configuration configuration = served_by(backend);
  configuration.admin = "unix:" + directory.file("admin.sock");
  const WeirProcess weir(configuration);
  std::vector<Held> doomed;
  for (int i = 0; i < 40; ++i) doomed.push_back(hold(weir, from("127.0.0.9")));
  std::atomic<bool> is_over{false};
  Background traffic([&] {
    while (!is_over) EXPECT_EQ(ask(weir).bytes, "a");
  });
  const json found = shown(weir, "/v1/sessions?client=127.0.0.9").at("sessions");
  EXPECT_EQ(found.size(), 40u);
  for (const json& one : found) {
    const std::string path = "/v1/sessions/" + one.at("id").get<std::string>();
    EXPECT_EQ(weir.admin().ask("DELETE", path).status, 200);
  }
  is_over = true;
  traffic.join();
  for (Held& one : doomed) EXPECT_EQ(one.socket.receive_until_end().ended, Ended::kReset);
}

}  // namespace
}  // namespace weir::test
