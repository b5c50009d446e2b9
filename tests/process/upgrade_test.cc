// A new process takes over while clients come and go: nobody is refused and no session is cut for it,
// whatever becomes of either of the two meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "support/backend.h"
#include "support/clients.h"
#include "support/listener.h"
#include "support/own_copy.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "support/test_user.h"
#include "support/upgraded.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

Configuration served_by(const base::Address& backend, const std::string& name = "a") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.backends = {entry(backend, name)};
  configuration.log = "sessions = \"none\"\n";
  return configuration;
}

// A loopback port that is free now, for a Weir that may have to bind it anew.
base::Address free_address() { return Listener(address_of("127.0.0.1:0")).address(); }

// What becomes of a connection of its own; it leaves nothing in TIME_WAIT.
enum class Met { kServed, kRefused, kCut };
Met meet(const base::Address& address) {
  try {
    Socket client = Socket::connect(address);
    client.send_all("x");
    const bool is_served = client.receive(1).bytes == "x";
    client.reset();
    return is_served ? Met::kServed : Met::kCut;
  } catch (const SocketError& error) {
    return error.error() == ECONNREFUSED ? Met::kRefused : Met::kCut;
  }
}
bool serves_a_client(const base::Address& address) { return meet(address) == Met::kServed; }

std::string says(const base::Address& address) {
  Socket client = Socket::connect(address);
  client.send_all("x");
  return client.receive_some().bytes;
}

bool is_refused(const base::Address& address) {
  Socket client;
  return Socket::try_connect(address, client) == ECONNREFUSED;
}

bool echoes(Socket& client) {
  client.send_all("y");
  return client.receive(1).bytes == "y";
}

// Clients that come one after the other, on threads of their own, until they are told to stop.
class Comers {
 public:
  Comers(base::Address address, std::size_t threads) : address_(std::move(address)) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { come(); });
  }
  ~Comers() { stop(); }

  void stop() {
    is_over_ = true;
    for (Background& one : threads_) one.join();
  }
  // Somebody listens from now on, whatever happens.
  void let_nobody_be_refused() { must_be_let_in_ = true; }

  std::uint64_t served() const { return served_; }
  std::uint64_t failed() const { return failed_; }
  // Of those who have come since.
  std::uint64_t refused() const { return refused_; }

 private:
  void come() {
    while (!is_over_) {
      const bool must_be_let_in = must_be_let_in_;
      const Met met = meet(address_);
      (met == Met::kServed ? served_ : failed_) += 1;
      if (must_be_let_in && met == Met::kRefused) refused_ += 1;
    }
  }

  const base::Address address_;
  std::atomic<bool> is_over_{false};
  std::atomic<bool> must_be_let_in_{false};
  std::atomic<std::uint64_t> served_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::vector<Background> threads_;
};

