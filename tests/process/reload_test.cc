// Reading the configuration again while clients come and go: nobody is refused and no session is cut for it,
// new sessions meet the new world at once, and a configuration with a mistake changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>

#include "support/backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "support/reloaded.h"
#include "support/test_user.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

// The first real address of a listener, as a reload has told it.
base::Address address_in(const LogLine& line, const std::string& listener) {
  const std::string text = line.text("listeners");
  const std::size_t at = (" " + text).find(" " + listener + "=");
  if (at == std::string::npos) throw std::runtime_error("no listener " + listener + " in: " + text);
  const std::string rest = text.substr(at + listener.size() + 1);
  return address_of(rest.substr(0, rest.find_first_of(", ")));
}

// Whether a connection of its own is served; it leaves nothing in TIME_WAIT.
bool serves_one(const base::Address& address) {
  try {
    Socket client = Socket::connect(address);
    client.send_all("x");
    const bool is_served = client.receive(1).bytes == "x";
    client.reset();
    return is_served;
  } catch (const SocketError&) {
    return false;
  }
}

// How many are open once it does not change any more: at first Weir looks around.
std::size_t settled_descriptors(pid_t pid) {
  std::size_t seen = 0;
  std::size_t same = 0;
  EXPECT_TRUE(eventually([&] {
    observe_for(Millis(20));
    same = std::exchange(seen, descriptor_count(pid)) == seen ? same + 1 : 0;
    return same == 5;
  }));
  return seen;
}

std::string answer_at(const base::Address& address) {
  Socket client = Socket::connect(address);
  client.send_all("x");
  return client.receive_some().bytes;
}

bool is_refused_at(const base::Address& address) {
  Socket client;
  return Socket::try_connect(address, client) == ECONNREFUSED;
}

Configuration served_by(const base::Address& backend, const std::string& name = "a") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend, name)};
  return configuration;
}

// "server" and further settings of a second listener.
std::string another_listener(const std::string& name, const std::string& bind) {
  return "[listeners." + name + "]\nbind = \"" + bind + "\"\npool = \"web\"\n";
}

TEST(Reload, NewSessionsMeetTheNewWorldAndRunningOnesGoOn) {
  Backend a(echo());
  Backend b(names_itself("b"));
  Reloaded weir(served_by(a.address()));
  Socket running = weir->connect();
  running.send_all("1");
  EXPECT_EQ(running.receive_exactly(1), "1");

  const LogLine line = weir.well(served_by(b.address(), "b"));
  EXPECT_EQ(line.number("changes"), 1u);
  EXPECT_EQ(address_in(line, "web"), weir->address());
  EXPECT_EQ(answer_at(weir->address()), "b") << "at once";
  running.send_all("2");
  EXPECT_EQ(running.receive_exactly(1), "2");
  EXPECT_EQ(wait_for_event_of(*weir, "backend_added", "b").text("pool"), "web");
  EXPECT_EQ(wait_for_event_of(*weir, "backend_removed", "a").text("pool"), "web");
  running.end_stream();
  EXPECT_EQ(running.receive_until_end().ended, Ended::kEndOfStream);
}

TEST(Reload, TellsWhatHasChangedAndWhere) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  Reloaded weir(configuration);
  configuration.pool = "retries = 5\n";
  weir.well(configuration);
  const auto changes = weir->events("setting");
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].text("setting"), "pools.web.retries");
  EXPECT_EQ(changes[0].text("before"), "2");
  EXPECT_EQ(changes[0].text("after"), "5");
  EXPECT_THAT(changes[0].text("place"), HasSubstr("weir.toml:"));
  EXPECT_EQ(weir.well(configuration).number("changes"), 0u) << "the same again";
}

