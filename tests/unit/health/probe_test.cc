#include "health/probe.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <vector>

#include "support/sanitizers.h"
#include "unit/health/support.h"

namespace weir::health {
namespace {

using base::Millis;
using test_support::check_of;
using test_support::dead_address;
using test_support::hold_up;
using test_support::read_into;
using test_support::try_accept;

constexpr Millis kLong{15'000};  // a limit that is not reached
constexpr Millis kShort{80};     // one that is

const ExchangeCheck kPing{"PING\r\n", "+PONG"};

class Fixture : public Probe::Owner {
 public:
  explicit Fixture(Connect way = connect_directly) : connect(std::move(way)) {}

  void probe_ended(ProbeReport report) override { reports.push_back(std::move(report)); }

  void start(const base::Address& address, decltype(Check::type) type, Millis timeout = kLong) {
    probe.start({address, check_of(std::move(type), timeout)});
  }

  // Turns until somebody has been accepted.
  base::UniqueFd accept(const test::Listening& listening) {
    base::UniqueFd peer;
    EXPECT_TRUE(driver.until([&] {
      peer = try_accept(listening.fd.get());
      return static_cast<bool>(peer);
    }));
    return peer;
  }

  // Turns until the peer has read something that ends with `last`.
  std::string read_request(int peer, std::string_view last) {
    std::string request;
    EXPECT_TRUE(driver.until([&] {
      read_into(peer, request);
      return request.size() >= last.size() && request.substr(request.size() - last.size()) == last;
    })) << request;
    return request;
  }

  // Turns until the peer's stream is over: the error that said so, 0 for a plain end.
  int end_of(int peer) {
    int error = -1;
    std::string data;
    EXPECT_TRUE(driver.until([&] { return !read_into(peer, data, &error); }));
    return error;
  }

  // Turns until the probe is over.
  ProbeReport finish() {
    EXPECT_TRUE(driver.until([&] { return !reports.empty(); }));
    if (reports.empty()) return {};
    driver.turns(3);
    EXPECT_EQ(reports.size(), 1u) << "one probe, one report";
    EXPECT_FALSE(probe.is_under_way());
    return reports.front();
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  const Connect connect;
  std::vector<ProbeReport> reports;
  Probe probe{*loop, *this, connect};
};

void expect_failure(const ProbeReport& report, std::string_view reason) {
  EXPECT_EQ(report.verdict, Verdict::kFailed);
  EXPECT_EQ(report.reason, reason);
}

void expect_pass(const ProbeReport& report) {
  EXPECT_EQ(report.verdict, Verdict::kPassed) << report.reason;
  EXPECT_EQ(report.reason, "");
}

TEST(TcpProbe, PassesOnceTheConnectionStandsAndEndsItPlainly) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, TcpCheck{});
  expect_pass(f.finish());
  const base::UniqueFd peer = f.accept(listening);
  EXPECT_EQ(f.end_of(peer.get()), 0) << "the server must see no reset";
}

TEST(TcpProbe, EndsPlainlyThoughAGreetingWasNotRead) {
  const test::Listening listening = test::listen_on_loopback();
  // The greeting is there before the probe looks for the first time.
  base::UniqueFd peer;
  Fixture f([&](const Target& target, const net::TcpOptions&) {
    base::UniqueFd fd = test::connect_to(target.address);
    peer = test::accept_from(listening.fd.get());
    test::send_some(peer.get(), "220 hello\r\n");
    EXPECT_TRUE(test::wait_for(fd.get(), POLLIN));
    return net::Connecting{std::move(fd), 0};
  });
  f.start(listening.address, TcpCheck{});
  expect_pass(f.finish());
  EXPECT_EQ(f.end_of(peer.get()), 0);
}

TEST(TcpProbe, FailsWhenTheBackendRefuses) {
  Fixture f;
  f.start(dead_address(), TcpCheck{});
  expect_failure(f.finish(), "connect: Connection refused");
}

TEST(TcpProbe, TakesAConnectionToItselfForARefusal) {
  Fixture f([](const Target&, const net::TcpOptions&) {
    // Bound to a port and connected to the same: a simultaneous open with itself.
    base::UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage storage{};
    socklen_t length = test::loopback().to_sockaddr(storage);
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length), 0);
    length = net::local_address(fd.get())->to_sockaddr(storage);
    const int result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length);
    const int error = result == 0 ? 0 : errno;
    EXPECT_TRUE(test::wait_for(fd.get(), POLLOUT));
    EXPECT_TRUE(net::connected_to_itself(fd.get())) << "the trap must be there";
    return net::Connecting{std::move(fd), error};
  });
  f.start(dead_address(), TcpCheck{});
  expect_failure(f.finish(), "connect: Connection refused");
}