TEST(Upgrade, UnderLoadNobodyIsRefusedAndNoSessionIsCut) {
  constexpr int kUpgrades = 5;
  constexpr int kReloads = kSanitized ? 2 : 20;  // between two of them
  constexpr int kSessions = kSanitized ? 100 : 500;
  if (const auto why = why_too_few_descriptors(3 * kSessions + 200)) GTEST_SKIP() << "NOT CHECKED: " << *why;
  Backend backend(echo());
  Configuration configuration = served_by(backend.address());
  configuration.process = "drain_timeout = \"500ms\"\n";
  Upgraded weir(configuration);
  std::vector<Socket> sessions;
  for (int i = 0; i < kSessions; ++i) sessions.push_back(served_and_open(*weir, "127.0.0.1"));
  Comers comers(weir->address(), 2);
  std::size_t reloads = 0;
  for (int i = 0; i < kUpgrades; ++i) {
    for (int k = 0; k < kReloads; ++k) {
      configuration.listener = "backlog = " + std::to_string(128 + k) + "\n";
      configuration.workers = 1 + static_cast<unsigned>(k) % 3;
      weir.write(configuration.to_toml());
      weir.signal(SIGHUP);
      ++reloads;
      ASSERT_TRUE(eventually([&] { return weir->events("reload").size() >= reloads; }));
    }
    weir.well();
  }
  observe_for(Millis(1'000));
  comers.stop();
  EXPECT_EQ(comers.failed(), 0u) << "of " << comers.served() + comers.failed();
  EXPECT_GT(comers.served(), 100u);
  RecordProperty("connections", std::to_string(comers.served()));
  for (Socket& session : sessions) ASSERT_TRUE(echoes(session)) << "longer than drain_timeout";
  for (const LogLine& line : weir->events("reload")) EXPECT_EQ(line.level, "info") << line.text("msg");
  sessions.clear();
  const auto exit = weir->wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << "the first one, once its sessions have ended";
}

TEST(Upgrade, SessionsOfThePreviousProcessEndByItsOwnTimeLimit) {
  Backend backend(echo());
  Configuration configuration = served_by(backend.address());
  configuration.process = "drain_timeout = \"1h\"\nupgrade_drain_timeout = \"300ms\"\n";
  Upgraded weir(configuration);
  Socket session = served_and_open(*weir, "127.0.0.1");
  weir.well();
  EXPECT_EQ(session.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir->wait()->status, kForced);
  EXPECT_TRUE(serves_a_client(weir->address()));
}

TEST(Upgrade, WithoutATimeLimitSessionsLastAndTheEndIsStillPolite) {
  Backend backend(echo());
  Configuration configuration = served_by(backend.address());
  configuration.process = "drain_timeout = \"2s\"\nupgrade_drain_timeout = \"off\"\n";
  Upgraded weir(configuration);
  Socket session = served_and_open(*weir, "127.0.0.1");
  weir.well();
  ASSERT_TRUE(eventually([&] { return weir->events("draining").size() == 1; }));
  EXPECT_EQ(weir->events("draining")[0].text("upgrade_drain_timeout"), "off");
  observe_for(Millis(2500));
  EXPECT_TRUE(echoes(session));
  // As at any other time: it drains, for drain_timeout.
  weir->terminate();
  ASSERT_TRUE(eventually([&] { return weir->events("draining").size() == 2; }));
  EXPECT_TRUE(echoes(session));
  EXPECT_EQ(session.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir->wait()->status, kForced);
}

TEST(Upgrade, TheEndOfTheNewProcessIsNoneForSessionsOfTheOld) {
  Backend backend(echo());
  Upgraded weir(served_by(backend.address()));
  Socket session = served_and_open(*weir, "127.0.0.1");
  const pid_t successor = weir.well();
  ::kill(successor, SIGTERM);
  EXPECT_EQ(weir.wait(successor)->status, kClean);
  EXPECT_TRUE(is_refused(weir->address()));
  EXPECT_TRUE(echoes(session));
}

TEST(Upgrade, AConfigurationWithMistakesChangesNothingAndIsQuoted) {
  Backend backend(echo());
  Upgraded weir(served_by(backend.address()));
  weir.write("[process]\ndrain_timeout = \"soon\"\n");
  const LogLine line = weir.badly();
  EXPECT_EQ(line.level, "error");
  EXPECT_THAT(line.text("reason"), HasSubstr("process.drain_timeout"));
  EXPECT_TRUE(serves_a_client(weir->address()));
  weir.write(served_by(backend.address()).to_toml());
  weir.well();
  EXPECT_TRUE(serves_a_client(weir->address())) << "once it is mended";
}

TEST(Upgrade, APortThatIsTakenChangesNothing) {
  Backend backend(echo());
  Backend other(echo());
  Upgraded weir(served_by(backend.address()));
  Configuration configuration = served_by(backend.address());
  configuration.rest = "[listeners.more]\nbind = \"" + other.address().to_string() + "\"\npool = \"web\"\n";
  weir.write(configuration.to_toml());
  EXPECT_THAT(weir.badly().text("reason"), HasSubstr("address already in use"));
  EXPECT_TRUE(serves_a_client(weir->address()));
}

TEST(Upgrade, AProgramThatFailsOrCannotRunChangesNothing) {
  Backend backend(echo());
  const OwnCopy copy;
  Upgraded weir(copy.on(served_by(backend.address())));
  copy.replace_by_script("exit 1");
  EXPECT_THAT(weir.badly().text("reason"), HasSubstr("ended without a word"));
  copy.replace_by_script("");
  std::ofstream(copy.path(), std::ios::trunc) << "\x7f"
                                                 "ELF that is none";
  EXPECT_THAT(weir.badly().text("reason"), HasSubstr("Exec format error"));
  std::filesystem::remove(copy.path());
  weir.signal(SIGUSR2);
  ASSERT_TRUE(eventually([&] { return !weir.told("refused").empty(); }));
  EXPECT_THAT(weir.told("refused")[0].text("msg"), HasSubstr("cannot be executed: No such file"));
  EXPECT_TRUE(serves_a_client(weir->address()));
}

TEST(Upgrade, AFileThatWasReplacedIsWhatRunsNext) {
  Backend backend(echo());
  const OwnCopy copy;
  Upgraded weir(copy.on(served_by(backend.address())));
  std::filesystem::remove(copy.path());
  std::filesystem::copy_file(WEIR_BINARY, copy.path());
  std::filesystem::permissions(copy.path(), std::filesystem::perms(0755));
  const pid_t successor = weir.well();
  EXPECT_EQ(std::filesystem::read_symlink("/proc/" + std::to_string(successor) + "/exe"), copy.path());
}

TEST(Upgrade, OneThatHangsIsEndedByAStopAndAnotherIsRefusedMeanwhile) {
  Backend backend(echo());
  const OwnCopy copy;
  Upgraded weir(copy.on(served_by(backend.address())));
  copy.replace_by_script("exec sleep 1000");
  weir.signal(SIGUSR2);
  const pid_t hanging = weir.next_child();
  weir.signal(SIGUSR2);
  ASSERT_TRUE(eventually([&] { return !weir.told("refused: another upgrade").empty(); }));
  EXPECT_TRUE(serves_a_client(weir->address()));
  weir->terminate();
  EXPECT_EQ(weir.wait(hanging)->signal, SIGKILL);
  EXPECT_EQ(weir->wait()->status, kClean);
}

TEST(Upgrade, OneThatIsKilledBeforeItIsReadyChangesNothing) {
  Backend backend(echo());
  const OwnCopy copy;
  Upgraded weir(copy.on(served_by(backend.address())));
  copy.replace_by_script("exec sleep 1000");
  for (int i = 0; i < 3; ++i) {
    weir.signal(SIGUSR2);
    const pid_t hanging = weir.next_child();
    ::kill(hanging, SIGKILL);
    ASSERT_TRUE(weir.wait(hanging).has_value());
    const auto failed = static_cast<std::size_t>(i) + 1;
    ASSERT_TRUE(eventually([&] { return weir.told("this process goes on").size() == failed; }));
    EXPECT_TRUE(serves_a_client(weir->address()));
  }
}

// An upgrade in which the old process is killed while clients come.
class Killed {
 public:
  explicit Killed(const Configuration& configuration)
      : weir_(configuration),
        // So that it does not end by itself before.
        session_(served_and_open(*weir_, "127.0.0.1")),
        sockets_(listening_sockets(weir_->address().port())),
        comers_(weir_->address(), 2) {
    weir_.signal(SIGUSR2);
    // At once: a moment later it has what it is handed.
    const auto deadline = Clock::now() + kPatience;
    while (children().size() < 2 && Clock::now() < deadline) {
    }
    successor_ = weir_.next_child();
  }

  // Whether the new one has the sockets; from then on nobody may be refused any more.
  bool has_sockets() {
    if (!has_sockets_ && is_executed() && has_one_of(successor_, sockets_)) {
      has_sockets_ = true;
      comers_.let_nobody_be_refused();
    }
    return has_sockets_;
  }

  // Kills it now; whether the new one was handed the sockets by then, or has bound its own since.
  bool kill_and_expect_service() {
    weir_->kill();
    was_told_ = !weir_.told("this one keeps its sessions").empty();
    EXPECT_TRUE(eventually([&] {
      has_sockets();
      return serves_a_client(weir_->address());
    })) << weir_->child().output();
    comers_.let_nobody_be_refused();
    const std::uint64_t served = comers_.served();
    EXPECT_TRUE(eventually([&] { return comers_.served() > served + 20; }));
    comers_.stop();
    // Killed between the sockets and the end of what is handed over it leaves one that starts like any other.
    const bool started_anew =
        weir_->child().output().find("started as at any other time") != std::string::npos;
    if (!started_anew) {
      EXPECT_EQ(comers_.refused(), 0u)
          << "while the new one had " << (has_sockets_ ? "the old" : "its own") << " sockets";
    }
    EXPECT_EQ(weir_->admin().get("/ready").status, 200);
    const bool was_handed = has_one_of(successor_, sockets_);
    ::kill(successor_, SIGTERM);
    EXPECT_EQ(weir_.wait(successor_)->status, kClean);
    // Not before: it waits for the last who may print.
    EXPECT_EQ(weir_->child().wait()->signal, SIGKILL);
    return was_handed;
  }
  // Whether the old one had said that the upgrade was over.
  bool was_over() const { return was_told_; }

 private:
  // Before that it has a copy of all that the old one has open, and keeps none of it.
  bool is_executed() {
    if (is_executed_) return true;
    std::ifstream file("/proc/" + std::to_string(successor_) + "/environ");
    const std::string environment{std::istreambuf_iterator<char>(file), {}};
    return is_executed_ = environment.find("WEIR_UPGRADE_FD=") != std::string::npos;
  }

  Upgraded weir_;
  const Socket session_;
  const std::set<std::string> sockets_;
  Comers comers_;
  pid_t successor_ = 0;
  bool is_executed_ = false;
  bool has_sockets_ = false;
  bool was_told_ = false;
};

Configuration on_ports_of_its_own(const Backend& backend) {
  Configuration configuration = served_by(backend.address());
  configuration.bind = free_address().to_string();
  configuration.admin = free_address().to_string();
  return configuration;
}

// At whatever moment the old one dies, the new one serves. Only where it has not been handed the sockets yet
// are clients refused, for as long as a start takes.
TEST(Upgrade, TheServiceGoesOnWhenTheOldProcessIsKilledAtAnyMoment) {
  constexpr int kTimes = kSanitized ? 6 : 24;
  Backend backend(echo());
  std::mt19937 random(7);  // any, but the same each time
  std::uniform_int_distribution<int> microseconds(0, kSanitized ? 60'000 : 12'000);
  int before_its_end = 0;
  int handed = 0;
  for (int i = 0; i < kTimes; ++i) {
    Killed upgrade(on_ports_of_its_own(backend));
    const auto until = Clock::now() + std::chrono::microseconds(microseconds(random));
    const bool is_by_chance = i % 2 == 0;
    while (Clock::now() < (is_by_chance ? until : until + kPatience)) {
      if (upgrade.has_sockets() && !is_by_chance) break;
    }
    if (upgrade.kill_and_expect_service()) ++handed;
    if (!upgrade.was_over()) ++before_its_end;
  }
  RecordProperty("killed_after_the_sockets_were_handed_over", std::to_string(handed));
  RecordProperty("killed_before_the_end_of_the_upgrade", std::to_string(before_its_end));
  EXPECT_GE(handed, kTimes / 2) << "it was killed when the new one had them";
  EXPECT_GT(before_its_end, 0) << "the moments were all too late";
}

TEST(Upgrade, OneThatHasNotBeenHandedTheSocketsStartsLikeAnyOtherWhenTheOldOneIsKilled) {
  // What is told of so many backends is more than waits in a socket, and the listening sockets come after it.
  const std::string name = "-" + std::string(50, 'x');
  std::size_t waits = 0;
  std::ifstream("/proc/sys/net/core/wmem_default") >> waits;
  const std::size_t backends = 2 * waits / name.size();
  if (backends > 10'000) GTEST_SKIP() << "NOT CHECKED: " << waits << " bytes wait in a socket here";
  Backend backend(echo());
  const OwnCopy copy;
  const TemporaryDirectory directory;
  Configuration configuration = on_ports_of_its_own(backend);
  configuration.pool = "policy = \"first\"\n";
  for (std::size_t i = 1; i < backends; ++i) {
    const std::string port = std::to_string(i);
    configuration.backends.push_back(entry(address_of("127.1.0.1:" + port), port + name));
  }
  Upgraded weir(copy.on(configuration));
  const Socket session = served_and_open(*weir, "127.0.0.1");
  const std::set<std::string> sockets = listening_sockets(weir->address().port());
  ASSERT_FALSE(sockets.empty());
  copy.replace_by_script("while [ ! -e " + directory.file("go") +
                         " ]; do sleep 0.01; done\nexec " WEIR_BINARY " \"$@\"");
  weir.signal(SIGUSR2);
  const pid_t successor = weir.next_child();
  weir->kill();
  EXPECT_TRUE(eventually([&] { return is_refused(weir->address()); })) << "the new one has been handed them";
  directory.write("go", "");
  EXPECT_TRUE(eventually([&] { return serves_a_client(weir->address()); })) << weir->child().output();
  EXPECT_FALSE(has_one_of(successor, sockets));
  EXPECT_EQ(weir->admin().get("/ready").status, 200);
  ::kill(successor, SIGTERM);
  EXPECT_EQ(weir.wait(successor)->status, kClean);
  EXPECT_EQ(weir->child().wait()->signal, SIGKILL);
}

TEST(Upgrade, ListenersAndWorkersMayBecomeOthersByIt) {
  Backend backend(names_itself("a"));
  Configuration configuration = served_by(backend.address());
  const std::string first =
      "[listeners.first]\nbind = \"" + free_address().to_string() + "\"\npool = \"web\"\n";
  const base::Address second = free_address();
  configuration.rest = first;
  Upgraded weir(configuration);
  const base::Address gone = weir->address("first");
  EXPECT_EQ(says(gone), "a");
  configuration.rest = "[listeners.second]\nbind = \"" + second.to_string() + "\"\npool = \"web\"\n";
  for (const unsigned workers : {4u, 1u, 3u}) {
    configuration.workers = workers;
    weir.write(configuration.to_toml());
    weir.well();
    EXPECT_EQ(says(second), "a");
    EXPECT_TRUE(eventually([&] { return is_refused(gone); }));
    for (int i = 0; i < 20; ++i) EXPECT_EQ(says(weir->address()), "a");
  }
}

// What the new process binds lies in the way of what the old one has, so that it can listen only when it has
// taken over.
TEST(Upgrade, AnAddressMayBecomeAWiderOrANarrowerOne) {
  Backend backend(echo());
  const auto at = [](const char* host, const base::Address& address) {
    return std::string(host) + ":" + std::to_string(address.port());
  };
  const std::pair<const char*, const char*> changes[] = {
      {"0.0.0.0", "127.0.0.1"}, {"127.0.0.1", "0.0.0.0"}, {"[::]", "0.0.0.0"}, {"[::]", "127.0.0.1"}};
  for (const auto& [before, after] : changes) {
    if (*before == '[' && !std::filesystem::exists("/proc/net/if_inet6")) {
      std::printf("NOT CHECKED: %s to %s, since there is no IPv6 here\n", before, after);
      continue;
    }
    const base::Address address = free_address();
    Configuration configuration = served_by(backend.address());
    configuration.bind = at(before, address);
    configuration.listener = "v6only = false\n";
    Upgraded weir(configuration);
    EXPECT_TRUE(serves_a_client(address)) << before;
    Comers comers(address, 2);
    configuration.bind = at(after, address);
    weir.write(configuration.to_toml());
    weir.well();
    const std::uint64_t served = comers.served();
    EXPECT_TRUE(eventually([&] { return comers.served() > served + 20; })) << before << " to " << after;
    EXPECT_EQ(weir->wait().value_or(Exit{}).status, kClean) << "the old one, which has no sessions";
    EXPECT_TRUE(serves_a_client(address));
    comers.stop();
    EXPECT_EQ(comers.failed(), 0u) << before << " to " << after;
  }
}

TEST(Upgrade, AUnixSocketKeepsItsPathUntilTheLastOneEnds) {
  Backend backend(echo());
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(backend.address());
  configuration.bind = "unix:" + directory.file("s");
  configuration.admin = "unix:" + directory.file("admin");
  Upgraded weir(configuration);
  struct stat before {};
  ASSERT_EQ(::stat(directory.file("s").c_str(), &before), 0);
  weir.write("nonsense");
  weir.badly();
  EXPECT_TRUE(serves_a_client(weir->address())) << "one that failed takes no path with it";
  EXPECT_EQ(weir->admin().get("/ready").status, 200);
  weir.write(configuration.to_toml());
  for (int i = 0; i < 2; ++i) {
    const pid_t successor = weir.well();
    if (i == 0) {
      EXPECT_EQ(weir->wait()->status, kClean);
    }
    struct stat after {};
    ASSERT_EQ(::stat(directory.file("s").c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before.st_ino);
    EXPECT_TRUE(serves_a_client(weir->address()));
    EXPECT_EQ(weir->admin().get("/ready").status, 200);
    if (i == 0) continue;
    ::kill(successor, SIGTERM);
    EXPECT_EQ(weir.wait(successor)->status, kClean);
  }
  EXPECT_FALSE(std::filesystem::exists(directory.file("s")));
  EXPECT_FALSE(std::filesystem::exists(directory.file("admin")));
}

// Nobody could come in by the old one any more.
TEST(Upgrade, AnAdminDoorWhosePathIsGoneIsMadeAnew) {
  Backend backend(echo());
  const TemporaryDirectory directory;
  give_to_test_user(directory.path());
  Configuration configuration = served_by(backend.address());
  configuration.admin = "unix:" + directory.file("admin");
  Upgraded weir(configuration);
  EXPECT_EQ(weir->admin().get("/ready").status, 200);
  std::filesystem::remove(directory.file("admin"));
  weir.well();
  ASSERT_TRUE(std::filesystem::exists(directory.file("admin")));
  EXPECT_EQ(weir->admin().get("/ready").status, 200);
  EXPECT_EQ(weir->wait()->status, kClean);
  EXPECT_EQ(weir->admin().get("/ready").status, 200) << "the end of the old one takes nothing along";
}

TEST(Upgrade, TheAdminDoorIsNeverShutAndNeverUnready) {
  Backend backend(echo());
  Upgraded weir(served_by(backend.address()));
  std::vector<Socket> sessions;
  std::atomic<bool> is_over{false};
  std::atomic<int> failed{0};
  std::atomic<int> answered{0};
  Background scraper([&] {
    while (!is_over) {
      try {
        (weir->admin().get("/ready").status == 200 ? answered : failed) += 1;
      } catch (const std::exception&) {
        failed += 1;
      }
    }
  });
  for (int i = 0; i < 4; ++i) {
    // Its process goes on beside the next.
    sessions.push_back(served_and_open(*weir, "127.0.0.1"));
    weir.well();
  }
  is_over = true;
  scraper.join();
  EXPECT_EQ(failed, 0) << "of " << answered + failed;
  EXPECT_GT(answered, 0);
}

TEST(Upgrade, AReloadThatIsAskedForMeanwhileIsDoneByWhoeverServesThen) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  const OwnCopy copy;
  Upgraded weir(copy.on(served_by(a.address())));
  copy.replace_by_script("sleep 0.2; exit 1");
  weir.signal(SIGUSR2);
  const pid_t failing = weir.next_child();
  weir.write(served_by(b.address(), "b").to_toml());
  weir.signal(SIGHUP);
  EXPECT_EQ(weir.wait(failing)->status, 1);
  EXPECT_TRUE(weir->wait_for_event("reload").has_value());
  EXPECT_EQ(says(weir->address()), "b");
}

TEST(Upgrade, IsRefusedForProcessOneOfAContainer) {
  if (::geteuid() != 0) GTEST_SKIP() << "NOT CHECKED: only root can make a namespace of processes";
  Backend backend(echo());
  const TemporaryDirectory directory;
  Configuration configuration = served_by(backend.address());
  const std::string file = directory.write("weir.toml", configuration.to_toml());
  ChildProcess outer({"/usr/bin/unshare", "--pid", "--fork", "--kill-child", WEIR_BINARY, "run", file},
                     weir_options());
  const auto told = [&](const std::string& part) {
    return outer.wait_for_line([&](const std::string& line) { return line.find(part) != std::string::npos; });
  };
  ASSERT_TRUE(told(" ready ").has_value()) << outer.output();
  pid_t inner = 0;
  std::ifstream("/proc/" + std::to_string(outer.pid()) + "/task/" + std::to_string(outer.pid()) +
                "/children") >>
      inner;
  ASSERT_GT(inner, 0);
  ::kill(inner, SIGUSR2);
  const auto refused = told("refused: ");
  ASSERT_TRUE(refused.has_value()) << outer.output();
  EXPECT_THAT(*refused, HasSubstr("as process 1 of a container Weir cannot hand over"));
  ::kill(inner, SIGTERM);
  EXPECT_TRUE(outer.wait().has_value());
}

}  // namespace
}  // namespace weir::test
