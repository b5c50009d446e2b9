// TLS that ends at the listener: who is shown which certificate, what is agreed upon, how streams end, and
// what becomes of handshakes that do not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include "support/backend.h"
#include "support/client_hello.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "support/sanitizers.h"
#include "support/test_user.h"
#include "support/tls_socket.h"
#include "support/weir_process.h"

namespace weir::test {
namespace {

using testing::HasSubstr;

// A listener that ends TLS, with a certificate for a.example and *.b.example, and one for c.example.
class Termination : public testing::Test {
 protected:
  Configuration terminating(const std::string& tls = "", const std::string& listener = "") {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(backend.address())};
    configuration.listener = listener;
    configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [" + listed(first) +
                         ", " + listed(second) + "]\n" + tls;
    return configuration;
  }
  static std::string listed(const CertificatePaths& paths) {
    return "{ chain = \"" + paths.chain + "\", key = \"" + paths.key + "\" }";
  }
  TlsOptions asking(const std::string& name) const {
    TlsOptions options;
    options.server_name = name;
    options.authority = &authority;
    return options;
  }
  // Writes a certificate that Weir may read whoever it runs as.
  CertificatePaths write(const std::string& name, const TestCertificate& certificate,
                         const std::vector<TestCertificate>& chain = {}) {
    CertificatePaths paths = write_certificate(directory.path(), name, certificate, chain);
    give_to_test_user(paths.key);
    return paths;
  }
  static std::uint64_t handshakes(const WeirProcess& weir, const std::string& result) {
    return weir.admin().sum("weir_tls_handshakes_total", {{"result", result}});
  }
  // A session from the first byte to the last over a new connection.
  static void talk(const WeirProcess& weir, const TlsOptions& options) {
    TlsSocket client = TlsSocket::connect(weir.connect(), options);
    client.send_all("hello");
    EXPECT_EQ(client.receive_exactly(5), "hello");
    client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
    EXPECT_FALSE(client.was_cut());
  }

  TemporaryDirectory directory;
  const TestCertificate authority = TestCertificate::authority();
  const CertificatePaths first = write("first", authority.issue(server_spec({"a.example", "*.b.example"})));
  const CertificatePaths second = write("second", authority.issue(server_spec({"c.example"})));
  Backend backend{echo()};
};

TEST_F(Termination, ServesEachNameWithItsCertificate) {
  const WeirProcess weir(terminating());
  for (const char* name : {"a.example", "A.Example", "x.b.example", "c.example"}) {
    SCOPED_TRACE(name);
    talk(weir, asking(name));
  }
  TlsSocket none;
  EXPECT_EQ(TlsSocket::try_connect(weir.connect(), asking("d.example"), none), "certificate verify failed")
      << "the first certificate is for another name";
  TlsOptions unnamed;
  unnamed.authority = &authority;
  talk(weir, unnamed);
  EXPECT_EQ(handshakes(weir, "full"), 5u);
  EXPECT_EQ(handshakes(weir, "failed"), 1u);
}

TEST_F(Termination, SpeaksTheVersionsThatAreAllowed) {
  const WeirProcess weir(terminating());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsOptions options = asking("a.example");
    options.min_version = options.max_version = version;
    talk(weir, options);
  }
  std::vector<std::string> versions;
  for (const LogLine& session : weir.wait_for_sessions(2)) versions.push_back(session.text("tls"));
  EXPECT_THAT(versions, testing::UnorderedElementsAre("TLSv1.2", "TLSv1.3"));

