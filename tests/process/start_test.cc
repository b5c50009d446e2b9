// Starts that must not succeed: each ends with status 1 and words that help, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "support/backend.h"
#include "support/other_user.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string any_backend() { return "\"127.0.0.1:9\""; }

// A file that takes its port from the environment, so that one file can be run with and without a free port.
std::string portable_file(unsigned workers) {
  Configuration configuration;
  configuration.workers = workers;
  configuration.bind = "127.0.0.1:${WEIR_TEST_PORT:-0}";
  configuration.backends = {any_backend()};
  return configuration.to_toml();
}

class SecondRun : public testing::TestWithParam<unsigned> {};

TEST_P(SecondRun, OfTheSameFileFailsAndNamesTheAddress) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("weir.toml", portable_file(GetParam()));
  const WeirProcess first(WeirProcess::File{file});

  ChildOptions options = weir_options();
  options.environment.emplace_back("WEIR_TEST_PORT", std::to_string(first.address().port()));
  const WeirRun second = run_weir({"run", file}, options);
  EXPECT_EQ(second.exit.status, kNotStarted);
  EXPECT_THAT(second.output, HasSubstr(first.address().to_string()));
  EXPECT_THAT(second.output, HasSubstr("already in use"));
  EXPECT_THAT(second.output, HasSubstr(file + ":"));  // with the line that asks for it
  EXPECT_EQ(first.admin().get("/ready").status, 200);
}

INSTANTIATE_TEST_SUITE_P(Workers, SecondRun, testing::Values(1u, 2u),
                         [](const auto& test) { return "With" + std::to_string(test.param) + "Workers"; });

TEST(UnixSocketInTheWay, IsReplacedWhenNobodyAnswersOnIt) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("weir.sock");
  Listener(address_of("unix:" + path)).close();  // a process that died leaves this behind
  ASSERT_TRUE(std::filesystem::is_socket(path));

  Backend backend(names_itself("backend"));
  Configuration configuration;
  configuration.bind = "unix:" + path;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(7), "backend");
}

TEST(UnixSocketInTheWay, IsAnErrorAndStaysWhenSomebodyAnswersOnIt) {
  const TemporaryDirectory directory;
  const base::Address address = address_of("unix:" + directory.file("weir.sock"));
  Listener other(address);
  Configuration configuration;
  configuration.bind = address.to_string();
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(address.path()));
  EXPECT_THAT(run.output, HasSubstr("already in use"));
  other.accept();  // Weir's look whether somebody answers
  Socket client = Socket::connect(address);
  EXPECT_TRUE(other.accept());
}

TEST(UnixSocketInTheWay, AFileThatIsNoSocketIsAnErrorAndStays) {
  const TemporaryDirectory directory;
  const std::string path = directory.write("precious", "data");
  Configuration configuration;
  configuration.bind = "unix:" + path;
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(path));
  std::string kept;
  std::ifstream(path) >> kept;
  EXPECT_EQ(kept, "data");
}

TEST(BadStart, APortThatIsTakenIsNamedAndTheOtherListenersAreTakenBack) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("other.sock");
  const Listener holder;
  Configuration configuration;
  configuration.bind = "unix:" + path;
  configuration.backends = {any_backend()};
  configuration.rest = "[listeners.taken]\nbind = \"" + holder.address().to_string() + "\"\npool = \"web\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("listener \"taken\""));
  EXPECT_THAT(run.output, HasSubstr(holder.address().to_string()));
  EXPECT_FALSE(std::filesystem::exists(path)) << "half-started";
}

TEST(BadStart, EveryAddressThatIsTakenIsNamedAtOnce) {
  const Listener one;
  const Listener two;
  Configuration configuration;
  configuration.bind = one.address().to_string();
  configuration.backends = {any_backend()};
  configuration.rest = "[listeners.other]\nbind = \"" + two.address().to_string() + "\"\npool = \"web\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(one.address().to_string()));
  EXPECT_THAT(run.output, HasSubstr(two.address().to_string()));
}

TEST(BadStart, ALogThatCannotBeWrittenIsNamedWithItsPlaceAndACheckFindsIt) {
  const TemporaryDirectory directory;
  Configuration configuration;
  configuration.backends = {any_backend()};
  configuration.log = "output = \"" + directory.path() + "\"\n";
  const std::string file = directory.write("weir.toml", configuration.to_toml());
  for (const std::string command : {"run", "check"}) {
    const WeirRun run = run_weir({command, file});
    EXPECT_EQ(run.exit.status, kNotStarted) << command;
    EXPECT_THAT(run.output, HasSubstr(file + ":5:10: error: the log " + directory.path() + " is a folder"));
  }
}