TEST(TcpProbe, FailsWhenNoConnectionComesToStand) {
  // The listener's queue is full, so that the kernel drops what comes.
  const test::Listening listening = test::listen_on_loopback(0);
  std::vector<net::Connecting> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(net::start_connect(listening.address, {}));
    if (i >= 8 && !test::wait_for(waiting.back().fd.get(), POLLOUT, Millis(20))) break;
  }
  Fixture f;
  f.start(listening.address, TcpCheck{}, kShort);
  const ProbeReport report = f.finish();
  expect_failure(report, "no connection within 80ms");
  EXPECT_GE(report.duration, kShort);
}

TEST(Probe, AsksAndPassesTheRightAnswer) {
  const test::Listening listening = test::listen_on_loopback();
  HttpCheck check;
  check.path = "/health";
  Fixture f;
  f.start(listening.address, check);
  const base::UniqueFd peer = f.accept(listening);
  const std::string request = f.read_request(peer.get(), "\r\n\r\n");
  EXPECT_EQ(request.substr(0, 22), "GET /health HTTP/1.1\r\n");
  EXPECT_NE(request.find("\r\nHost: " + listening.address.to_string() + "\r\n"), std::string::npos);
  test::send_some(peer.get(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  const ProbeReport report = f.finish();
  expect_pass(report);
  EXPECT_GT(report.duration.count(), 0);
  EXPECT_EQ(f.end_of(peer.get()), 0) << "the server must see no reset";
}

TEST(Probe, WaitsForAGreetingWhenThereIsNothingToSend) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, ExchangeCheck{"", "220 "});
  const base::UniqueFd peer = f.accept(listening);
  f.driver.turns(5);
  EXPECT_TRUE(f.reports.empty());
  test::send_some(peer.get(), "220 mail.example\r\n");
  expect_pass(f.finish());
}

TEST(Probe, FailsAWrongAnswerWithItsReasonAndResets) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "PING\r\n");
  test::send_some(peer.get(), "-LOADING\r\n");
  expect_failure(f.finish(), "the answer \"-LOADING\", expected \"+PONG\"");
  EXPECT_EQ(f.end_of(peer.get()), ECONNRESET);
}

TEST(Probe, ReachesAUnixSocket) {
  const test::TempFolder folder;
  const base::Address address = base::Address::unix_path(folder.file("s"));
  net::ListenOptions options;
  options.backlog = 4;
  const auto listening = net::listen_on(address, options);
  ASSERT_TRUE(listening.has_value());
  Fixture f;
  f.start(address, kPing);
  const base::UniqueFd peer = try_accept(listening->get());
  ASSERT_TRUE(static_cast<bool>(peer));
  f.read_request(peer.get(), "PING\r\n");
  test::send_some(peer.get(), "+PONG\r\n");
  expect_pass(f.finish());

  Fixture missing;
  missing.start(base::Address::unix_path(folder.file("no")), kPing);
  expect_failure(missing.finish(), "connect: No such file or directory");
}

TEST(Probe, FindsTextThatComesInSeveralReads) {
  const test::Listening listening = test::listen_on_loopback();
  HttpCheck check;
  check.body_contains = "all is well";
  Fixture f;
  f.start(listening.address, check);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "\r\n\r\n");
  for (const std::string_view part :
       {"HTTP/1.1 200 OK\r\nContent-", "Length: 14\r\n\r\n..", "all is", " well"}) {
    test::send_some(peer.get(), part);
    f.driver.turns(3);
    EXPECT_TRUE(f.reports.empty()) << part;
  }
  test::send_some(peer.get(), ".");
  expect_pass(f.finish());
}