TEST(Reload, AFileWithMistakesChangesNothingAndAllOfThemAreTold) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Reloaded weir(served_by(a.address()));
  Configuration broken = served_by(b.address(), "b");
  broken.process = "drain_timeout = \"soon\"\n";
  broken.pool = "retries = 99\n";
  const LogLine line = weir.with(broken);
  EXPECT_EQ(line.level, "error");
  EXPECT_THAT(line.text("msg"), HasSubstr("the one before stays in force"));
  const auto problems = weir->events("configuration");
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_THAT(problems[0].text("msg"), HasSubstr("process.drain_timeout"));
  EXPECT_THAT(problems[1].text("msg"), HasSubstr("pools.web.retries"));
  EXPECT_EQ(answer_at(weir->address()), "a");
  EXPECT_EQ(weir.with("not TOML at all").level, "error");
  EXPECT_EQ(answer_at(weir->address()), "a");
  weir.well(served_by(b.address(), "b"));
  EXPECT_EQ(answer_at(weir->address()), "b");
}

TEST(Reload, WhatCameFromTheEnvironmentIsNotToldWhenItIsRefused) {
  Backend a(echo());
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(a.address());
  configuration.admin = "unix:" + directory.file("admin");
  ChildOptions options = weir_options();
  options.environment.emplace_back("WEIR_SECRET", "correct-horse");
  Reloaded weir(configuration, options);
  // What is wrong is found when the file is read, and by looking at the host.
  for (const std::string& wrong :
       {std::string("[pools.web.health]\ntype = \"${WEIR_SECRET}\"\n"),
        std::string("[listeners.web.access]\ndeny_files = [\"/nowhere/${WEIR_SECRET}\"]\n")}) {
    configuration.rest = wrong;
    EXPECT_EQ(weir.with(configuration).level, "error");
    EXPECT_THAT(weir->events("configuration").back().text("msg"), HasSubstr("${WEIR_SECRET}"));
    const HttpAnswer answer = weir->admin().ask("POST", "/v1/reload");
    EXPECT_THAT(answer.body, HasSubstr("${WEIR_SECRET}"));
    EXPECT_THAT(answer.body, testing::Not(HasSubstr("correct-horse")));
  }
  EXPECT_THAT(weir->child().output(), testing::Not(HasSubstr("correct-horse")));
}

TEST(Reload, AFileThatIsGoneChangesNothing) {
  Backend a(names_itself("a"));
  Reloaded weir(served_by(a.address()));
  std::filesystem::remove(weir->config_path());
  weir->child().signal(SIGHUP);
  ASSERT_TRUE(weir->wait_for_event("reload").has_value());
  EXPECT_EQ(weir->events("reload")[0].level, "error");
  EXPECT_EQ(answer_at(weir->address()), "a");
}

TEST(Reload, ListenersComeAndGo) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  Reloaded weir(configuration);
  Configuration with_more = configuration;
  with_more.rest = another_listener("more", "127.0.0.1:0");
  const base::Address more = address_in(weir.well(with_more), "more");
  EXPECT_EQ(answer_at(more), "a");
  EXPECT_EQ(weir->admin().sum("weir_connections_accepted_total", {{"listener", "more"}}), 1u);
  Socket running = Socket::connect(more);
  EXPECT_EQ(address_in(weir.well(with_more), "more"), more) << "it stays the same one";
  weir.well(configuration);
  EXPECT_TRUE(eventually([&] { return is_refused_at(more); }));
  running.send_all("x");
  EXPECT_EQ(running.receive_some().bytes, "a") << "its sessions go on";
  EXPECT_EQ(answer_at(weir->address()), "a");
}

TEST(Reload, APortThatAnotherHasRefusesTheWholeAndLeavesNothingHalf) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Backend other(echo());
  Reloaded weir(served_by(a.address()));
  const std::size_t before = settled_descriptors(weir->pid());
  Configuration configuration = served_by(b.address(), "b");
  configuration.workers = 3;
  configuration.rest =
      another_listener("free", "127.0.0.1:0") + another_listener("taken", other.address().to_string());
  EXPECT_EQ(weir.with(configuration).level, "error");
  const auto problems = weir->events("configuration");
  ASSERT_FALSE(problems.empty());
  EXPECT_THAT(problems.back().text("msg"), HasSubstr("address already in use"));
  EXPECT_EQ(answer_at(weir->address()), "a");
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir->pid()) <= before; }))
      << descriptor_count(weir->pid()) << " are open, and there were " << before;
}

