// What a service manager hears of Weir by the protocol of sd_notify(3), on a socket of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "support/backend.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

class ServiceManager : public testing::Test {
 protected:
  ServiceManager() {
    sockaddr_un name{};
    name.sun_family = AF_UNIX;
    path_.copy(name.sun_path, sizeof(name.sun_path) - 1);
    socket_ = base::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&name), sizeof(name)), 0);
    // Weir may run as another user.
    std::filesystem::permissions(path_, std::filesystem::perms::all);
  }

  // The next message; empty when none comes in that time.
  std::string hear(Millis patience = kPatience) {
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(patience.count())) <= 0) return "";
    char text[4096];
    const ssize_t size = ::recv(socket_.get(), text, sizeof(text), 0);
    return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
  }
  // The same, alive signs left out.
  std::string hear_news() {
    std::string news = hear();
    while (news == kAlive) news = hear();
    return news;
  }
  ChildOptions options() const {
    ChildOptions options = weir_options();
    options.environment.emplace_back("NOTIFY_SOCKET", path_);
    return options;
  }
  Configuration configuration() const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend_.address())};
    return configuration;
  }

  static bool ends_clean(WeirProcess& weir) {
    const auto exit = weir.wait();
    return exit.has_value() && exit->status == kClean;
  }

  static constexpr const char* kAlive = "WATCHDOG=1";
  const TemporaryDirectory directory_;
  const std::string path_ = directory_.file("notify");
  base::UniqueFd socket_;
  Backend backend_{echo()};
};

TEST_F(ServiceManager, HearsThatWeirIsReadyOnceItServesAndThatItStops) {
  WeirProcess weir(configuration(), options());
  EXPECT_EQ(hear(), "READY=1\nSTATUS=serving; listeners: 1, pools: 1, workers: 2");
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  weir.terminate();
  EXPECT_EQ(hear(), "STOPPING=1\nSTATUS=stopping, when its sessions have ended");
  client.close();
  EXPECT_TRUE(ends_clean(weir));
  EXPECT_EQ(hear(Millis(0)), "") << "it asked for no watchdog";
}

TEST_F(ServiceManager, HearsNothingOfAStartThatFails) {
  Configuration configuration = this->configuration();
  configuration.bind = backend_.address().to_string();
  EXPECT_EQ(run_weir_on(configuration.to_toml(), options()).exit.status, kNotStarted);
  EXPECT_EQ(hear(Millis(0)), "");
}

TEST_F(ServiceManager, HearsOfAReloadWhateverComesOfIt) {
  WeirProcess weir(configuration(), options());
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  Configuration other = configuration();
  other.workers = 3;
  std::ofstream(weir.config_path()) << other.to_toml();
  weir.child().signal(SIGHUP);
  EXPECT_THAT(hear(), testing::StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_EQ(hear(), "READY=1\nSTATUS=serving; listeners: 1, pools: 1, workers: 3");
  std::ofstream(weir.config_path()) << "not TOML";
  weir.child().signal(SIGHUP);
  EXPECT_THAT(hear(), testing::StartsWith("RELOADING=1"));
  EXPECT_EQ(hear(), "READY=1\nSTATUS=serving; listeners: 1, pools: 1, workers: 3");
  EXPECT_EQ(weir.stop(), kClean);
}

TEST_F(ServiceManager, HearsThatWeirIsAliveWhileItsWorkersComeAndGo) {
  ChildOptions watched = options();
  watched.environment.emplace_back("WATCHDOG_USEC", "400000");
  WeirProcess weir(configuration(), watched);
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  Configuration other = configuration();
  for (const unsigned workers : {4u, 1u, 3u}) {
    other.workers = workers;
    std::ofstream(weir.config_path()) << other.to_toml();
    weir.child().signal(SIGHUP);
    EXPECT_THAT(hear_news(), testing::StartsWith("RELOADING=1"));
    EXPECT_THAT(hear_news(), testing::HasSubstr("workers: " + std::to_string(workers)));
    for (int i = 0; i < 4; ++i) EXPECT_EQ(hear(), kAlive);
  }
}

// The thread of that name.
pid_t thread_of(pid_t process, const std::string& name) {
  const std::string tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks)) {
    std::ifstream file(task.path() / "comm");
    std::string comm;
    std::getline(file, comm);
    if (comm == name) return std::stoi(task.path().filename());
  }
  ADD_FAILURE() << "no thread " << name;
  return 0;
}

TEST_F(ServiceManager, HearsThatWeirIsAliveAsLongAsEachWorkerIs) {
  ChildOptions watched = options();
  watched.environment.emplace_back("WATCHDOG_USEC", "400000");
  WeirProcess weir(configuration(), watched);
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear(), kAlive);

  const pid_t worker = thread_of(weir.pid(), "worker-1");
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, worker, nullptr, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, worker, nullptr, nullptr), 0);
  ASSERT_EQ(::waitpid(worker, nullptr, __WALL), worker);
  // What was under way when it stopped may still be told.
  std::size_t signs = 0;
  while (!hear(Millis(1'000)).empty()) ASSERT_LE(++signs, 10u);
  EXPECT_EQ(weir.admin().get("/ready").status, 200) << "the others turn";
  ASSERT_EQ(::ptrace(PTRACE_DETACH, worker, nullptr, nullptr), 0);
  EXPECT_EQ(hear(), kAlive);
  weir.terminate();
  EXPECT_THAT(hear_news(), testing::StartsWith("STOPPING=1"));
  EXPECT_TRUE(ends_clean(weir));
}

TEST_F(ServiceManager, HearsThatWeirIsAliveWhileItDrains) {
  ChildOptions watched = options();
  watched.environment.emplace_back("WATCHDOG_USEC", "400000");
  WeirProcess weir(configuration(), watched);
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  weir.terminate();
  EXPECT_THAT(hear_news(), testing::StartsWith("READY=1"));
  EXPECT_THAT(hear_news(), testing::StartsWith("STOPPING=1"));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(hear(), kAlive);
  client.close();
  EXPECT_TRUE(ends_clean(weir));
}

}  // namespace
}  // namespace weir::test