TEST(BadStart, ALogThatIsAPipeWithoutAReaderDoesNotHangTheStart) {
  const TemporaryDirectory directory;
  const std::string pipe = directory.file("log");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0666), 0);
  Configuration configuration;
  configuration.backends = {any_backend()};
  configuration.log = "output = \"" + pipe + "\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted) << run.exit.to_string();
  EXPECT_THAT(run.output,
              HasSubstr("weir.toml:5:10: error: open the log " + pipe + ": it is a pipe that nobody reads"));
}

TEST(BadStart, AnAdminPortThatIsTakenIsNamedAndTheListenersAreTakenBack) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("web.sock");
  const Listener holder;
  Configuration configuration;
  configuration.bind = "unix:" + path;
  configuration.admin = holder.address().to_string();
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("admin"));
  EXPECT_THAT(run.output, HasSubstr(holder.address().to_string()));
  EXPECT_THAT(run.output, testing::Not(HasSubstr(" ready ")));
  EXPECT_FALSE(std::filesystem::exists(path)) << "half-started";
}

TEST(BadStart, AMissingFileIsNamed) {
  const TemporaryDirectory directory;
  const std::string path = directory.file("not-there.toml");
  const WeirRun run = run_weir({"run", path});
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(path));
  EXPECT_THAT(run.output, HasSubstr("does not exist"));
}

TEST(BadStart, ABackendThatIsAListenerOfTheSameProcessIsALoop) {
  Configuration configuration;
  // A port that was free a moment ago; nothing is bound before the loop is found.
  const std::string address = Listener().address().to_string();
  configuration.bind = address;
  configuration.backends = {"\"" + address + "\""};
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(address));
  EXPECT_THAT(run.output, HasSubstr("loop"));
}

std::string toml_of_unix_loop(const std::string& listener, const std::string& backend) {
  Configuration configuration;
  configuration.bind = "unix:" + listener;
  configuration.backends = {"\"unix:" + backend + "\""};
  return configuration.to_toml();
}

TEST(BadStart, ABackendThatIsAUnixListenerSpeltInAnotherWayIsALoop) {
  const TemporaryDirectory directory;
  const std::string name = std::filesystem::path(directory.path()).filename();
  const std::string toml =
      toml_of_unix_loop(directory.file("w.sock"), directory.path() + "/../" + name + "/w.sock");
  const std::string file = directory.write("weir.toml", toml);
  for (const char* command : {"check", "run"}) {
    const WeirRun run = run_weir({command, file});
    EXPECT_EQ(run.exit.status, kNotStarted) << command;
    EXPECT_THAT(run.output, HasSubstr("loop")) << command;
  }
}

TEST(BadStart, ABackendThatIsAUnixListenerBehindASymbolicLinkIsALoop) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory.file("real"));
  std::filesystem::create_directory_symlink(directory.file("real"), directory.file("link"));
  const WeirRun run =
      run_weir_on(toml_of_unix_loop(directory.file("real/w.sock"), directory.file("link/w.sock")));
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("loop"));
}

TEST(BadStart, EveryProblemOfAFileIsReportedAtOnceWithItsLine) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("weir.toml",
                                           "[listeners.web]\n"
                                           "bind = \"127.0.0.1:99999\"\n"
                                           "pool = \"nowhere\"\n"
                                           "idle_timout = \"3s\"\n"
                                           "[pools.web]\n"
                                           "backends = []\n");
  const WeirRun run = run_weir({"run", file});
  EXPECT_EQ(run.exit.status, kNotStarted);
  for (const char* place : {":2:", ":3:", ":4:", ":6:"}) EXPECT_THAT(run.output, HasSubstr(file + place));
  EXPECT_THAT(run.output, HasSubstr("idle_timeout"));  // the nearest key
}

TEST(BadStart, TooFewDescriptorsForOneConnectionIsAnError) {
  Configuration configuration;
  configuration.backends = {any_backend()};
  ChildOptions options = weir_options();
  options.descriptors = 24;
  const WeirRun run = run_weir_on(configuration.to_toml(), options);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("descriptors"));
}

TEST(BadStart, ALogThatCannotBeWrittenIsNamed) {
  Configuration configuration;
  configuration.backends = {any_backend()};
  configuration.log = "output = \"/nonexistent/weir.log\"\n";
  const WeirRun run = run_weir_on(configuration.to_toml());
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("/nonexistent"));
}

TEST(BadStart, AWrongCommandLineEndsWithStatusTwo) {
  EXPECT_EQ(run_weir({"run"}).exit.status, 2);
  EXPECT_EQ(run_weir({"walk"}).exit.status, 2);
}