TEST(Reload, AddressesMayOverlapThoseBefore) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  configuration.bind = "0.0.0.0:0";
  Reloaded weir(configuration);
  const base::Address at = address_of("127.0.0.1:" + std::to_string(weir->address().port()));
  Socket running = Socket::connect(at);
  configuration.bind = at.to_string();
  weir.well(configuration);
  EXPECT_EQ(answer_at(at), "a");
  configuration.bind = "0.0.0.0:" + std::to_string(at.port());
  weir.well(configuration);
  EXPECT_EQ(answer_at(at), "a");
  running.send_all("x");
  EXPECT_EQ(running.receive_some().bytes, "a");
}

TEST(Reload, OptionsOfAListenerChangeOnItsSockets) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  configuration.listener = "backlog = 16\n";
  Reloaded weir(configuration);
  EXPECT_EQ(weir->admin().sum("weir_accept_queue_limit"), 32u);
  configuration.listener = "backlog = 64\nidle_timeout = \"1s\"\n";
  weir.well(configuration);
  EXPECT_EQ(weir->admin().sum("weir_accept_queue_limit"), 128u);
  Socket client = weir->connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_some().bytes, "a");
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir->wait_for_session().text("reason"), "idle_timeout");
}

TEST(Reload, AUnixSocketStaysAndItsModeChanges) {
  Backend a(names_itself("a"));
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(a.address());
  configuration.bind = "unix:" + directory.file("s");
  Reloaded weir(configuration);
  struct stat before {};
  ASSERT_EQ(::stat(directory.file("s").c_str(), &before), 0);
  configuration.listener = "socket_mode = \"0600\"\n";
  weir.well(configuration);
  struct stat after {};
  ASSERT_EQ(::stat(directory.file("s").c_str(), &after), 0);
  EXPECT_EQ(after.st_ino, before.st_ino);
  EXPECT_EQ(after.st_mode & 0777u, 0600u);
  EXPECT_EQ(answer_at(weir->address()), "a");
  configuration.bind = "unix:" + directory.file("t");
  weir.well(configuration);
  EXPECT_EQ(answer_at(address_of("unix:" + directory.file("t"))), "a");
  EXPECT_TRUE(eventually([&] { return !std::filesystem::exists(directory.file("s")); }));
}

TEST(Reload, WorkersMayBecomeMoreAndFewerAndKeepTheirSessions) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  configuration.workers = 1;
  Reloaded weir(configuration);
  std::vector<Socket> running;
  const auto open_some = [&] {
    for (int i = 0; i < 8; ++i) {
      running.push_back(weir->connect());
      running.back().send_all("x");
      ASSERT_EQ(running.back().receive_exactly(1), "x");
    }
  };
  const auto threads = [&] { return status_field(weir->pid(), "Threads"); };
  const std::string with_one = threads();
  const auto most_connections = [&] { return weir->admin().sum("weir_process_max_connections"); };
  const std::uint64_t most_with_one = most_connections();
  const std::size_t sockets_with_one = settled_descriptors(weir->pid());
  for (const unsigned workers : {3u, 1u, 2u, 4u, 1u}) {
    configuration.workers = workers;
    EXPECT_EQ(weir.well(configuration).number("workers"), workers);
    open_some();
  }
  for (Socket& client : running) {
    client.send_all("y");
    EXPECT_EQ(client.receive_exactly(1), "y");
  }
  const auto sessions = [&] { return weir->admin().sum("weir_sessions_open"); };
  EXPECT_EQ(sessions(), running.size());
  running.clear();
  EXPECT_TRUE(eventually([&] { return sessions() == 0; }));
  EXPECT_TRUE(eventually([&] { return threads() == with_one; })) << threads() << " threads, " << with_one;
  // The sockets of the most workers that there were stay open, so that nobody who waits there is lost.
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir->pid()) <= sockets_with_one + 3; }))
      << descriptor_count(weir->pid()) << " are open, and there were " << sockets_with_one;
  EXPECT_TRUE(eventually([&] { return most_connections() + 2 >= most_with_one; }))
      << "workers that have ended cost connections: " << most_connections() << " of " << most_with_one;
  std::set<std::string> ids;
  for (const LogLine& line : weir->wait_for_sessions(40)) ids.insert(line.text("id"));
  EXPECT_EQ(ids.size(), 40u) << "two sessions have one id";
}