TEST(Probe, ReadsAnAnswerThatIsLargerThanOneTurnReads) {
  const test::Listening listening = test::listen_on_loopback();
  HttpCheck check;
  check.body_contains = "the end";
  Fixture f;
  f.start(listening.address, check);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "\r\n\r\n");
  // Many tiny chunks with long extensions: half a megabyte for a small body.
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 600; ++i) answer += "1;" + std::string(900, 'x') + "\r\n.\r\n";
  answer += "7\r\nthe end\r\n0\r\n\r\n";
  std::size_t sent = 0;
  ASSERT_TRUE(f.driver.until([&] {
    sent += test::send_some(peer.get(), std::string_view(answer).substr(sent));
    return sent == answer.size();
  }));
  expect_pass(f.finish());
}

TEST(Probe, FailsWhenTheBackendAcceptsAndSaysNothing) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, kShort);
  const base::UniqueFd peer = f.accept(listening);
  const ProbeReport report = f.finish();
  expect_failure(report, "no answer within 80ms");
  EXPECT_GE(report.duration, kShort);
  EXPECT_EQ(f.end_of(peer.get()), ECONNRESET);
}

TEST(Probe, FailsAHalfAnswerAtTheEndOfItsTime) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, HttpCheck{}, kShort);
  const base::UniqueFd peer = f.accept(listening);
  test::send_some(peer.get(), "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal");
  expect_failure(f.finish(), "only a part of the answer within 80ms");
}

TEST(Probe, GivesNoMoreTimeToAnAnswerThatTricklesIn) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, HttpCheck{}, kShort);
  const base::UniqueFd peer = f.accept(listening);
  test::send_some(peer.get(), "HTTP/1.1 200 OK\r\nX: ");
  ASSERT_TRUE(f.driver.until([&] {
    test::send_some(peer.get(), "y");
    return !f.reports.empty();
  }));
  expect_failure(f.finish(), "only a part of the answer within 80ms");
}

TEST(Probe, PassesAnAnswerThatComesLateButInTime) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing);
  const base::UniqueFd peer = f.accept(listening);
  const base::TimePoint then = base::precise_now() + Millis(150);
  ASSERT_TRUE(f.driver.until([&] { return base::precise_now() >= then; }));
  EXPECT_TRUE(f.reports.empty());
  test::send_some(peer.get(), "+PONG\r\n");
  const ProbeReport report = f.finish();
  expect_pass(report);
  EXPECT_GE(report.duration, Millis(150));
}

TEST(Probe, PassesAnAnswerThatCameWhileTheLoopWasHeldUp) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, kShort);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "PING\r\n");
  test::send_some(peer.get(), "+PONG\r\n");
  hold_up(3 * kShort);
  expect_pass(f.finish());
}

// The answer comes in the very turn in which the probe's timer is told: the loop does not know of it yet.
TEST(Probe, LooksAtTheSocketBeforeItCountsTheTime) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, Millis(1));
  struct Answerer {
    void answer() {
      peer = test::accept_from(listening);
      test::send_some(peer.get(), "+PONG\r\n");
    }
    int listening;
    base::UniqueFd peer;
  } answerer{listening.fd.get(), {}};
  net::Timer timer;
  timer.bind<&Answerer::answer>(*f.loop, &answerer);
  timer.start(Millis(0));
  // Now both timers are due in the first turn, the answerer's before the probe's.
  hold_up(Millis(5));
  expect_pass(f.finish());
  EXPECT_TRUE(static_cast<bool>(answerer.peer));
}

// The request could not be sent before the time was over: the backend had none of it.
TEST(Probe, GivesTheBackendItsTimeWhenTheLoopWasHeldUpBeforeTheRequest) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, kShort);
  hold_up(3 * kShort);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "PING\r\n");
  EXPECT_TRUE(f.reports.empty());
  test::send_some(peer.get(), "+PONG\r\n");
  expect_pass(f.finish());
}

TEST(Probe, EndsThoughTheLoopIsLateInEveryTurn) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, kShort);
  ASSERT_TRUE(f.driver.until([&] {
    hold_up(Millis(30));
    return !f.reports.empty();
  }));
  expect_failure(f.finish(), "no answer within 80ms");
}