// What only somebody without root's rights meets.
class AsNobody : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) return;  // nobody already
    if (const auto why = why_no_other_user()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    const passwd* nobody = ::getpwnam("nobody");
    ASSERT_NE(nobody, nullptr);
    options_.user = {nobody->pw_uid, nobody->pw_gid};
  }

  ChildOptions options_ = weir_options();
};

TEST_F(AsNobody, AFileThatMayNotBeReadIsNamed) {
  const TemporaryDirectory directory;
  const std::string file = directory.write("weir.toml", "");
  ::chmod(file.c_str(), 0);
  const WeirRun run = run_weir({"run", file}, options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(file));
  EXPECT_THAT(run.output, HasSubstr("permission denied"));
}

TEST_F(AsNobody, APrivilegedPortIsAnErrorThatSaysWhichRightIsMissing) {
  Configuration configuration;
  configuration.bind = "127.0.0.1:80";
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir_on(configuration.to_toml(), options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("80"));
  EXPECT_THAT(run.output, HasSubstr("CAP_NET_BIND_SERVICE"));
}

TEST_F(AsNobody, APrivilegedAdminPortIsAnErrorThatACheckFinds) {
  const TemporaryDirectory directory;
  Configuration configuration;
  configuration.admin = "127.0.0.1:80";
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir({"check", directory.write("weir.toml", configuration.to_toml())}, options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("admin"));
  EXPECT_THAT(run.output, HasSubstr("80"));
  EXPECT_THAT(run.output, HasSubstr("CAP_NET_BIND_SERVICE"));
}

TEST_F(AsNobody, BecomingAnotherUserIsAnError) {
  Configuration configuration;
  configuration.process = "user = \"root\"\n";
  configuration.backends = {any_backend()};
  const WeirRun run = run_weir_on(configuration.to_toml(), options_);
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr("only root can become"));
}

// A limit of the user's threads, as a container has one too: nothing is half-started.
TEST_F(AsNobody, ThreadsThatTheSystemRefusesAreAnErrorAndEverythingIsTakenBack) {
  if (kSanitized) GTEST_SKIP() << "NOT CHECKED here: the sanitizer starts a thread of its own";
  const TemporaryDirectory directory;
  ASSERT_EQ(::chmod(directory.path().c_str(), 0777), 0);
  Configuration configuration;
  configuration.workers = 30;
  configuration.bind = "unix:" + directory.file("web.sock");
  configuration.admin = "unix:" + directory.file("admin.sock");
  configuration.backends = {any_backend()};
  const std::string file = directory.write("weir.toml", configuration.to_toml());
  // A user of the test's own: the limit counts the threads of all that a user runs.
  const uid_t own = 20'000 + static_cast<uid_t>(::getpid()) % 40'000;
  options_.user = {own, own};
  for (const rlim_t most : {rlim_t{1}, rlim_t{8}}) {
    options_.processes = most;
    const WeirRun run = run_weir({"run", file}, options_);
    EXPECT_EQ(run.exit.status, kNotStarted) << run.exit.to_string();
    EXPECT_THAT(run.output, HasSubstr("cannot be started"));
    EXPECT_THAT(run.output, HasSubstr("ulimit -u"));
    EXPECT_THAT(run.output, HasSubstr("weir: not started"));
    EXPECT_THAT(run.output, Not(HasSubstr(" ready")));
    EXPECT_NE(::access(directory.file("web.sock").c_str(), F_OK), 0);
    EXPECT_NE(::access(directory.file("admin.sock").c_str(), F_OK), 0);
  }
}

TEST_F(AsNobody, AnOrdinaryPortIsServed) {
  Backend backend(names_itself("backend"));
  Configuration configuration;
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration, options_);
  Socket client = weir.connect();
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(7), "backend");
}

TEST(Memory, ThatCannotBeHadForATableOfClientsIsAnError) {
  if (kSanitized) GTEST_SKIP() << "NOT CHECKED here: the sanitizer maps far more than any limit allows";
  Configuration configuration;
  configuration.backends = {any_backend()};
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 1\nclient_table_size = 8000000\n";
  ChildOptions options = weir_options();
  options.memory = rlim_t{400} << 20;
  const WeirRun run = run_weir_on(configuration.to_toml(), options);
  EXPECT_EQ(run.exit.status, kNotStarted) << run.exit.to_string();
  EXPECT_THAT(run.output,
              HasSubstr("there is no memory for a table of clients: client_table_size = 8000000"));
}

}  // namespace
}  // namespace weir::test