// The target of a reload: whatever changes, every connection is served.
TEST(Reload, UnderLoadNobodyIsRefusedAndNoSessionIsCut) {
  Backend a(echo());
  Backend b(echo());
  Configuration configuration = served_by(a.address());
  configuration.log = "sessions = \"none\"\n";
  Reloaded weir(configuration);
  std::vector<Socket> running;
  for (int i = 0; i < (kSanitized ? 20 : 500); ++i) running.push_back(weir->connect());
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> served{0};
  std::atomic<std::uint64_t> failed{0};
  std::vector<Background> clients;
  for (int i = 0; i < 3; ++i) {
    clients.emplace_back([&] {
      while (!is_over) (serves_one(weir->address()) ? served : failed) += 1;
    });
  }
  constexpr unsigned kTimes = kSanitized ? 12 : 100;
  for (unsigned i = 0; i < kTimes; ++i) {
    configuration.workers = 1 + i % 3;
    configuration.listener = "backlog = " + std::to_string(128 + i) + "\n";
    configuration.pool = i % 2 == 0 ? "policy = \"least_connections\"\n" : "connect_timeout = \"2s\"\n";
    configuration.backends = {entry(a.address(), "a")};
    if (i % 4 < 2) configuration.backends.push_back(entry(b.address(), "b"));
    configuration.rest = i % 5 == 0 ? another_listener("more", "127.0.0.1:0") : "";
    weir.well(configuration);
  }
  is_over = true;
  for (Background& client : clients) client.join();
  EXPECT_EQ(failed, 0u) << "of " << served + failed;
  EXPECT_GT(served, kTimes);
  RecordProperty("connections", std::to_string(served));
  for (Socket& client : running) {
    client.send_all("y");
    EXPECT_EQ(client.receive(1).bytes, "y");
  }
}

TEST(Reload, LimitsGoOnWithWhatTheyHaveCounted) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 2\n";
  Reloaded weir(configuration);
  std::vector<Socket> open;
  for (int i = 0; i < 2; ++i) open.push_back(served_and_open(*weir, "127.0.0.1"));
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 3\n";
  weir.well(configuration);
  open.push_back(served_and_open(*weir, "127.0.0.1"));
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
  // Fewer than are open: none is cut, and none is let in.
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 1\n";
  weir.well(configuration);
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
  for (Socket& client : open) {
    client.send_all("y");
    EXPECT_EQ(client.receive_exactly(1), "y");
  }
  // Another size of the table begins empty, and those that are open leave the old one.
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 1\nclient_table_size = 100\n";
  weir.well(configuration);
  EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
  // What they hold is in a table that no configuration has any more.
  open.clear();
  EXPECT_TRUE(eventually([&] { return weir->admin().sum("weir_process_connections") == 0; }));
  observe_for(Millis(500));
  EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
}

TEST(Reload, SharedLimitsMayChangeTwiceAndGoWhileTheirPermitsAreOut) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  const auto with = [&](unsigned most) {
    configuration.rest = "[limits.both]\nmax_connections = " + std::to_string(most) +
                         "\nclient_max_connections = " + std::to_string(most) + "\n" +
                         another_listener("other", "127.0.0.1:0") +
                         "[listeners.other.limits]\nshared = \"both\"\n" +
                         "[listeners.web.limits]\nshared = \"both\"\n";
  };
  with(5);
  Reloaded weir(configuration);
  std::vector<Socket> open;
  for (const unsigned most : {6u, 7u, 8u}) {
    open.push_back(served_and_open(*weir, "127.0.0.1"));
    with(most);
    weir.well(configuration);
  }
  configuration.rest = "";
  weir.well(configuration);
  observe_for(Millis(700));
  open.clear();
  EXPECT_TRUE(eventually([&] { return weir->admin().sum("weir_process_connections") == 0; }));
  observe_for(Millis(700));
  EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
}

