// Started as root with `user` set: everything works with the rights of that user, and only those rights are
// left that the configuration needs.
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "support/backend.h"
#include "support/other_user.h"
#include "support/parallel.h"
#include "support/process_facts.h"
#include "support/upgraded.h"

namespace weir::test {
namespace {

constexpr std::uint64_t kNetBindService = 1u << 10;  // capability(7), number 10
constexpr std::uint64_t kNetRaw = 1u << 13;          // number 13

class ChangedUser : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can change the user: run this as root too";
    if (const auto why = why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    nobody_ = ::getpwnam("nobody");
    ASSERT_NE(nobody_, nullptr);
    options_ = weir_options_for_user();
  }

  Configuration configuration_for(std::initializer_list<const Backend*> backends) const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.process = "user = \"nobody\"\n";
    for (const Backend* backend : backends) configuration.backends.push_back(entry(backend->address()));
    return configuration;
  }

  // Every thread runs as nobody and holds `rights` and no other capability, in any set.
  void expect_rights(pid_t pid, std::uint64_t rights) const {
    std::istringstream users(status_field(pid, "Uid"));
    std::istringstream groups(status_field(pid, "Gid"));
    for (int i = 0; i < 4; ++i) {
      uid_t user = 0;
      gid_t group = 0;
      users >> user;
      groups >> group;
      EXPECT_EQ(user, nobody_->pw_uid);
      EXPECT_EQ(group, nobody_->pw_gid);
    }
    for (const char* set : {"CapEff", "CapPrm"}) {
      EXPECT_EQ(std::stoull(status_field(pid, set), nullptr, 16), rights) << set;
    }
    for (const char* set : {"CapInh", "CapAmb"}) {
      EXPECT_EQ(std::stoull(status_field(pid, set), nullptr, 16), 0u) << set;
    }
  }

  const passwd* nobody_ = nullptr;
  ChildOptions options_;
};

TEST_F(ChangedUser, SpreadsExactlyAndHoldsNoRights) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  WeirProcess weir(configuration_for({&a, &b}), options_);
  expect_rights(weir.pid(), 0);
  in_parallel(4, 100, [&](std::size_t) {
    Socket client = weir.connect();
    client.send_all("?");
    client.receive_exactly(1);
  });
  EXPECT_EQ(a.accepted(), 50u);
  EXPECT_EQ(b.accepted(), 50u);
  EXPECT_EQ(weir.wait_for_sessions(100).size(), 100u);
  EXPECT_EQ(weir.stop(), kClean);
}

TEST_F(ChangedUser, DrainsAndCuts) {
  Backend backend(echo());
  Configuration configuration = configuration_for({&backend});
  configuration.process += "drain_timeout = \"300ms\"\n";
  WeirProcess weir(configuration, options_);
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
}

TEST_F(ChangedUser, HalfClosesAndPassesResetsOn) {
  const std::string answer = pattern(200'000);
  Backend backend(answers_after_end(answer));
  const WeirProcess weir(configuration_for({&backend}), options_);
  Socket client = weir.connect();
  client.send_all("request");
  client.end_stream();
  EXPECT_TRUE(client.receive_until_end().bytes == answer);
  EXPECT_EQ(weir.wait_for_session_of(client.local()).text("reason"), "client_end");
  Socket second = weir.connect();
  const base::Address address = second.local();
  second.reset();
  EXPECT_EQ(weir.wait_for_session_of(address).text("reason"), "client_reset");
}

// A privileged port that is free now.
std::optional<base::Address> free_privileged_address() {
  for (std::uint16_t port = 1023; port > 600; --port) {
    try {
      return Listener(address_of("127.0.0.1:" + std::to_string(port))).address();
    } catch (const SocketError&) {
      // Taken.
    }
  }
  return std::nullopt;
}

TEST_F(ChangedUser, BindsAPrivilegedPortWithThatOneRight) {
  const auto free = free_privileged_address();
  ASSERT_TRUE(free.has_value());
  Backend backend(names_itself("backend"));
  Configuration configuration = configuration_for({&backend});
  configuration.bind = free->to_string();
  const WeirProcess weir(configuration, options_);
  expect_rights(weir.pid(), kNetBindService);
  Socket client = weir.connect();
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(7), "backend");
}