TEST(Probe, FailsWhenTheStreamEndsBeforeTheAnswer) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing);
  base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "PING\r\n");
  peer.reset();
  expect_failure(f.finish(), "the connection was closed before an answer came");
}

TEST(Probe, FailsWhenTheBackendResets) {
  const test::Listening listening = test::listen_on_loopback();
  for (const std::string_view part : {"", "+PO"}) {
    Fixture f;
    f.start(listening.address, kPing);
    base::UniqueFd peer = f.accept(listening);
    f.read_request(peer.get(), "PING\r\n");
    test::send_some(peer.get(), part);
    net::abort_connection(peer);
    expect_failure(f.finish(), part.empty() ? "the connection was reset before an answer came"
                                            : "the connection was reset within the answer");
  }
}

TEST(Probe, JudgesTheAnswerOfAServerThatResetsRightAfterIt) {
  const test::Listening listening = test::listen_on_loopback();
  base::UniqueFd peer;
  // The answer and the reset are both there before the request is sent.
  Fixture f([&](const Target& target, const net::TcpOptions&) {
    base::UniqueFd fd = test::connect_to(target.address);
    peer = test::accept_from(listening.fd.get());
    test::send_some(peer.get(), "+PONG\r\n");
    net::abort_connection(peer);
    EXPECT_TRUE(test::wait_for(fd.get(), POLLRDHUP));
    return net::Connecting{std::move(fd), EINPROGRESS};
  });
  f.start(listening.address, kPing);
  expect_pass(f.finish());
}

TEST(Probe, TakesAPlainEndAfterAResetForTheResetItIs) {
  const test::Listening listening = test::listen_on_loopback();
  base::UniqueFd peer;
  Fixture f([&](const Target& target, const net::TcpOptions&) {
    base::UniqueFd fd = test::connect_to(target.address);
    peer = test::accept_from(listening.fd.get());
    test::send_some(peer.get(), "HTTP/1.0 200 OK\r\n\r\nhalf a bo");
    net::abort_connection(peer);
    EXPECT_TRUE(test::wait_for(fd.get(), POLLRDHUP));
    return net::Connecting{std::move(fd), EINPROGRESS};
  });
  f.start(listening.address, HttpCheck{});
  expect_failure(f.finish(), "the connection was reset within the answer");
}

TEST(Probe, SaysNothingOfTheBackendWhenThisHostIsShortOfSomething) {
  for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM, EADDRNOTAVAIL}) {
    Fixture f([error](const Target&, const net::TcpOptions&) {
      return net::Connecting{base::UniqueFd(), error};
    });
    f.start(dead_address(), kPing);
    const ProbeReport report = f.finish();
    EXPECT_EQ(report.verdict, Verdict::kNotMade);
    EXPECT_EQ(report.reason, base::system_error("connect", error).message());
    EXPECT_EQ(report.fault, (LocalFault{net::ConnectStep::kConnect, error}));
  }
}

TEST(Probe, SaysNothingOfTheBackendWhenItFailsBeforeItHasLeftThisHost) {
  struct Case {
    LocalFault fault;
    std::string reason;
  };
  using net::ConnectStep;
  for (const auto& [fault, reason] : {
           Case{{ConnectStep::kOpen, EAFNOSUPPORT}, "socket: Address family not supported by protocol"},
           Case{{ConnectStep::kInterface, ENODEV}, "bind to the interface: No such device"},
           Case{{ConnectStep::kInterface, EPERM}, "bind to the interface: Operation not permitted"},
           Case{{ConnectStep::kSource, EACCES}, "bind to the source address: Permission denied"},
           Case{{ConnectStep::kSource, EADDRNOTAVAIL},
                "bind to the source address: Cannot assign requested address"},
       }) {
    Fixture f([&fault = fault](const Target&, const net::TcpOptions&) {
      return net::Connecting{base::UniqueFd(), fault.error, fault.step};
    });
    f.start(dead_address(), TcpCheck{});
    const ProbeReport report = f.finish();
    EXPECT_EQ(report.verdict, Verdict::kNotMade) << reason;
    EXPECT_EQ(report.reason, reason);
    EXPECT_EQ(report.fault, fault);
  }
}

