// `weir demo`: without a terminal it drives itself and tells the spread; on a terminal of its own it shows
// what to try and a line that is drawn again in place, and Ctrl-C drains it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utmp.h>

#include <algorithm>
#include <regex>
#include <sstream>
#include <string>

#include "base/unique_fd.h"
#include "support/admin_door.h"
#include "support/eventually.h"
#include "support/listener.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// How it draws over its line: to the first column, and clear to the end.
const std::string kAgain = "\r\x1b[K";

// The sessions of each backend in the table of the spread, whose numbers are set apart by thousands.
std::vector<unsigned long> spread_in(const std::string& output) {
  const std::regex row("(alpha|beta|gamma) +([0-9 ]+?) +[0-9.]+ %.*");
  std::vector<unsigned long> sessions;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (line.ends_with('\r')) line.pop_back();
    if (!std::regex_match(line, found, row)) continue;
    std::string digits = found[2];
    std::erase(digits, ' ');
    sessions.push_back(std::stoul(digits));
  }
  return sessions;
}

// Three backends with something to do, and none with a session more than another and one.
void expect_even(const std::string& output) {
  const auto sessions = spread_in(output);
  ASSERT_EQ(sessions.size(), 3u) << output;
  const auto [least, most] = std::minmax_element(sessions.begin(), sessions.end());
  EXPECT_GE(*least, 1u) << output;
  EXPECT_LE(*most - *least, 1u) << output;
}

TEST(Demo, WithoutATerminalAndForOneSecondItDrivesItselfAndTheSpreadIsEven) {
  for (const char* workers : {"1", "4"}) {
    const WeirRun run = run_weir({"demo", "--seconds", "1", "--workers", workers});
    EXPECT_EQ(run.exit.status, 0) << run.output;
    expect_even(run.output);
    EXPECT_TRUE(std::regex_search(run.output, std::regex("\n[1-9][0-9 ]* requests answered, 0 failed\n")))
        << run.output;
  }
}

TEST(Demo, WithoutATerminalItEndsByItselfThoughNoTimeIsGiven) {
  const WeirRun run = run_weir({"demo"});
  EXPECT_EQ(run.exit.status, 0) << run.output;
  expect_even(run.output);
}

TEST(Demo, WithoutATerminalItDrawsNoLineAndAsksNobodyToTry) {
  const WeirRun run = run_weir({"demo", "--seconds", "1"});
  EXPECT_THAT(run.output, Not(HasSubstr("\x1b")));
  EXPECT_THAT(run.output, Not(HasSubstr("Ctrl-C")));
}

// Makes sure that somebody listens there: this socket, or whoever keeps it from being bound. With
// SO_REUSEADDR, so that connections which lately ended there are not in the way, as they are not in Weir's.
base::UniqueFd hold(const base::Address& address) {
  base::UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  sockaddr_storage storage;
  const socklen_t length = address.to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) == 0) ::listen(fd.get(), 1);
  return fd;
}

TEST(Demo, AnotherPortIsTakenAndSaidWhenTheUsualOneIsTaken) {
  const base::UniqueFd holder = hold(address_of("127.0.0.1:8080"));
  const WeirRun run = run_weir({"demo", "--seconds", "1"});
  EXPECT_EQ(run.exit.status, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("Port 8080 is taken; using another.\nWeir listens on 127.0.0.1:"));
  EXPECT_THAT(run.output, Not(HasSubstr("127.0.0.1:8080")));
  expect_even(run.output);
}

TEST(Demo, APortThatWasAskedForIsUsed) {
  const std::string address = Listener().address().to_string();  // free a moment ago
  const std::string port = address.substr(address.rfind(':') + 1);
  const WeirRun run = run_weir({"demo", "--seconds", "1", "--port", port});
  EXPECT_EQ(run.exit.status, 0) << run.output;
  EXPECT_THAT(run.output, HasSubstr("Weir listens on " + address + " "));
}

// The admin door takes another one then.
TEST(Demo, ThePortOfItsDoorCanBeAskedForToo) {
  const base::UniqueFd holder = hold(address_of("127.0.0.1:9900"));
  const WeirRun run = run_weir({"demo", "--seconds", "1", "--port", "9900"});
  EXPECT_EQ(run.exit.status, kNotStarted) << "it is taken: " << run.output;
  EXPECT_THAT(run.output, HasSubstr("already in use"));
  EXPECT_THAT(run.output, Not(HasSubstr("admin.bind")));
}

