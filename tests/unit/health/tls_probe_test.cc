// Probes that speak TLS, with servers on threads of their own.
#include <gtest/gtest.h>

#include <future>
#include <optional>

#include "health/probe.h"
#include "support/listener.h"
#include "support/temporary_directory.h"
#include "support/tls_backend.h"
#include "tls/client_context.h"

namespace weir::health {
namespace {

using base::Millis;
using test::Backend;
using test::Ended;
using test::Socket;
using test::TestCertificate;
using test::TlsOptions;
using test::TlsSocket;

constexpr Millis kLong{60'000};  // a limit that is not reached
constexpr Millis kShort{80};     // one that is

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

class TlsProbe : public testing::Test, public Probe::Owner {
 protected:
  TlsProbe() {
    settings.ca = test::write_file(directory.path(), "ca.pem", authority.pem());
    server.own = &certificate;
    watchdog.bind<&net::EventLoop::stop>(*loop, loop.get());
  }

  void probe_ended(ProbeReport ended) override {
    EXPECT_FALSE(last.has_value()) << "one probe, one report";
    last = std::move(ended);
    loop->stop();
  }

  Target target_of(const base::Address& address, decltype(Check::type) type, const std::string& name,
                   Millis timeout = kLong) {
    std::vector<std::string> warnings;
    auto context = tls::ClientContext::load(settings, warnings);
    EXPECT_TRUE(context) << context.error().message();
    auto check = std::make_shared<Check>();
    check->type = std::move(type);
    check->timeout = timeout;
    Target target{address, std::move(check)};
    target.tls = {*context, name};
    return target;
  }

  void turn_until_reported() {
    watchdog.start(test::kPatience);
    if (!last) loop->run();
    watchdog.stop();
  }

  ProbeReport probe_of(Target target) {
    last.reset();
    probe.start(std::move(target));
    turn_until_reported();
    EXPECT_TRUE(last.has_value()) << "it hangs";
    EXPECT_FALSE(probe.is_under_way());
    return last.value_or(ProbeReport{});
  }
  ProbeReport probe_of(const base::Address& address, decltype(Check::type) type,
                       const std::string& name = "a.example") {
    return probe_of(target_of(address, std::move(type), name));
  }

  test::TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const TestCertificate certificate = authority.issue([] {
    test::CertificateSpec spec = test::server_spec({"a.example"});
    spec.ips = {"127.0.0.1"};
    return spec;
  }());
  TlsOptions server;
  tls::ClientSettings settings;
  std::unique_ptr<net::EventLoop> loop = std::move(*net::EventLoop::create());
  net::Timer watchdog;
  const Connect connect = connect_directly;
  std::optional<ProbeReport> last;
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

TEST_F(TlsProbe, PassesOnceHandsAreShakenAndEndsPolitely) {
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    std::promise<std::string> seen;
    server.min_version = server.max_version = version;
    Backend backend(over_tls(server, [&](TlsSocket& socket) {
      const test::Received got = socket.receive_until_end();
      seen.set_value(socket.was_cut() ? "cut" : std::string(test::word(got.ended)));
    }));
    const ProbeReport report = probe_of(backend.address(), TlsCheck{});
    expect_pass(report);
    EXPECT_GT(report.duration.count(), 0);
    EXPECT_EQ(seen.get_future().get(), test::word(Ended::kEndOfStream));
  }
}

TEST_F(TlsProbe, AsksForTheNameAndHoldsTheCertificateAgainstIt) {
  std::promise<std::string> asked;
  Backend backend(over_tls(server, [&](TlsSocket& socket) {
    asked.set_value(socket.server_name());
    socket.receive_until_end();
  }));
  expect_pass(probe_of(backend.address(), TlsCheck{}, "a.example"));
  EXPECT_EQ(asked.get_future().get(), "a.example");
  expect_failure(probe_of(backend.address(), TlsCheck{}, "b.example"),
                 "TLS handshake: certificate verify failed: hostname mismatch");
}

TEST_F(TlsProbe, HoldsTheCertificateAgainstTheAddressWhereThereIsNoName) {
  Backend backend(over_tls(server, test::only_shakes_hands));
  expect_pass(probe_of(backend.address(), TlsCheck{}, ""));
  const TestCertificate unnamed = authority.issue(test::server_spec({"a.example"}));
  server.own = &unnamed;
  Backend elsewhere(over_tls(server, test::only_shakes_hands));
  expect_failure(probe_of(elsewhere.address(), TlsCheck{}, ""),
                 "TLS handshake: certificate verify failed: IP address mismatch");
}

TEST_F(TlsProbe, FailsACertificateOfNoAuthorityUnlessNoneIsWanted) {
  const TestCertificate own = TestCertificate::self_signed(test::server_spec({"a.example"}));
  server.own = &own;
  Backend backend(over_tls(server, test::only_shakes_hands));
  expect_failure(probe_of(backend.address(), TlsCheck{}),
                 "TLS handshake: certificate verify failed: self-signed certificate");
  settings.verify = false;
  expect_pass(probe_of(backend.address(), TlsCheck{}, "b.example"));
}

TEST_F(TlsProbe, ShowsItsCertificate) {
  const TestCertificate weir = authority.issue(test::client_spec("weir"));
  settings.certificate = test::write_certificate(directory.path(), "weir", weir).chain;
  settings.key = directory.path() + "/weir.key";
  server.authority = &authority;
  std::promise<std::string> shown;
  Backend backend(over_tls(server, [&](TlsSocket& socket) {
    shown.set_value(socket.peer_common_name());
    socket.receive_until_end();
  }));
  expect_pass(probe_of(backend.address(), TlsCheck{}));
  EXPECT_EQ(shown.get_future().get(), "weir");
}

// With TLS 1.3 it says so after the handshake, when the request is on its way.
TEST_F(TlsProbe, SaysThatTheServerWantsACertificate) {
  server.authority = &authority;
  Backend backend(over_tls(server, test::answers_http(kOk)));
  expect_failure(probe_of(backend.address(), HttpCheck{}),
                 "TLS: the other side's alert: certificate required");
}

TEST_F(TlsProbe, FailsAServerThatSaysNothing) {
  const test::Listener listener;
  const ProbeReport report = probe_of(target_of(listener.address(), TlsCheck{}, "a.example", kShort));
  expect_failure(report, "no TLS handshake within 80ms");
  EXPECT_GE(report.duration, kShort);
}

TEST_F(TlsProbe, FailsAServerThatAnswersInTheClear) {
  Backend backend([](Socket& socket) {
    socket.receive_some();
    socket.send_all("HTTP/1.1 400 Bad Request\r\n\r\n");
    socket.receive_until_end();
  });
  expect_failure(probe_of(backend.address(), HttpCheck{}), "TLS handshake: wrong version number: not TLS?");
}

TEST_F(TlsProbe, FailsAServerThatLeavesInTheMiddle) {
  Backend leaving([](Socket& socket) { socket.receive_some(); });
  expect_failure(probe_of(leaving.address(), TlsCheck{}),
                 "the server left in the middle of the TLS handshake");
  Backend resetting([](Socket& socket) {
    socket.receive_some();
    socket.reset();
  });
  expect_failure(probe_of(resetting.address(), TlsCheck{}),
                 "the server reset the connection in the middle of the TLS handshake");
}

TEST_F(TlsProbe, FailsWhenTheBackendRefuses) {
  const test::DeadPort port;
  expect_failure(probe_of(port.address(), TlsCheck{}), "connect: Connection refused");
}

TEST_F(TlsProbe, SendsTheProxyHeaderBeforeTheHandshake) {
  std::promise<std::string> header;
  Backend backend([&](Socket& socket) {
    header.set_value(socket.receive_exactly(16));
    over_tls(server, test::answers_http(kOk))(socket);
  });
  Target target = target_of(backend.address(), HttpCheck{}, "a.example");
  target.proxy = pool::ProxyVersion::kV2;
  expect_pass(probe_of(std::move(target)));
  EXPECT_EQ(header.get_future().get(), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
}

TEST_F(TlsProbe, JudgesHttp) {
  Backend good(over_tls(server, test::answers_http(kOk)));
  expect_pass(probe_of(good.address(), HttpCheck{}));
  Backend bad(over_tls(server, test::answers_http("HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n")));
  expect_failure(probe_of(bad.address(), HttpCheck{}), "status 500, expected 2xx");
}

TEST_F(TlsProbe, OffersTheProtocolThatAnHttpCheckSpeaks) {
  settings.alpn = {"h2"};
  server.alpn = {"h2", "http/1.1"};
  std::promise<std::string> agreed;
  Backend backend(over_tls(server, [&](TlsSocket& socket) {
    agreed.set_value(socket.alpn());
    test::answers_http(kOk)(socket);
  }));
  expect_pass(probe_of(backend.address(), HttpCheck{}));
  EXPECT_EQ(agreed.get_future().get(), "http/1.1");
}

TEST_F(TlsProbe, OffersWhatThePoolHasToOtherChecks) {
  settings.alpn = {"h2"};
  server.alpn = {"http/1.1", "h2"};
  std::promise<std::string> agreed;
  Backend backend(over_tls(server, [&](TlsSocket& socket) {
    agreed.set_value(socket.alpn());
    socket.receive_until_end();
  }));
  expect_pass(probe_of(backend.address(), TlsCheck{}));
  EXPECT_EQ(agreed.get_future().get(), "h2");
}

TEST_F(TlsProbe, JudgesAnExchangeAndAGreeting) {
  Backend redis(over_tls(server, [](TlsSocket& socket) {
    socket.send_all(socket.receive_exactly(6) == "PING\r\n" ? "+PONG\r\n" : "?");
    socket.receive_until_end();
  }));
  expect_pass(probe_of(redis.address(), ExchangeCheck{"PING\r\n", "+PONG"}));
  Backend mail(over_tls(server, [](TlsSocket& socket) {
    socket.send_all("220 mail.example\r\n");
    socket.receive_until_end();
  }));
  expect_pass(probe_of(mail.address(), ExchangeCheck{"", "220 "}));
  expect_failure(probe_of(mail.address(), ExchangeCheck{"", "221 "}),
                 "the answer \"220 mail.example\", expected \"221 \"");
}

TEST_F(TlsProbe, ReadsAnAnswerThatIsLargerThanOneTurnReads) {
  std::string answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 1200; ++i) answer += "1;" + std::string(900, 'x') + "\r\n.\r\n";
  answer += "7\r\nthe end\r\n0\r\n\r\n";
  Backend backend(over_tls(server, test::answers_http(answer)));
  HttpCheck check;
  check.body_contains = "the end";
  expect_pass(probe_of(backend.address(), check));
}

TEST_F(TlsProbe, FailsAHalfAnswerAtTheEndOfItsTime) {
  Backend backend(over_tls(server, [](TlsSocket& socket) {
    socket.send_all("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal");
    socket.receive_until_end();
  }));
  // Long enough for the handshake, of which nothing is to be seen here.
  expect_failure(probe_of(target_of(backend.address(), HttpCheck{}, "a.example", Millis(1000))),
                 "only a part of the answer within 1s");
}

// What is sent, and how it ends.
std::function<void(TlsSocket&)> sends_and(const std::string& answer, bool tells_end) {
  return [=](TlsSocket& socket) {
    socket.receive_some();
    if (!answer.empty()) socket.send_all(answer);
    if (tells_end) socket.end_stream();
  };
}

TEST_F(TlsProbe, TakesTheEndForTheEndOfABodyOnlyWithCloseNotify) {
  const std::string to_end = "HTTP/1.0 200 OK\r\n\r\nbody";
  Backend telling(over_tls(server, sends_and(to_end, true)));
  expect_pass(probe_of(telling.address(), HttpCheck{}));
  Backend cutting(over_tls(server, sends_and(to_end, false)));
  expect_failure(probe_of(cutting.address(), HttpCheck{}),
                 "the connection was closed within the answer, without close_notify");
  Backend silent(over_tls(server, sends_and("", false)));
  expect_failure(probe_of(silent.address(), HttpCheck{}),
                 "the connection was closed before an answer came, without close_notify");
}

TEST_F(TlsProbe, NeedsNoCloseNotifyAfterAnAnswerThatIsWhole) {
  for (const std::string& whole :
       {kOk, std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")}) {
    Backend backend(over_tls(server, sends_and(whole, false)));
    expect_pass(probe_of(backend.address(), HttpCheck{}));
  }
  Backend half(over_tls(server, sends_and(kOk.substr(0, kOk.size() - 1), true)));
  expect_failure(probe_of(half.address(), HttpCheck{}), "the connection was closed within the answer");
}

TEST_F(TlsProbe, FailsAResetWithinTheAnswer) {
  Backend backend(over_tls(server, [](TlsSocket& socket) {
    socket.receive_some();
    socket.send_all("HTTP/1.0 200 OK\r\n\r\nhalf a bo");
    socket.socket().wait_until_delivered();
    socket.socket().reset();
  }));
  expect_failure(probe_of(backend.address(), HttpCheck{}), "the connection was reset within the answer");
}

TEST_F(TlsProbe, FailsBytesThatAreForged) {
  Backend backend(over_tls(server, [](TlsSocket& socket) {
    socket.receive_some();
    socket.socket().send_all(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    socket.socket().receive_until_end();
  }));
  expect_failure(probe_of(backend.address(), HttpCheck{}), "TLS: decryption failed or bad record mac");
}

TEST_F(TlsProbe, CanBeCancelledInTheHandshakeAndUsedAgainPlainly) {
  test::Listener listener;
  probe.start(target_of(listener.address(), TlsCheck{}, "a.example"));
  Socket peer = listener.accept();
  watchdog.start(Millis(1));
  loop->run();
  ASSERT_TRUE(probe.is_under_way());
  probe.cancel();
  EXPECT_FALSE(last.has_value());
  EXPECT_EQ(peer.receive_until_end().ended, Ended::kReset);

  Target plain = target_of(listener.address(), TcpCheck{}, "");
  plain.tls = {};
  expect_pass(probe_of(std::move(plain)));
  EXPECT_EQ(listener.accept().receive_until_end().bytes, "");
}

}  // namespace
}  // namespace weir::health
