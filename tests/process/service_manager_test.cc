// What a service manager hears of Weir by the protocol of sd_notify(3), on a socket of the test's own.
#include <fcntl.h>
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
#include <tuple>

#include "support/backend.h"
#include "support/listener.h"
#include "support/upgraded.h"

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
  // A program that is Weir with these sockets, as systemd starts it.
  std::string start_with(int web, int other) const {
    for (const int fd : {web, other}) EXPECT_EQ(::fcntl(fd, F_SETFD, 0), 0);
    const std::string script = directory_.write(
        "start", "#!/bin/bash\nexec 3<&" + std::to_string(web) + " 4<&" + std::to_string(other) +
                     "\nLISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:other exec " WEIR_BINARY " \"$@\"\n");
    std::filesystem::permissions(script, std::filesystem::perms(0755));
    return script;
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

TEST_F(ServiceManager, HearsOfANewMainProcessBeforeThatOneSpeaks) {
  ChildOptions watched = options();
  watched.environment.emplace_back("WATCHDOG_USEC", "400000");
  // Who it is, as systemd says it.
  const int on = 1;
  ASSERT_EQ(::setsockopt(socket_.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
  Upgraded weir(configuration(), watched);
  const pid_t first = weir.pid();
  const auto hear_of = [this] {
    std::string text(4096, '\0');
    iovec data{text.data(), text.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    pollfd waiting{socket_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, static_cast<int>(kPatience.count())) <= 0) return std::pair<pid_t, std::string>();
    const ssize_t size = ::recvmsg(socket_.get(), &message, 0);
    ucred who{};
    std::memcpy(&who, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(who));
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    return std::pair(who.pid, text);
  };
  EXPECT_THAT(hear_of().second, testing::StartsWith("READY=1"));
  Socket session = weir->connect();
  session.send_all("x");
  EXPECT_EQ(session.receive_exactly(1), "x");
  const pid_t successor = weir.well();
  auto [who, text] = hear_of();
  while (text == kAlive) {
    EXPECT_EQ(who, first);
    std::tie(who, text) = hear_of();
  }
  EXPECT_EQ(text, "MAINPID=" + std::to_string(successor));
  EXPECT_EQ(who, first);
  std::tie(who, text) = hear_of();
  EXPECT_EQ(text, "READY=1\nSTATUS=serving; listeners: 1, pools: 1, workers: 2");
  EXPECT_EQ(who, successor);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(hear_of(), std::pair(successor, std::string(kAlive)));
  weir->terminate();
  session.close();
  EXPECT_TRUE(ends_clean(*weir));
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(hear_of(), std::pair(successor, std::string(kAlive))) << "the first one says nothing more";
  }
}

TEST_F(ServiceManager, HearsNothingOfAnUpgradeThatFails) {
  Upgraded weir(configuration(), options());
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  weir.write("not TOML");
  weir.badly();
  EXPECT_EQ(hear(Millis(0)), "");
}

// A socket that is passed on, as systemd does with a unit of its own.
TEST_F(ServiceManager, PassesSocketsOnThatStayItsOwn) {
  Listener passed(address_of("127.0.0.1:0"));
  Listener of_nobody(address_of("127.0.0.1:0"));
  Configuration configuration = this->configuration();
  configuration.bind = passed.address().to_string();
  const std::string script = start_with(passed.fd(), of_nobody.fd());
  const std::string file = directory_.write("weir.toml", configuration.to_toml());
  auto weir = std::make_unique<Upgraded>(WeirProcess::File{file, script}, options());
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  const auto serves = [&] {
    Socket client = Socket::connect(passed.address());
    client.send_all("x");
    return client.receive(1).bytes == "x";
  };
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(serves());
  const auto told = (*weir)->events("configuration");
  ASSERT_EQ(told.size(), 1u);
  EXPECT_THAT(told[0].text("msg"),
              testing::HasSubstr("no listener is bound to " + of_nobody.address().to_string()));
  weir->signal(SIGHUP);
  EXPECT_THAT(hear(), testing::StartsWith("RELOADING=1"));
  EXPECT_THAT(hear(), testing::StartsWith("READY=1"));
  const auto reloaded = (*weir)->wait_for_event("reload");
  ASSERT_TRUE(reloaded.has_value());
  EXPECT_EQ(reloaded->level, "info") << reloaded->text("msg");
  EXPECT_TRUE(serves());
  weir->well();
  EXPECT_TRUE(serves());
  weir.reset();
  Socket waiting = Socket::connect(passed.address());
  EXPECT_TRUE(waiting) << "it waits for the next Weir";
}

TEST_F(ServiceManager, IsToldOfASocketThatTakesIPv4ThoughTheConfigurationSaysOtherwise) {
  if (!std::filesystem::exists("/proc/net/if_inet6")) GTEST_SKIP() << "NOT CHECKED: there is no IPv6 here";
  const Listener passed(address_of("[::]:0"));  // takes IPv4 too, as systemd's do
  const Listener of_nobody(address_of("127.0.0.1:0"));
  for (const bool v6only : {true, false}) {
    Configuration configuration = this->configuration();
    configuration.bind = passed.address().to_string();
    configuration.listener = std::string("v6only = ") + (v6only ? "true\n" : "false\n");
    const std::string file = directory_.write("weir.toml", configuration.to_toml());
    const WeirProcess weir(WeirProcess::File{file, start_with(passed.fd(), of_nobody.fd())}, options());
    std::string told;
    for (const LogLine& line : weir.events("configuration")) told += line.text("msg");
    EXPECT_EQ(told.find("takes clients by IPv4") != std::string::npos, v6only) << told;
  }
}

// Not this configuration's `socket_mode`, at the start, after a reload or after an upgrade; in a folder in
// which Weir itself could make none, unless it is root.
TEST_F(ServiceManager, PassesAUnixSocketOnThatKeepsItsMode) {
  const std::string folder = directory_.file("closed");
  std::filesystem::create_directory(folder);
  const std::string path = folder + "/web.sock";
  const Listener passed(base::Address::unix_path(path));
  const Listener of_nobody(address_of("127.0.0.1:0"));
  const auto mode = static_cast<std::filesystem::perms>(0606);
  std::filesystem::permissions(path, mode);
  std::filesystem::permissions(folder, static_cast<std::filesystem::perms>(0555));
  Configuration configuration = this->configuration();
  configuration.bind = "unix:" + path;
  const std::string file = directory_.write("weir.toml", configuration.to_toml());
  Upgraded weir(WeirProcess::File{file, start_with(passed.fd(), of_nobody.fd())}, options());
  EXPECT_EQ(std::filesystem::status(path).permissions(), mode);
  weir.signal(SIGHUP);
  ASSERT_TRUE(weir->wait_for_event("reload").has_value());
  EXPECT_EQ(std::filesystem::status(path).permissions(), mode);
  weir.well();
  EXPECT_EQ(std::filesystem::status(path).permissions(), mode);
  // What the reload could not change it would have said.
  EXPECT_EQ(weir->events("configuration").size(), 1u) << "of the socket without a listener, at the start";
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all);
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