TEST(Demo, APortThatWasAskedForAndIsTakenIsAnErrorAndNoOtherIsUsed) {
  const Listener holder;
  const std::string port = std::to_string(holder.address().port());
  const WeirRun run = run_weir({"demo", "--seconds", "1", "--port", port});
  EXPECT_EQ(run.exit.status, kNotStarted);
  EXPECT_THAT(run.output, HasSubstr(holder.address().to_string()));
  EXPECT_THAT(run.output, HasSubstr("already in use"));
  EXPECT_THAT(run.output, Not(HasSubstr("listens on")));
}

// The demonstration with a pseudo terminal as its controlling one. What is left of it at the end is killed.
class DemoOnTerminal {
 public:
  DemoOnTerminal() {
    int master = -1;
    int slave = -1;
    if (::openpty(&master, &slave, nullptr, nullptr, nullptr) != 0)
      throw std::runtime_error("openpty failed");
    master_ = base::UniqueFd(master);
    const base::UniqueFd terminal(slave);
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(master);
    if (::login_tty(slave) != 0) ::_exit(126);
    ::execl(WEIR_BINARY, WEIR_BINARY, "demo", nullptr);
    ::_exit(127);
  }
  ~DemoOnTerminal() {
    if (ended(Millis(0))) return;
    ::kill(pid_, SIGKILL);
    ended(kPatience);
  }
  DemoOnTerminal(const DemoOnTerminal&) = delete;
  DemoOnTerminal& operator=(const DemoOnTerminal&) = delete;

  // Reads what it shows until `wanted` has been there `times` times; says whether that came.
  bool shows(const std::string& wanted, std::size_t times = 1) {
    const auto deadline = Clock::now() + kPatience;
    while (count(wanted) < times) {
      if (Clock::now() >= deadline || !read_more()) return false;
    }
    return true;
  }
  // Reads up to the end of the terminal, which comes with that of the demonstration.
  const std::string& rest() {
    const auto deadline = Clock::now() + kPatience;
    while (Clock::now() < deadline && read_more()) {
    }
    return shown_;
  }
  const std::string& shown() const { return shown_; }

  // Where it says that it listens.
  base::Address address() {
    const std::string mark = "Weir listens on ";
    if (!shows(" and spreads connections"))
      throw std::runtime_error("it does not say where it listens: " + shown_);
    const std::size_t start = shown_.find(mark) + mark.size();
    return address_of(shown_.substr(start, shown_.find(' ', start) - start));
  }

  // Ctrl-C, which the terminal makes a signal.
  void interrupt() const {
    if (::write(master_.get(), "\x03", 1) != 1) throw std::runtime_error("the terminal takes nothing");
  }

  void close_terminal() { master_.reset(); }

  bool ended(Millis patience) {
    if (!ended_) ended_ = eventually([&] { return ::waitpid(pid_, &status_, WNOHANG) == pid_; }, patience);
    return ended_;
  }
  int status() const { return status_; }
  // Of a demonstration that has ended by itself; -1 otherwise.
  int exit_status() const { return ended_ && WIFEXITED(status_) ? WEXITSTATUS(status_) : -1; }

 private:
  std::size_t count(const std::string& wanted) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = shown_.find(wanted, at)) != std::string::npos; at += wanted.size())
      ++found;
    return found;
  }

  // False at the end.
  bool read_more() {
    pollfd waiting{master_.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 100) <= 0) return true;
    char bytes[4096];
    const ssize_t n = ::read(master_.get(), bytes, sizeof(bytes));
    if (n <= 0) return false;
    shown_.append(bytes, static_cast<std::size_t>(n));
    return true;
  }

  base::UniqueFd master_;
  pid_t pid_ = -1;
  std::string shown_;
  bool ended_ = false;
  int status_ = 0;
};

// Whether it comes to refuse clients.
bool refuses(const base::Address& address) {
  return eventually([&] {
    Socket late;
    return Socket::try_connect(address, late) == ECONNREFUSED;
  });
}

constexpr Millis kSoon{kSanitized ? 20'000 : 8'000};

