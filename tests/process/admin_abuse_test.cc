// Clients of the admin door who behave badly, and long work asked for there, while traffic flows and backends
// are checked: nobody else is the worse for it.
#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <atomic>
#include <fstream>

#include "support/asking.h"
#include "support/checked_backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "support/reloaded.h"
#include "support/test_user.h"

namespace weir::test {
namespace {

Configuration configuration_of(const base::Address& backend) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend, "a")};
  return configuration;
}

// The same with a check that the first failure would show.
Configuration watched(const base::Address& backend) {
  Configuration configuration = configuration_of(backend);
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninterval = \"1s\"\ntimeout = \"1s\"\nfall = 1\nrise = 1\n"
      "http = { path = \"/\" }\n";
  return configuration;
}

void expect_no_transition(const WeirProcess& weir) {
  const std::uint64_t passed = facts_of(weir, "a").checks_passed;
  EXPECT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > passed + 2; }));
  for (const char* transition : {"backend_down", "backend_up", "backend_ejected", "backend_passed_over"}) {
    EXPECT_TRUE(weir.events(transition).empty()) << transition;
  }
}

// No turn of a worker took so long that its sessions would have stood still meanwhile.
void expect_no_standstill(const WeirProcess& weir) {
  const Metrics metrics = weir.admin().metrics();
  const auto turns = [&](const char* bound) {
    return metrics.sum("weir_worker_turn_seconds_bucket", {{"le", bound}});
  };
  EXPECT_GT(turns("1"), 0u);
  if (!kSanitized) {
    EXPECT_EQ(turns("+Inf"), turns("1"));
  }
}