TEST(Probe, IsNotMadeWhenDescriptorsAreUsedUp) {
  if (test::kSanitized) {
    GTEST_SKIP() << "the sanitizer's check of virtual calls opens a pipe, and reports a fault when it cannot";
  }
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  std::vector<base::UniqueFd> fillers;
  const base::UniqueFd top(::dup(0));
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(top.get()) + 8;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  for (;;) {
    base::UniqueFd filler(::dup(top.get()));
    if (!filler) break;
    fillers.push_back(std::move(filler));
  }
  f.start(listening.address, TcpCheck{});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  const ProbeReport report = f.finish();
  EXPECT_EQ(report.verdict, Verdict::kNotMade);
  EXPECT_EQ(report.reason, "socket: Too many open files");
}

TEST(Probe, ReportsNothingOnceItIsCancelled) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing, kShort);
  const base::UniqueFd peer = f.accept(listening);
  f.read_request(peer.get(), "PING\r\n");
  f.probe.cancel();
  EXPECT_FALSE(f.probe.is_under_way());
  EXPECT_EQ(f.end_of(peer.get()), ECONNRESET);
  f.probe.cancel();
  const base::TimePoint then = base::precise_now() + 2 * kShort;
  ASSERT_TRUE(f.driver.until([&] { return base::precise_now() >= then; }));
  EXPECT_TRUE(f.reports.empty());
}

TEST(Probe, CanBeUsedAgainAndKeepsNothingOfTheLastTime) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  f.start(listening.address, kPing);
  {
    base::UniqueFd peer = f.accept(listening);
    test::send_some(peer.get(), "+PO");
    f.driver.turns(3);
    net::abort_connection(peer);
  }
  EXPECT_EQ(f.finish().verdict, Verdict::kFailed);
  f.reports.clear();
  f.start(listening.address, kPing);
  const base::UniqueFd peer = f.accept(listening);
  EXPECT_EQ(f.read_request(peer.get(), "PING\r\n"), "PING\r\n");
  test::send_some(peer.get(), "+PONG");
  expect_pass(f.finish());
}

void probe_with(Fixture& f, const base::Address& address, decltype(Check::type) type,
                pool::ProxyVersion intro) {
  Target target{address, check_of(std::move(type), kLong)};
  target.proxy = intro;
  f.probe.start(std::move(target));
}

TEST(ProxyHeaderOfAProbe, IsLocalInVersion2AndComesBeforeTheRequest) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  probe_with(f, listening.address, kPing, pool::ProxyVersion::kV2);
  const base::UniqueFd peer = f.accept(listening);
  EXPECT_EQ(f.read_request(peer.get(), "PING\r\n"),
            std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16) + "PING\r\n");
  test::send_some(peer.get(), "+PONG\r\n");
  expect_pass(f.finish());
}

TEST(ProxyHeaderOfAProbe, IsTheOwnConnectionInVersion1) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  probe_with(f, listening.address, kPing, pool::ProxyVersion::kV1);
  const base::UniqueFd peer = f.accept(listening);
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  ASSERT_EQ(::getpeername(peer.get(), reinterpret_cast<sockaddr*>(&storage), &length), 0);
  const base::Address from = base::Address::from_sockaddr(storage, length);
  EXPECT_EQ(f.read_request(peer.get(), "PING\r\n"),
            "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(from.port()) + " " +
                std::to_string(listening.address.port()) + "\r\nPING\r\n");
}

TEST(ProxyHeaderOfAProbe, IsSentThoughACheckAsksNothing) {
  const test::Listening listening = test::listen_on_loopback();
  Fixture f;
  probe_with(f, listening.address, TcpCheck{}, pool::ProxyVersion::kV2);
  const base::UniqueFd peer = f.accept(listening);
  expect_pass(f.finish());
  EXPECT_EQ(f.read_request(peer.get(), std::string_view("\x20\0\0\0", 4)).size(), 16u);
  EXPECT_EQ(f.end_of(peer.get()), 0);
}

}  // namespace
}  // namespace weir::health