TEST(DemoOnATerminal, SaysWhatToTryAndThatWorks) {
  DemoOnTerminal demo;
  const base::Address address = demo.address();
  ASSERT_TRUE(demo.shows("Ctrl-C drains and prints the final spread.")) << demo.shown();
  EXPECT_THAT(demo.shown(), HasSubstr("curl http://" + address.to_string() + "/"));
  EXPECT_THAT(demo.shown(), HasSubstr("nc 127.0.0.1 " + std::to_string(address.port())));

  Socket curl = Socket::connect(address);
  curl.send_all("GET / HTTP/1.1\r\nHost: demo\r\n\r\n");
  std::string answer;
  while (!answer.ends_with("hello from backend alpha\n")) {
    const Received more = curl.receive_some();
    ASSERT_EQ(more.ended, Ended::kNot) << answer;
    answer += more.bytes;
  }
  Socket nc = Socket::connect(address);
  nc.send_all("hi\n");
  EXPECT_EQ(nc.receive_exactly(9), "beta: hi\n") << "the next backend";

  std::smatch door;
  const std::string shown = demo.shown();
  ASSERT_TRUE(std::regex_search(shown, door, std::regex("http://([0-9.:]+)/ +in a browser: the dashboard")))
      << shown;
  const auto pools = AdminDoor(address_of(door[1].str())).get("/v1/pools");
  EXPECT_EQ(pools.status, 200);
  EXPECT_THAT(pools.body, HasSubstr("alpha"));
}

TEST(DemoOnATerminal, ItsLineIsDrawnAgainInPlaceAndFollowsTheConnections) {
  DemoOnTerminal demo;
  const base::Address address = demo.address();
  ASSERT_TRUE(demo.shows(kAgain + "0 open ", 2)) << demo.shown();
  {
    const Socket client = Socket::connect(address);
    ASSERT_TRUE(demo.shows(kAgain + "1 open ", 2)) << demo.shown();
  }
  ASSERT_TRUE(demo.shows("alpha 100.0% beta 0.0% gamma 0.0%", 2)) << demo.shown();
  const std::string drawn = demo.shown().substr(demo.shown().find(kAgain));
  EXPECT_EQ(drawn.find('\n'), std::string::npos) << "one line below the other: " << drawn;
}

TEST(DemoOnATerminal, CtrlCEndsItWithTheFinalSpread) {
  DemoOnTerminal demo;
  const base::Address address = demo.address();
  for (int i = 0; i < 7; ++i) {
    Socket client = Socket::connect(address);
    client.send_all("hi\n");
    client.receive_some();
  }
  ASSERT_TRUE(demo.shows(" 7 in all ")) << demo.shown();
  demo.interrupt();
  ASSERT_TRUE(demo.ended(kSoon)) << demo.shown();
  EXPECT_EQ(demo.exit_status(), 0) << demo.rest();
  const std::vector<unsigned long> expected{3, 2, 2};
  EXPECT_EQ(spread_in(demo.rest()), expected) << demo.shown();
}

TEST(DemoOnATerminal, CtrlCLetsAConnectionThatIsOpenGoOnToItsEnd) {
  DemoOnTerminal demo;
  const base::Address address = demo.address();
  Socket client = Socket::connect(address);
  client.send_all("before\n");
  EXPECT_EQ(client.receive_exactly(14), "alpha: before\n");
  demo.interrupt();
  ASSERT_TRUE(refuses(address)) << "it still accepts";
  client.send_all("after\n");
  EXPECT_EQ(client.receive_exactly(13), "alpha: after\n");
  client.end_stream();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  ASSERT_TRUE(demo.ended(kSoon)) << demo.shown();
  EXPECT_EQ(demo.exit_status(), kClean) << demo.rest();
  EXPECT_EQ(spread_in(demo.rest()).size(), 3u) << demo.shown();
}

TEST(DemoOnATerminal, ASecondCtrlCEndsItAtOnce) {
  DemoOnTerminal demo;
  const base::Address address = demo.address();
  Socket client = Socket::connect(address);
  client.send_all("hi\n");
  EXPECT_EQ(client.receive_exactly(10), "alpha: hi\n");
  demo.interrupt();
  ASSERT_TRUE(refuses(address)) << "it still accepts";
  demo.interrupt();
  ASSERT_TRUE(demo.ended(kSoon)) << demo.shown();
  EXPECT_EQ(demo.exit_status(), kForced) << demo.rest();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
}

TEST(DemoOnATerminal, EndsWhenItsTerminalGoesAway) {
  DemoOnTerminal demo;
  // Its line is drawn again and again once it runs.
  ASSERT_TRUE(demo.shows(kAgain, 2)) << demo.shown();
  demo.close_terminal();
  ASSERT_TRUE(demo.ended(kSoon)) << "it runs on without a terminal";
  if (WIFSIGNALED(demo.status())) {
    EXPECT_EQ(WTERMSIG(demo.status()), SIGHUP) << "it crashed";
  }
}

}  // namespace
}  // namespace weir::test