TEST(Reload, TwoPortsThatTheKernelChoseStayTwo) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  configuration.also_bind = configuration.bind;
  Reloaded weir(configuration);
  configuration.pool = "retries = 1\n";
  weir.well(configuration);
  const auto& addresses = weir->addresses("web");
  ASSERT_EQ(addresses.size(), 2u);
  ASSERT_NE(addresses[0], addresses[1]);
  for (const base::Address& address : addresses) EXPECT_EQ(answer_at(address), "a");
}

TEST(Reload, OneThatFailsUnderLoadCostsNobodyAnything) {
  Backend a(echo());
  Backend other(echo());
  Configuration configuration = served_by(a.address());
  configuration.log = "sessions = \"none\"\n";
  Reloaded weir(configuration);
  std::atomic<bool> is_over{false};
  std::atomic<std::uint64_t> served{0};
  std::atomic<std::uint64_t> failed{0};
  std::vector<Background> clients;
  for (int i = 0; i < 2; ++i) {
    clients.emplace_back([&] {
      while (!is_over) (serves_one(weir->address()) ? served : failed) += 1;
    });
  }
  configuration.workers = 4;
  configuration.rest = another_listener("taken", other.address().to_string());
  for (int i = 0; i < (kSanitized ? 5 : 20); ++i) EXPECT_EQ(weir.with(configuration).level, "error");
  is_over = true;
  for (Background& client : clients) client.join();
  EXPECT_EQ(failed, 0u) << "of " << served + failed;
  EXPECT_GT(served, 0u);
}

TEST(Reload, AListInTheFileOfAnAccessListIsReadAgain) {
  Backend a(echo());
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  directory.write("list", "127.0.0.9\n");
  Configuration configuration = served_by(a.address());
  configuration.rest = "[listeners.web.access]\ndeny_files = [\"" + directory.file("list") + "\"]\n";
  Reloaded weir(configuration);
  EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
  directory.write("list", "127.0.0.1\n");
  weir.well(configuration);
  EXPECT_FALSE(is_served(*weir, "127.0.0.1")) << "at once";
}

TEST(Reload, ARateGoesOnWithWhatWasUsedUp) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  configuration.rest = "[listeners.web.limits]\nconnection_rate = \"1/h\"\nconnection_burst = 3\n";
  Reloaded weir(configuration);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
  configuration.pool = "retries = 1\n";
  weir.well(configuration);
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
  configuration.rest = "[listeners.web.limits]\nconnection_rate = \"2/h\"\nconnection_burst = 3\n";
  weir.well(configuration);
  EXPECT_FALSE(is_served(*weir, "127.0.0.1"));
}

TEST(Reload, StatesOfBackendsAreCarriedOver) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Configuration configuration = served_by(a.address());
  const DeadPort gone;
  configuration.backends.push_back(entry(gone.address(), "gone"));
  configuration.pool =
      "[pools.web.health]\ntype = \"tcp\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\nfall = 2\nrise = 2\n";
  Reloaded weir(configuration);
  ASSERT_TRUE(becomes(*weir, "gone", "down"));
  const std::size_t told = events_of(*weir, "backend_up", "gone").size();
  configuration.pool = "[pools.web.health]\ntype = \"tcp\"\ninterval = \"60s\"\nfall = 2\nrise = 2\n";
  configuration.backends.push_back(entry(b.address(), "b"));
  weir.well(configuration);
  EXPECT_EQ(facts_of(*weir, "gone").state, "down") << "it has not been checked since";
  EXPECT_EQ(facts_of(*weir, "a").state, "up");
  const std::uint64_t attempts = facts_of(*weir, "gone").attempts;
  for (int i = 0; i < 8; ++i) EXPECT_THAT(answer_at(weir->address()), testing::AnyOf("a", "b"));
  EXPECT_EQ(facts_of(*weir, "gone").attempts, attempts) << "it was tried";
  EXPECT_EQ(events_of(*weir, "backend_up", "gone").size(), told);
}