  const WeirProcess strict(terminating("min_version = \"1.3\"\n"));
  TlsOptions old = asking("a.example");
  old.max_version = TLS1_2_VERSION;
  TlsSocket refused;
  EXPECT_THAT(TlsSocket::try_connect(strict.connect(), old, refused), HasSubstr("alert protocol version"));
  const LogLine session = strict.wait_for_session();
  EXPECT_EQ(session.text("reason"), "handshake");
  EXPECT_EQ(session.text("state"), "handshake");
  EXPECT_THAT(session.text("tls_fault"), HasSubstr("unsupported protocol"));
  EXPECT_EQ(backend.accepted(), 2u) << "nothing is opened before the handshake is over";
}

TEST_F(Termination, AgreesUponAProtocol) {
  const WeirProcess weir(terminating("alpn = [\"h2\", \"http/1.1\"]\n"));
  TlsOptions options = asking("a.example");
  options.alpn = {"http/1.1", "h2"};
  TlsSocket client = TlsSocket::connect(weir.connect(), options);
  EXPECT_EQ(client.alpn(), "h2") << "the server's preference";
  client.end_stream();
  client.receive_until_end();
  EXPECT_EQ(weir.wait_for_session().text("alpn"), "h2");
  options.alpn = {"imap"};
  TlsSocket none;
  EXPECT_THAT(TlsSocket::try_connect(weir.connect(), options, none), HasSubstr("no application protocol"));
}

TEST_F(Termination, CarriesBulkBothWaysUnchanged) {
  const WeirProcess weir(terminating());
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsOptions options = asking("a.example");
    options.max_version = version;
    TlsSocket client = TlsSocket::connect(weir.connect(), options);
    const std::string sent = pattern(300'000, static_cast<std::uint32_t>(version));
    for (int i = 0; i < 20; ++i) {
      client.send_all(sent);
      EXPECT_TRUE(client.receive_exactly(sent.size()) == sent) << "round " << i;
    }
    client.end_stream();
    EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  }
  for (const LogLine& session : weir.wait_for_sessions(2)) {
    EXPECT_EQ(session.number("upload"), 6'000'000u);
    EXPECT_EQ(session.number("download"), 6'000'000u);
    EXPECT_EQ(session.text("reason"), "client_end");
  }
}

TEST_F(Termination, HalfCloseStillWorks) {
  Backend answering(answers_after_end("the whole answer"));
  Configuration configuration = terminating();
  configuration.backends = {entry(answering.address())};
  const WeirProcess weir(configuration);
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
  client.send_all("question");
  client.end_stream();
  const Received got = client.receive_until_end();
  EXPECT_EQ(got.bytes, "the whole answer");
  EXPECT_EQ(got.ended, Ended::kEndOfStream);
  EXPECT_FALSE(client.was_cut()) << "with a close_notify";
}

TEST_F(Termination, AClientThatEndsWithoutCloseNotifyHasEndedAndIsCounted) {
  Backend answering(answers_after_end("answer"));
  Configuration configuration = terminating();
  configuration.backends = {entry(answering.address())};
  const WeirProcess weir(configuration);
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
  client.send_all("question");
  client.socket().end_stream();
  EXPECT_EQ(client.receive_until_end().bytes, "answer");
  EXPECT_EQ(weir.wait_for_session().text("reason"), "client_end");
  EXPECT_EQ(weir.admin().sum("weir_tls_streams_cut_total", {{"listener", "web"}}), 1u);
}

TEST_F(Termination, ABackendsResetIsTheClients) {
  Backend resetting([](Socket& socket) {
    socket.receive_some();
    socket.send_all("so far");
    socket.wait_until_delivered();
    socket.reset();
  });
  Configuration configuration = terminating();
  configuration.backends = {entry(resetting.address())};
  const WeirProcess weir(configuration);
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
  client.send_all("question");
  EXPECT_EQ(client.receive_exactly(6), "so far");
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("reason"), "backend_reset");
}

TEST_F(Termination, ForgedBytesEndTheSession) {
  const WeirProcess weir(terminating());
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
  client.send_all("hello");
  EXPECT_EQ(client.receive_exactly(5), "hello");
  client.socket().send_all(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "client_tls");
  EXPECT_THAT(session.text("tls_fault"), HasSubstr("bad record mac"));
}

TEST_F(Termination, TicketsAreResumedByEveryWorker) {
  Configuration configuration = terminating();
  configuration.workers = 4;
  const WeirProcess weir(configuration);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    TlsOptions options = asking("a.example");
    options.min_version = options.max_version = version;
    TlsSocket before = TlsSocket::connect(weir.connect(), options);
    before.send_all("hello");
    EXPECT_EQ(before.receive_exactly(5), "hello");
    options.session = before.session();
    for (int i = 0; i < 20; ++i) {
      TlsSocket again = TlsSocket::connect(weir.connect(), options);
      EXPECT_TRUE(again.was_resumed());
      again.send_all("hello");
      EXPECT_EQ(again.receive_exactly(5), "hello");
      // Tickets of TLS 1.3 are for once: another one has come.
      if (version == TLS1_3_VERSION) {
        EXPECT_NE(again.session(), options.session);
      }
      options.session = again.session();
    }
  }
  EXPECT_EQ(handshakes(weir, "resumed"), 40u);
}