// A hundred thousand networks, none of which is this host's.
std::string long_list(int first) {
  std::string list;
  for (int i = first; i < first + 100'000; ++i) {
    list += "10." + std::to_string(i / 65'536) + "." + std::to_string(i / 256 % 256) + "." +
            std::to_string(i % 256) + "\n";
  }
  return list;
}

// Sessions, one after the other and one that stays, up to the end of the scope; each is whole, and none has
// to wait for what goes on at the door.
class Traffic {
 public:
  explicit Traffic(const WeirProcess& weir) : weir_(weir), staying_(hold(weir)) {}
  ~Traffic() {
    is_over_ = true;
    thread_.join();
    EXPECT_GT(served_, 0u);
    testing::Test::RecordProperty("longest_ms", std::to_string(longest_.count()));
    // Such a machine may be busy with other things, but not for that long.
    EXPECT_LT(longest_, Millis(kSanitized ? 20'000 : 3'000)) << "of " << served_ << " sessions";
    staying_.socket.end_stream();
    EXPECT_EQ(staying_.socket.receive_until_end().ended, Ended::kEndOfStream);
  }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

 private:
  const WeirProcess& weir_;
  Held staying_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> served_{0};
  Millis longest_{0};  // of the thread, until it is joined
  Background thread_{[this] {
    while (!is_over_) {
      const auto begun = Clock::now();
      EXPECT_EQ(ask(weir_).bytes, "a");
      longest_ = std::max(longest_, std::chrono::ceil<Millis>(Clock::now() - begun));
      ++served_;
    }
  }};
};

// Clients of the door who mean it no good, of several kinds at once, up to the end of the scope.
class Attack {
 public:
  explicit Attack(base::Address door) : door_(std::move(door)) {}
  ~Attack() {
    is_over_ = true;
    for (Background& one : attackers_) one.join();
  }
  Attack(const Attack&) = delete;
  Attack& operator=(const Attack&) = delete;

  std::uint64_t connections() const { return connections_; }
  std::uint64_t bodies() const { return bodies_; }

 private:
  Socket connect() {
    ++connections_;
    return Socket::connect(door_);
  }
  // So many stay, and say half of what they should.
  void crowd() {
    constexpr std::size_t kStay = 1'000;
    std::vector<Socket> there(kStay);
    for (std::size_t i = 0; !is_over_; i = (i + 1) % kStay) {
      there[i] = connect();
      there[i].try_send("GET /metrics HTTP/1.1\r\nHost: local");
    }
  }
  void say_slowly() {
    while (!is_over_) {
      Socket client = connect();
      client.try_send("GET /v1/sessions HTTP/1.1\r\nHost: localhost\r\n");
      while (!is_over_ && !client.readable_now() && client.try_send("X-Y: z\r\n", Millis(100)) > 0) {
        observe_for(Millis(20));
      }
    }
  }
  void send_bodies() {
    const std::string block = pattern(64 * 1024);
    while (!is_over_) {
      Socket client = connect();
      client.try_send("POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n");
      while (!is_over_ && !client.readable_now() && client.try_send(block, Millis(100)) == block.size()) {
      }
      ++bodies_;
    }
  }

  const base::Address door_;
  std::atomic<bool> is_over_{false};
  std::atomic<std::uint64_t> connections_{0};
  std::atomic<std::uint64_t> bodies_{0};
  Background attackers_[4]{Background{[this] { crowd(); }}, Background{[this] { say_slowly(); }},
                           Background{[this] { say_slowly(); }}, Background{[this] { send_bodies(); }}};
};

TEST(AdminAbuse, AThousandIdleClientsHarmNobody) {
  if (const auto why = why_too_few_descriptors(4'000)) GTEST_SKIP() << "NOT CHECKED: " << *why;
  Backend backend(names_itself("a"));
  const WeirProcess weir(configuration_of(backend.address()));
  const std::size_t before = descriptor_count(weir.pid());
  const Traffic traffic(weir);
  std::vector<Socket> idle;
  for (int i = 0; i < 1'000; ++i) {
    idle.push_back(Socket::connect(weir.admin().address()));
    if (i % 2 == 0) idle.back().try_send("GET /metrics HTTP/1.1\r\nHost: local");
    if (i % 100 != 0) continue;
    EXPECT_EQ(weir.admin().get("/ready").status, 200) << i;
  }
  for (int i = 0; i < 10; ++i) EXPECT_EQ(weir.admin().get("/v1/sessions").status, 200);
  EXPECT_LT(descriptor_count(weir.pid()), before + 100) << "they do not pile up";
}

TEST(AdminAbuse, ClientsThatSendAByteNowAndThenHaveToGo) {
  Backend backend(names_itself("a"));
  const WeirProcess weir(configuration_of(backend.address()));
  const Traffic traffic(weir);
  std::vector<Socket> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(Socket::connect(weir.admin().address()));
    slow.back().send_all("GET /ready HTTP/1.1\r\nHost: localhost\r\n");
  }
  std::size_t open = slow.size();
  EXPECT_TRUE(eventually([&] {
    observe_for(Millis(100));
    open = 0;
    for (Socket& one : slow) {
      if (one.try_send("X-Y: z\r\n", Millis(100)) > 0 && !one.readable_now()) ++open;
    }
    EXPECT_EQ(weir.admin().get("/ready").status, 200);
    return open == 0;
  })) << open
      << " are still served";
}

// A Weir whose metrics are more than a socket holds, and clients who ask for them and read nothing.
class Unread : public testing::Test {
 protected:
  Configuration configuration_of_many() const {
    constexpr int kBackends = 2'000;
    Configuration configuration = configuration_of(backend_.address());
    configuration.admin = "unix:" + directory_.file("admin.sock");
    configuration.pool = "policy = \"first\"\n";
    for (int i = 1; i < kBackends; ++i) {
      configuration.backends.push_back("\"127.1.0.1:" + std::to_string(i) + "\"");
    }
    return configuration;
  }
  static Socket ask_and_read_nothing(const WeirProcess& weir) {
    Socket client = Socket::connect(weir.admin().address());
    client.send_all("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    return client;
  }
  // Whether Weir has closed its end, whatever has not been read yet.
  static bool is_closed_on(const Socket& client) {
    pollfd ended{client.fd(), 0, 0};
    return ::poll(&ended, 1, 0) == 1 && (ended.revents & POLLHUP) != 0;
  }

  Backend backend_{names_itself("a")};
  const TemporaryDirectory directory_;
};

TEST_F(Unread, WhoNeverReadsAnAnswerHasToGo) {
  const WeirProcess weir(configuration_of_many());
  const std::size_t whole = weir.admin().get("/metrics").body.size();
  ASSERT_GT(whole, std::size_t{2} << 20);
  const Traffic traffic(weir);
  std::vector<Socket> unread;
  for (int i = 0; i < 8; ++i) unread.push_back(ask_and_read_nothing(weir));
  ASSERT_TRUE(eventually([&] {
    return std::all_of(unread.begin(), unread.end(), [](const Socket& one) { return one.readable_now(); });
  })) << "not all have been answered";
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(weir.admin().get("/ready").status, 200);
    return std::all_of(unread.begin(), unread.end(), is_closed_on);
  })) << "some are still served";
  for (Socket& one : unread) EXPECT_LT(one.receive_until_end().bytes.size(), whole);
}

TEST_F(Unread, SixteenWhoNeverReadAnAnswerShutNobodyOut) {
  const WeirProcess weir(configuration_of_many());
  const std::size_t before = descriptor_count(weir.pid());
  const Traffic traffic(weir);
  std::vector<Socket> unread;
  for (int i = 0; i < 48; ++i) {
    unread.push_back(ask_and_read_nothing(weir));
    if (i >= 15) {
      EXPECT_EQ(weir.admin().get("/ready").status, 200) << i;
    }
  }
  EXPECT_LT(descriptor_count(weir.pid()), before + 60) << "they do not pile up";
}