TEST(Reload, ChecksGoOnAndFollowTheirNewSettings) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  const std::string often = "[pools.web.health]\ntype = \"tcp\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\n";
  configuration.pool = often;
  Reloaded weir(configuration);
  for (int i = 0; i < 3; ++i) {
    const std::uint64_t passed = facts_of(*weir, "a").checks_passed;
    configuration.pool = "retries = " + std::to_string(i) + "\n" + often;
    weir.well(configuration);
    EXPECT_TRUE(eventually([&] { return facts_of(*weir, "a").checks_passed >= passed + 3; }));
  }
  configuration.pool = "";
  weir.well(configuration);
  const std::uint64_t passed = facts_of(*weir, "a").checks_passed;
  observe_for(Millis(200));
  EXPECT_EQ(facts_of(*weir, "a").checks_passed, passed) << "it is checked no more";
}

// A pool of one backend, and what becomes of sessions at one that is removed.
Configuration removing(const Backend& backend, const std::string& name, const std::string& fate) {
  Configuration configuration = served_by(backend.address(), name);
  configuration.rest = "[pools.web.sessions]\non_removed = \"" + fate + "\"\n";
  return configuration;
}

TEST(Reload, SessionsAtARemovedBackendMeetWhatIsConfigured) {
  Backend a(echo());
  Backend b(echo());
  for (const auto& [fate, word] :
       {std::pair("keep", "sessions_kept"), std::pair("drain 500ms", "sessions_draining"),
        std::pair("close", "sessions_closing")}) {
    SCOPED_TRACE(fate);
    Reloaded weir(removing(a, "a", fate));
    std::vector<Socket> open;
    for (int i = 0; i < 3; ++i) open.push_back(served_and_open(*weir, "127.0.0.1"));
    const LogLine line = weir.well(removing(b, "b", fate));
    EXPECT_EQ(line.number(word), 3u) << "of those that are gone";
    if (std::string(fate) == "keep") {
      for (Socket& client : open) {
        client.send_all("y");
        EXPECT_EQ(client.receive_exactly(1), "y");
      }
      continue;
    }
    for (Socket& client : open) EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
    for (const LogLine& session : weir->wait_for_sessions(3)) {
      EXPECT_EQ(session.text("reason"), "backend_removed");
    }
    EXPECT_FALSE(weir.well(removing(b, "b", fate)).has(word)) << "nobody is there any more";
  }
}

TEST(Reload, APoolThatIsGoneIsRemovedWithAllItsBackends) {
  Backend a(echo());
  Backend b(names_itself("b"));
  Configuration configuration = served_by(a.address());
  configuration.rest = "[pools.other]\nbackends = [" + entry(b.address(), "b") +
                       "]\n[pools.other.sessions]\non_removed = \"close\"\n"
                       "[listeners.other]\nbind = \"127.0.0.1:0\"\npool = \"other\"\n";
  Reloaded weir(configuration);
  const base::Address other = weir->address("other");
  Socket at_b = Socket::connect(other);
  at_b.send_all("x");
  EXPECT_EQ(at_b.receive_exactly(1), "b");
  configuration.rest = "[listeners.other]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n";
  weir.well(configuration);
  EXPECT_EQ(at_b.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(answer_at(other), "x") << "its listener goes on with the other pool";
  EXPECT_THAT(weir->admin().get("/v1/pools").body, testing::Not(HasSubstr("\"other\"")));
}

// The settings of which the last reload has said that they wait for a restart: as many as were said of in all
// `times` reloads alike, and nothing else was.
std::set<std::string> waiting_for_a_restart(const WeirProcess& weir, std::size_t times) {
  const auto named = weir.events("setting");
  EXPECT_EQ(named.size() % times, 0u);
  std::set<std::string> settings;
  for (std::size_t i = named.size() - named.size() / times; i < named.size(); ++i) {
    EXPECT_EQ(named[i].level, "warning");
    EXPECT_THAT(named[i].text("msg"), HasSubstr("only a restart"));
    EXPECT_TRUE(settings.insert(named[i].text("setting")).second) << "twice";
  }
  return settings;
}

TEST(Reload, NamesWhatNeedsARestartEachTime) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  Reloaded weir(configuration);
  const std::string user = status_field(weir->pid(), "Uid");
  configuration.admin = "127.0.0.2:0";
  configuration.process = "user = \"somebody-else\"\n";
  for (std::size_t times = 1; times <= 2; ++times) {
    weir.well(configuration);
    EXPECT_THAT(waiting_for_a_restart(*weir, times), testing::ElementsAre("admin.bind", "process.user"));
    EXPECT_EQ(weir->admin().get("/ready").status, 200) << "where it was";
    EXPECT_EQ(status_field(weir->pid(), "Uid"), user);
  }
}