TEST_F(Termination, WithoutTicketsNothingIsResumed) {
  const WeirProcess weir(terminating("session_tickets = false\n"));
  TlsOptions options = asking("a.example");
  TlsSocket before = TlsSocket::connect(weir.connect(), options);
  before.send_all("hello");
  EXPECT_EQ(before.receive_exactly(5), "hello");
  options.session = before.session();
  EXPECT_FALSE(TlsSocket::connect(weir.connect(), options).was_resumed());
}

TEST_F(Termination, TicketsOfAFileOutliveTheProcess) {
  const std::string file = write_file(directory.path(), "tickets", pattern(80), 0600);
  give_to_test_user(file);
  const Configuration configuration = terminating("ticket_key_file = \"" + file + "\"\n");
  TlsOptions options = asking("a.example");
  {
    const WeirProcess weir(configuration);
    TlsSocket before = TlsSocket::connect(weir.connect(), options);
    before.send_all("hello");
    EXPECT_EQ(before.receive_exactly(5), "hello");
    options.session = before.session();
  }
  const WeirProcess weir(configuration);
  EXPECT_TRUE(TlsSocket::connect(weir.connect(), options).was_resumed());
}

TEST_F(Termination, ClientsShowWhoTheyAre) {
  const TestCertificate clients = TestCertificate::authority("the clients' CA");
  const TestCertificate alice = clients.issue(client_spec("alice"));
  const TestCertificate mallory = authority.issue(client_spec("mallory"));
  const std::string ca = write_file(directory.path(), "clients.pem", clients.pem());
  const auto asks = [&](const std::string& how) {
    return terminating("client_ca = \"" + ca + "\"\nclient_verify = \"" + how + "\"\n");
  };
  TlsOptions with_alice = asking("a.example");
  with_alice.own = &alice;
  TlsOptions with_mallory = asking("a.example");
  with_mallory.own = &mallory;
  // With TLS 1.3 a client hears of it when it reads.
  const auto is_served = [](const WeirProcess& weir, const TlsOptions& options) {
    TlsSocket client;
    if (!TlsSocket::try_connect(weir.connect(), options, client).empty()) return false;
    if (!client.try_send("hello")) return false;
    return client.receive_some().bytes == "hello";
  };
  {
    const WeirProcess required(asks("required"));
    EXPECT_TRUE(is_served(required, with_alice));
    EXPECT_EQ(required.wait_for_session().text("tls_client"), "CN=alice,O=Weir tests");
    EXPECT_FALSE(is_served(required, with_mallory));
    EXPECT_FALSE(is_served(required, asking("a.example")));
    // A client may hear of it before it is counted.
    EXPECT_TRUE(eventually([&] { return handshakes(required, "failed") == 2; }));
  }
  const WeirProcess optional(asks("optional"));
  EXPECT_TRUE(is_served(optional, with_alice));
  EXPECT_TRUE(is_served(optional, asking("a.example")));
  EXPECT_FALSE(is_served(optional, with_mallory));
}

TEST_F(Termination, ARouteMaySayOtherwise) {
  const TestCertificate own = authority.issue(server_spec({"through.example"}));
  TlsOptions server;
  server.own = &own;
  Backend through([&](Socket& socket) {
    TlsSocket tls = TlsSocket::accept(std::move(socket), server);
    const std::string got = tls.receive_exactly(5);
    tls.send_all("from " + tls.server_name());
    tls.receive_until_end();
  });
  Configuration configuration = terminating();
  configuration.rest +=
      "[[listeners.web.routes]]\nserver_names = [\"through.example\"]\n"
      "mode = \"passthrough\"\npool = \"through\"\n[pools.through]\nbackends = [" +
      entry(through.address()) + "]\n";
  const WeirProcess weir(configuration);
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("through.example"));
  client.send_all("hello");
  EXPECT_EQ(client.receive_exactly(20), "from through.example");
  talk(weir, asking("a.example"));
}