TEST_F(ChangedUser, AnUpgradeKeepsThatRightAndPassesItOnNoFurther) {
  const auto free = free_privileged_address();
  ASSERT_TRUE(free.has_value());
  Backend backend(names_itself("backend"));
  Configuration configuration = configuration_for({&backend});
  configuration.bind = free->to_string();
  Upgraded weir(configuration, options_);
  const auto more = free_privileged_address();
  ASSERT_TRUE(more.has_value());
  configuration.rest = "[listeners.more]\nbind = \"" + more->to_string() + "\"\npool = \"web\"\n";
  weir.write(configuration.to_toml());
  for (int i = 0; i < 2; ++i) {
    expect_rights(weir.well(), kNetBindService);
    for (const base::Address& address : {*free, *more}) {
      Socket client = Socket::connect(address);
      client.send_all("?");
      EXPECT_EQ(client.receive_exactly(7), "backend");
    }
  }
}

TEST_F(ChangedUser, ConnectsFromClientsAddressesWithThatOneRight) {
  Backend backend(names_its_client());
  Configuration configuration = configuration_for({&backend});
  configuration.pool = "transparent = true\n";
  const WeirProcess weir(configuration, options_);
  expect_rights(weir.pid(), kNetRaw);
  Socket::Options from_another;
  from_another.source = address_of("127.0.0.7:0");
  Socket client = weir.connect(from_another);
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(9), "127.0.0.7");
}

TEST_F(ChangedUser, OpensTheAdminDoorOnAPrivilegedPort) {
  const auto free = free_privileged_address();
  ASSERT_TRUE(free.has_value());
  Backend backend(names_itself("backend"));
  Configuration configuration = configuration_for({&backend});
  configuration.admin = free->to_string();
  const WeirProcess weir(configuration, options_);
  EXPECT_EQ(weir.admin().address(), *free);
  EXPECT_EQ(weir.admin().get("/ready").status, 200);
}

TEST_F(ChangedUser, ServesAUnixSocketInAFolderOfThatUserAndRemovesItsPath) {
  const TemporaryDirectory directory;
  ASSERT_EQ(::chown(directory.path().c_str(), nobody_->pw_uid, nobody_->pw_gid), 0);
  const std::string path = directory.file("web.sock");
  Backend backend(names_itself("backend"));
  Configuration configuration = configuration_for({&backend});
  configuration.bind = "unix:" + path;
  configuration.admin = "unix:" + directory.file("admin.sock");
  configuration.log = "output = \"" + directory.file("weir.log") + "\"\n";
  ChildProcess weir({WEIR_BINARY, "run", directory.write("weir.toml", configuration.to_toml())}, options_);
  Socket client;
  ASSERT_TRUE(eventually([&] { return Socket::try_connect(address_of(configuration.bind), client) == 0; }))
      << weir.output();
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(7), "backend");
  client.close();
  for (const std::string& made : {path, directory.file("admin.sock"), directory.file("weir.log")}) {
    struct stat status {};
    EXPECT_EQ(::stat(made.c_str(), &status), 0) << made;
    EXPECT_EQ(status.st_uid, nobody_->pw_uid) << made;
  }
  weir.signal(SIGTERM);
  const auto exit = weir.wait();
  ASSERT_TRUE(exit.has_value());
  EXPECT_EQ(exit->status, kClean) << exit->to_string() << weir.output();
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(ChangedUser, AFolderThatTheUserMayNotWriteToIsAnErrorAtStart) {
  const TemporaryDirectory directory;  // root's
  Backend backend(echo());
  Configuration configuration = configuration_for({&backend});
  configuration.bind = "unix:" + directory.file("web.sock");
  const WeirRun run = run_weir_on(configuration.to_toml(), options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_NE(run.output.find(directory.path()), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("nobody"), std::string::npos) << run.output;
}

TEST_F(ChangedUser, AUserThatDoesNotExistIsAnErrorAtStart) {
  Backend backend(echo());
  Configuration configuration = configuration_for({&backend});
  configuration.process = "user = \"no-such-user\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml(), options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_NE(run.output.find("no-such-user"), std::string::npos) << run.output;
}

}  // namespace
}  // namespace weir::test