TEST(Reload, WithAnotherDoorNothingOfTheDoorsChangesAndEverythingIsNamed) {
  Backend a(names_itself("a"));
  Configuration configuration = served_by(a.address());
  configuration.door = "hosts = [\"before\"]\n";
  Reloaded weir(configuration);
  configuration.admin = "127.0.0.2:0";
  configuration.door = "hosts = [\"after\"]\n";
  for (std::size_t times = 1; times <= 2; ++times) {
    weir.well(configuration);
    EXPECT_THAT(waiting_for_a_restart(*weir, times), testing::ElementsAre("admin.bind", "admin.hosts"));
    EXPECT_EQ(weir->admin().ask("GET", "/ready", HttpAsking{.host = "before"}).status, 200);
    const std::string shown = weir->admin().get("/v1/configuration").body;
    EXPECT_THAT(shown, HasSubstr("before"));
    EXPECT_THAT(shown, testing::Not(HasSubstr("after")));
  }
}

TEST(Reload, WithAnotherDoorTheFilesOfTheOneBeforeAreNotNeeded) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(a.address());
  const std::string before = directory.write("before", "0123456789abcdef");
  configuration.door = "token_file = \"" + before + "\"\n";
  Reloaded weir(configuration);
  configuration = served_by(b.address(), "b");
  configuration.admin = "127.0.0.2:0";
  configuration.door = "token_file = \"" + directory.write("after", "fedcba9876543210") + "\"\n";
  ASSERT_TRUE(std::filesystem::remove(before));
  weir.well(configuration);
  EXPECT_EQ(answer_at(weir->address()), "b");
  const HttpAsking with_token{.token = "0123456789abcdef"};
  EXPECT_EQ(weir->admin().ask("POST", "/v1/reload", with_token).status, 200) << "as long as it stands";
}

TEST(Reload, TheLogChangesItsLevelItsFormAndItsPlace) {
  Backend a(echo());
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(a.address());
  Reloaded weir(configuration);
  configuration.log = "format = \"json\"\noutput = \"" + directory.file("log") + "\"\n";
  std::ofstream(weir->config_path()) << configuration.to_toml();
  weir->child().signal(SIGHUP);
  const auto lines = [&] {
    std::ifstream file(directory.file("log"));
    std::vector<LogLine> found;
    for (std::string text; std::getline(file, text);) {
      const auto line = parse_json_line(text);
      if (line) found.push_back(*line);
    }
    return found;
  };
  ASSERT_TRUE(eventually([&] {
    const auto found = lines();
    return std::any_of(found.begin(), found.end(), [](const auto& line) { return line.event == "reload"; });
  })) << weir->child().output();
  EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
  EXPECT_TRUE(eventually([&] {
    const auto found = lines();
    return !found.empty() && found.back().event == "session";
  }));
  configuration.log += "sessions = \"none\"\nlevel = \"error\"\n";
  std::ofstream(weir->config_path()) << configuration.to_toml();
  weir->child().signal(SIGHUP);
  ASSERT_TRUE(eventually([&] {
    const std::size_t before = lines().size();
    EXPECT_TRUE(is_served(*weir, "127.0.0.1"));
    observe_for(Millis(50));
    return lines().size() == before;
  }));
  // Back to where the test looks.
  weir.well(served_by(a.address()));
}