TEST_F(Termination, BackendsAreToldOfItByTheProxyProtocol) {
  Backend telling([](Socket& socket) {
    const std::string head = socket.receive_exactly(16);
    const std::size_t size =
        static_cast<unsigned char>(head[14]) * 256u + static_cast<unsigned char>(head[15]);
    const std::string rest = socket.receive_exactly(size);
    socket.receive_exactly(5);
    socket.send_all(rest);
    socket.receive_until_end();
  });
  Configuration configuration = terminating("alpn = [\"h2\"]\n");
  configuration.backends = {entry(telling.address())};
  configuration.pool = "send_proxy = \"v2\"\nproxy_tlvs = [\"ssl\", \"alpn\", \"authority\"]\n";
  const WeirProcess weir(configuration);
  TlsOptions options = asking("a.example");
  options.alpn = {"h2"};
  TlsSocket client = TlsSocket::connect(weir.connect(), options);
  client.send_all("hello");
  client.end_stream();
  const std::string told = client.receive_until_end().bytes.substr(12);
  EXPECT_THAT(told, HasSubstr(std::string("\x01\x00\x02h2", 5)));
  EXPECT_THAT(told, HasSubstr(std::string("\x02\x00\x09"
                                          "a.example",
                                          12)));
  EXPECT_THAT(told, HasSubstr(std::string("\x21\x00\x07TLSv1.3", 10)));
  EXPECT_THAT(told, HasSubstr(std::string("\x01\x00\x00\x00\x01", 5))) << "TLS, and no certificate verified";
  EXPECT_THAT(told, HasSubstr("EC256"));
}

TEST_F(Termination, WhatIsNotTlsIsRefusedOrServedAsItIs) {
  {
    const WeirProcess weir(terminating());
    Socket client = weir.connect();
    client.send_all("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
    EXPECT_EQ(weir.wait_for_session().text("hello_fault"), "not_tls");
  }
  const WeirProcess weir(terminating("not_tls = \"pool\"\n"));
  Socket client = weir.connect();
  client.send_all("GET / HTTP/1.1\r\n\r\n");
  EXPECT_EQ(client.receive_exactly(18), "GET / HTTP/1.1\r\n\r\n");
}

TEST_F(Termination, AHandshakeThatStandsStillEnds) {
  const WeirProcess weir(terminating("handshake_timeout = \"300ms\"\n"));
  Socket client = weir.connect();
  client.send_all(first_flight());
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "handshake_timeout");
  EXPECT_EQ(session.text("state"), "handshake");
  EXPECT_GE(session.number("duration_us"), 300'000u);
  EXPECT_EQ(backend.accepted(), 0u);
  EXPECT_EQ(handshakes(weir, "timeout"), 1u);
}

TEST_F(Termination, OneByteASecondDoesNotPutTheTimeLimitOff) {
  const WeirProcess weir(terminating("handshake_timeout = \"400ms\"\n"));
  Socket client = weir.connect();
  client.send_all(first_flight());
  // A record of 100 bytes, never whole.
  client.send_all(std::string("\x17\x03\x03\x00\x64", 5));
  Background drip([&] {
    for (int i = 0; i < 90 && client.try_send("x") == 1; ++i) observe_for(Millis(50));
  });
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "handshake_timeout");
}

TEST_F(Termination, NoMoreHandshakesThanAllowedAreUnderWay) {
  const WeirProcess weir(terminating("max_handshakes = 3\nhandshake_timeout = \"60s\"\n"));
  std::vector<Socket> stalled;
  const auto stall = [&] {
    stalled.push_back(weir.connect());
    stalled.back().send_all(first_flight());
  };
  for (int i = 0; i < 3; ++i) stall();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_tls_handshakes_under_way") == 3; }));
  stall();
  EXPECT_EQ(weir.wait_for_session().text("reason"), "handshake_limit");
  stalled.front().close();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_tls_handshakes_under_way") == 2; }));
  talk(weir, asking("a.example"));
}

TEST_F(Termination, HandshakesThatAreAbandonedLeaveNothingBehind) {
  const WeirProcess weir(terminating("handshake_timeout = \"60s\"\n"));
  const auto abandon = [&](int count) {
    for (int i = 0; i < count; ++i) {
      Socket client = weir.connect();
      client.send_all(first_flight());
      // Then the handshake is under way; else it may have been reset before.
      if (i % 3 != 0) client.receive_some();
      if (i % 2 == 0) client.reset();
    }
    EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  };
  abandon(300);
  const std::uint64_t before = resident_bytes(weir.pid());
  const std::size_t descriptors = descriptor_count(weir.pid());
  abandon(1'000);
  // The door may still be closing the connection that was asked by.
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir.pid()) <= descriptors; }));
  if (!kSanitized) {
    EXPECT_LE(resident_bytes(weir.pid()), before + (std::uint64_t{512} << 10));
  }
  EXPECT_GE(handshakes(weir, "left"), 860u);
  EXPECT_EQ(handshakes(weir, "full"), 0u);
  talk(weir, asking("a.example"));
}