TEST(AdminAbuse, BodiesBeyondAnyUseAreRefusedUnread) {
  Backend backend(names_itself("a"));
  const WeirProcess weir(configuration_of(backend.address()));
  const std::uint64_t before = resident_bytes(weir.pid());
  const Traffic traffic(weir);
  const std::string block = pattern(64 * 1024);
  for (const std::string& head :
       {std::string("POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 104857600\r\n\r\n"),
        std::string(
            "POST /v1/drain HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
        std::string("PUT /v1/log/level HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n"),
        std::string(
            "POST /v1/reload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFF\r\n"),
        std::string("GET /ready HTTP/1.1\r\nHost: localhost\r\nX: "),
        "GET /" + std::string(1'000'000, 'a')}) {
    Socket client = Socket::connect(weir.admin().address());
    std::size_t sent = client.try_send(head);
    while (sent < 1024 * 1024 && !client.readable_now()) {
      const std::size_t more = client.try_send(block);
      sent += more;
      if (more < block.size()) break;
    }
    const Received answer = client.receive_until_end();
    EXPECT_NE(answer.ended, Ended::kTimedOut) << head.substr(0, 100);
    EXPECT_EQ(answer.bytes.find("HTTP/1.1 200"), std::string::npos) << head.substr(0, 100);
    EXPECT_EQ(weir.admin().get("/ready").status, 200) << head.substr(0, 100);
  }
  EXPECT_LT(resident_bytes(weir.pid()), before + 50'000'000 * (kSanitized ? 10 : 1));
}

TEST(AdminAbuse, GarbageIsNoRequest) {
  Backend backend(names_itself("a"));
  const WeirProcess weir(configuration_of(backend.address()));
  const Traffic traffic(weir);
  for (const std::string& garbage :
       {std::string("\r\n\r\n"), std::string("\0\0\0\0\r\n\r\n", 8),
        std::string("\x16\x03\x01\x02\x00\x01\x00", 7), std::string("GET\r\n\r\n"),
        std::string("GET / HTTP/9.9\r\n\r\n"), std::string("SSH-2.0-x\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), std::string("GET /v1/pools/%zz HTTP/1.1\r\n\r\n"),
        std::string("TRACE / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("CONNECT 127.0.0.1:1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"),
        std::string("GET http://127.0.0.1/metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        pattern(10'000)}) {
    Socket client = Socket::connect(weir.admin().address());
    client.try_send(garbage);
    ::shutdown(client.fd(), SHUT_WR);
    const Received answer = client.receive_until_end();
    EXPECT_NE(answer.ended, Ended::kTimedOut) << garbage;
    EXPECT_EQ(answer.bytes.find("HTTP/1.1 200"), std::string::npos) << garbage << "\n" << answer.bytes;
    EXPECT_EQ(weir.admin().get("/ready").status, 200);
  }
}

TEST(AdminAbuse, AReloadWithALongListIsNoTroubleForChecksAndTraffic) {
  CheckedBackend backend("a");
  const TemporaryDirectory directory;
  const std::string file = directory.write("denied", long_list(0));
  Configuration configuration = watched(backend.address());
  configuration.admin = "unix:" + directory.file("admin.sock");
  const WeirProcess weir(configuration);
  ASSERT_TRUE(eventually([&] { return facts_of(weir, "a").checks_passed > 2; }));
  configuration.listener = "access.deny_files = [\"" + file + "\"]\n";
  std::ofstream(weir.config_path()) << configuration.to_toml();
  {
    const Traffic traffic(weir);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(weir.admin().ask("POST", "/v1/reload").status, 200);
      EXPECT_EQ(
          weir.admin().ask("POST", "/v1/listeners/web/access/deny", R"({"network": "192.0.2.0/24"})").status,
          200);
      EXPECT_EQ(weir.admin()
                    .ask("DELETE", "/v1/listeners/web/access/deny", R"({"network": "192.0.2.0/24"})")
                    .status,
                200);
    }
  }
  expect_no_transition(weir);
}

TEST(AdminAbuse, AnAttackWhileLongListsAreLoadedMovesNoBackend) {
  constexpr std::uint64_t kConnections = kSanitized ? 500 : 3'000;
  if (const auto why = why_too_few_descriptors(4'000)) GTEST_SKIP() << "NOT CHECKED: " << *why;
  CheckedBackend backend("a");
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Reloaded weir(watched(backend.address()));
  ASSERT_TRUE(eventually([&] { return facts_of(*weir, "a").checks_passed > 2; }));
  {
    const std::size_t checks = backend.checks();
    const Traffic traffic(*weir);
    const Attack attack(weir->admin().address());
    // The door is theirs: its own answers are not what this is about.
    for (int reloads = 0; reloads < 3 || attack.connections() < kConnections || attack.bodies() == 0;
         ++reloads) {
      Configuration configuration = watched(backend.address());
      const std::string file = directory.write("denied", long_list(reloads % 2));
      configuration.listener = "access.deny_files = [\"" + file + "\"]\n";
      weir.well(configuration);
    }
    EXPECT_TRUE(eventually([&] { return backend.checks() > checks + 2; }));
  }
  expect_no_transition(*weir);
  expect_no_standstill(*weir);
}

}  // namespace
}  // namespace weir::test