TEST(Reload, WhileWeirStopsIsNotDone) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  configuration.process = "drain_timeout = \"60s\"\n";
  Reloaded weir(configuration);
  Socket running = served_and_open(*weir, "127.0.0.1");
  weir->terminate();
  ASSERT_TRUE(weir->wait_for_event("draining").has_value());
  configuration.pool = "retries = 1\n";
  const LogLine line = weir.with(configuration);
  EXPECT_EQ(line.level, "warning");
  EXPECT_THAT(line.text("msg"), HasSubstr("stopping"));
  running.close();
  const auto exit = weir->wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean);
}

TEST(Reload, ManySignalsAtOnceAreOneOrMoreReloadsAndWeirGoesOn) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Reloaded weir(served_by(a.address()));
  std::ofstream(weir->config_path()) << served_by(b.address(), "b").to_toml();
  for (int i = 0; i < 200; ++i) weir->child().signal(SIGHUP);
  EXPECT_TRUE(eventually([&] { return answer_at(weir->address()) == "b"; }));
  EXPECT_EQ(weir->stop(), kClean);
}

TEST(Reload, AStopDuringOneIsClean) {
  for (int i = 0; i < 5; ++i) {
    Backend a(echo());
    Configuration configuration = served_by(a.address());
    Reloaded weir(configuration);
    configuration.workers = 3;
    std::ofstream(weir->config_path()) << configuration.to_toml();
    weir->child().signal(SIGHUP);
    observe_for(Millis(2 * i));
    EXPECT_EQ(weir->stop(), kClean);
  }
}

// Each session is of another world, and none keeps its world.
TEST(Reload, AThousandTimesKeepsMemoryAndDescriptorsFlat) {
  Backend a(echo());
  Configuration configuration = served_by(a.address());
  configuration.rest = "[listeners.web.access]\ndeny = [\"192.0.2.0/24\"]\n";
  Reloaded weir(configuration);
  constexpr unsigned kTimes = kSanitized ? 60 : 1'000;
  // Its clients and its backend's connections.
  if (const auto why = why_too_few_descriptors(2 * kTimes + 200)) GTEST_SKIP() << "NOT CHECKED: " << *why;
  std::vector<Socket> running;
  std::uint64_t memory = 0;
  std::size_t descriptors = 0;
  for (unsigned i = 0; i < kTimes; ++i) {
    running.push_back(weir->connect());
    running.back().send_all("x");
    ASSERT_EQ(running.back().receive_exactly(1), "x");
    configuration.listener = "idle_timeout = \"" + std::to_string(600 + i % 2) + "s\"\n";
    configuration.pool = "retries = " + std::to_string(i % 2) + "\n";
    weir.well_and_forget(configuration);
    if (i + 1 == kTimes / 2) {
      memory = resident_bytes(weir->pid());
      descriptors = descriptor_count(weir->pid());
    }
  }
  // What the sessions of the second half keep themselves: two sockets and less than a kibibyte each.
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir->pid()) <= descriptors + kTimes + 2; }))
      << descriptor_count(weir->pid()) << " are open, and there were " << descriptors;
  if (!kSanitized) {
    const std::uint64_t after = resident_bytes(weir->pid());
    RecordProperty("bytes_each", std::to_string((after - std::min(after, memory)) / (kTimes / 2)));
    EXPECT_LT(after, memory + std::uint64_t{kTimes / 2} * 1'536);
  }
  for (Socket& client : running) {
    client.send_all("y");
    ASSERT_EQ(client.receive_exactly(1), "y");
  }
}

}  // namespace
}  // namespace weir::test