TEST_F(Termination, ManyRecordsInOnePacketAllArrive) {
  const WeirProcess weir(terminating());
  TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
  for (const int records : {9, 20, 100}) {
    for (int i = 0; i < records; ++i) client.send_all("x");
    EXPECT_EQ(client.receive_exactly(static_cast<std::size_t>(records)),
              std::string(static_cast<std::size_t>(records), 'x'));
  }
}

TEST_F(Termination, CertificatesAreExchangedUnderLoad) {
  const WeirProcess weir(terminating());
  TlsSocket old = TlsSocket::connect(weir.connect(), asking("a.example"));
  std::atomic<bool> stop{false};
  std::atomic<int> served{0};
  std::atomic<int> renewed{0};
  const auto load = [&] {
    while (!stop) {
      TlsSocket client = TlsSocket::connect(weir.connect(), asking("a.example"));
      client.send_all("hello");
      EXPECT_EQ(client.receive_exactly(5), "hello");
      ++served;
      if (client.peer_common_name() == "renewed") ++renewed;
    }
  };
  Background one(load);
  Background two(load);
  EXPECT_TRUE(eventually([&] { return served > 20; }));
  CertificateSpec spec = server_spec({"a.example", "*.b.example"});
  spec.common_name = "renewed";
  const TestCertificate fresh = authority.issue(spec);
  // As certbot and others do it: two files, one after the other.
  directory.replace("first.pem", fresh.pem());
  EXPECT_TRUE(eventually([&] { return !weir.events("certificates").empty(); }));
  EXPECT_EQ(renewed, 0) << "the key does not fit yet";
  directory.replace("first.key", fresh.key_pem());
  ::chmod(first.key.c_str(), 0600);
  give_to_test_user(first.key);
  EXPECT_TRUE(eventually([&] { return renewed > 20; }));
  stop = true;
  one.join();
  two.join();
  old.send_all("still here");
  EXPECT_EQ(old.receive_exactly(10), "still here") << "a session keeps what it has";
  EXPECT_EQ(handshakes(weir, "failed"), 0u);
  bool refused = false;
  for (const LogLine& event : weir.events("certificates")) {
    refused |= event.text("msg").find("stays in force") != std::string::npos;
  }
  EXPECT_TRUE(refused);
}

TEST_F(Termination, AListenerWhoseFilesHaveMistakesHoldsUpNoOther) {
  Configuration configuration = terminating();
  configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [" + listed(first) +
                       "]\n[listeners.before]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n"
                       "[listeners.before.tls]\nmode = \"terminate\"\ncertificates = [" +
                       listed(second) + "]\n";
  const WeirProcess weir(configuration);
  CertificateSpec spec = server_spec({"a.example"});
  spec.common_name = "renewed";
  const TestCertificate fresh = authority.issue(spec);
  const auto replace_key = [&](const std::string& name, const std::string& path) {
    directory.replace(name, fresh.key_pem());
    ::chmod(path.c_str(), 0600);
    give_to_test_user(path);
  };
  replace_key("second.key", second.key);
  ASSERT_TRUE(eventually([&] { return !weir.events("certificates").empty(); }));
  directory.replace("first.pem", fresh.pem());
  replace_key("first.key", first.key);
  EXPECT_TRUE(eventually([&] {
    return TlsSocket::connect(weir.connect(), asking("a.example")).peer_common_name() == "renewed";
  }));
}

TEST_F(Termination, TellsWhenCertificatesEnd) {
  CertificateSpec spec = server_spec({"a.example"});
  spec.not_after = std::chrono::hours(24 * 3 + 1);
  const CertificatePaths soon = write("soon", authority.issue(spec));
  Configuration configuration = terminating();
  configuration.rest = "[listeners.web.tls]\nmode = \"terminate\"\ncertificates = [" + listed(soon) + "]\n";
  const WeirProcess weir(configuration);
  const auto end = std::chrono::system_clock::now() + spec.not_after;
  const double expected = std::chrono::duration<double>(end.time_since_epoch()).count();
  EXPECT_NEAR(weir.admin().seconds("weir_certificate_end_timestamp_seconds"), expected, 600);
}

TEST_F(Termination, NeverShowsAKey) {
  const WeirProcess weir(terminating());
  talk(weir, asking("a.example"));
  const std::string answer = weir.admin().get("/metrics").body;
  EXPECT_THAT(answer, HasSubstr("weir_certificate_end_timestamp_seconds"));
  EXPECT_THAT(answer, testing::Not(HasSubstr("PRIVATE")));
}

}  // namespace
}  // namespace weir::test
