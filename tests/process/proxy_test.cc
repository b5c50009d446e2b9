// The PROXY protocol with real connections: proxies in front of Weir that say who their clients are, and
// backends that Weir tells.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/checked_backend.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"
#include "wire/proxy_header.h"
#include "wire/proxy_write.h"

namespace weir::test {
namespace {

const std::string kLine = "PROXY TCP4 192.0.2.7 203.0.113.1 51234 443\r\n";

std::string line_of(const std::string& client) {
  return "PROXY TCP4 " + client + " 203.0.113.1 51234 443\r\n";
}

// What a backend reads of a connection that begins with a header.
struct Told {
  wire::ProxyHeader header;  // its views point into `bytes`
  std::string bytes;

  // Reads the header, whole, and nothing behind it.
  explicit Told(Socket& from) {
    wire::ProxyRead read;
    do {
      bytes += from.receive_exactly(1);
      read = wire::read_proxy_header(bytes);
    } while (read.outcome == wire::ProxyRead::Outcome::kNeedsMore);
    EXPECT_EQ(read.outcome, wire::ProxyRead::Outcome::kHeader) << bytes;
    header = read.header;
  }
  Told(const Told&) = delete;
  Told& operator=(const Told&) = delete;
};

Configuration accepting(const std::string& accept = "required", const std::string& more = "") {
  Configuration configuration;
  configuration.workers = 2;
  configuration.listener =
      "accept_proxy = \"" + accept + "\"\nproxy_trust = [\"127.0.0.1\", \"unix\"]\n" + more;
  return configuration;
}

// A connection of a trusted proxy that has said so much.
Socket proxied(const WeirProcess& weir, const std::string& said) {
  Socket socket = connect_from(weir, "127.0.0.1");
  if (!said.empty()) socket.send_all(said);
  return socket;
}

std::uint64_t faults(const WeirProcess& weir, const std::string& reason) {
  return weir.admin().sum("weir_proxy_header_faults_total", {{"reason", reason}});
}

TEST(AcceptProxy, TheNamedClientIsTheClientEverywhere) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket client = proxied(weir, kLine + "hello");
  EXPECT_EQ(client.receive_exactly(5), "hello");
  client.end_stream();
  EXPECT_EQ(client.receive_until_end().ended, Ended::kEndOfStream);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("client"), "192.0.2.7:51234");
  EXPECT_EQ(session.text("proxy"), client.local().to_string());
  EXPECT_EQ(session.number("upload"), 5u);
  EXPECT_EQ(session.text("reason"), "client_end");
  EXPECT_EQ(weir.admin().sum("weir_proxy_headers_total", {{"says", "client"}}), 1u);
}

TEST(AcceptProxy, NothingIsOpenedToABackendBeforeTheHeaderIsWhole) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket client = proxied(weir, "");
  for (const char c : kLine.substr(0, kLine.size() - 1)) {
    client.send_all({&c, 1});
    client.wait_until_delivered();
  }
  observe_for(Millis(50));
  EXPECT_EQ(backend.accepted(), 0u);
  EXPECT_EQ(facts_of(weir, backend.address().to_string()).attempts, 0u);
  client.send_all("\nx");
  EXPECT_EQ(client.receive_exactly(1), "x");
}

TEST(AcceptProxy, WhatIsNoHeaderIsResetAndCountedByReason) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  WeirProcess weir(configuration);
  const std::string v2("\r\n\r\n\0\r\nQUIT\n", 12);
  const std::vector<std::pair<std::string, std::string>> faulty{
      {"absent", "GET / HTTP/1.1\r\n\r\n"},
      {"version", v2 + std::string("\x31\x11\0\0", 4)},
      {"command", v2 + std::string("\x22\x11\0\0", 4)},
      {"family", v2 + std::string("\x21\x41\0\0", 4)},
      {"address", "PROXY TCP4 192.0.2.7 203.0.113.1 051234 443\r\n"},
      {"line", "PROXY TCP4 192.0.2.7\r\n"},
  };
  for (const auto& [reason, bytes] : faulty) {
    Socket client = proxied(weir, bytes);
    const Received got = client.receive_until_end();
    EXPECT_EQ(got.ended, Ended::kReset) << reason;
    EXPECT_EQ(got.bytes, "");
    EXPECT_EQ(faults(weir, reason), 1u) << reason;
  }
  EXPECT_EQ(backend.accepted(), 0u);
  std::set<std::string> told;
  for (const LogLine& session : weir.wait_for_sessions(faulty.size())) {
    EXPECT_EQ(session.text("reason"), "proxy_header");
    EXPECT_EQ(session.text("state"), "preread");
    told.insert(session.text("proxy_fault"));
  }
  EXPECT_EQ(told.size(), faulty.size());
}

TEST(AcceptProxy, AHeaderThatDoesNotComeTimesOut) {
  Backend backend(echo());
  Configuration configuration = accepting("required", "preread_timeout = \"300ms\"\n");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket silent = proxied(weir, "");
  Socket stalled = proxied(weir, "PROXY TCP4 ");
  EXPECT_EQ(silent.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(stalled.receive_until_end().ended, Ended::kReset);
  for (const LogLine& session : weir.wait_for_sessions(2)) {
    EXPECT_EQ(session.text("reason"), "preread_timeout");
    EXPECT_GE(session.number("duration_us"), 300'000u);
  }
}

TEST(AcceptProxy, OneByteASecondDoesNotPutTheTimeLimitOff) {
  Backend backend(echo());
  Configuration configuration = accepting("required", "preread_timeout = \"400ms\"\n");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket slow = proxied(weir, "");
  Background drip([&] {
    for (const char c : kLine) {
      if (slow.try_send({&c, 1}) == 0) return;
      observe_for(Millis(60));
    }
  });
  EXPECT_EQ(weir.wait_for_session().text("reason"), "preread_timeout");
  slow.shut();
  drip.join();
}

TEST(AcceptProxy, OnlyTrustedPeersMayComeWhereItIsRequired) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket stranger = connect_from(weir, "127.0.0.2");
  stranger.try_send(kLine);
  EXPECT_EQ(stranger.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(refused(weir, "untrusted"), 1u);
  EXPECT_EQ(weir.admin().sum("weir_connections_accepted_total"), 0u) << "it is no session";
}

TEST(AcceptProxy, WhatAStrangerSaysIsPassedOnWhereItIsOptional) {
  Backend backend(echo());
  Configuration configuration = accepting("optional");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket stranger = connect_from(weir, "127.0.0.2");
  stranger.send_all(kLine);
  EXPECT_EQ(stranger.receive_exactly(kLine.size()), kLine) << "for it is only bytes";
  stranger.close();
  EXPECT_TRUE(weir.wait_for_session().text("client").starts_with("127.0.0.2:"));
}

TEST(AcceptProxy, ATrustedPeerNeedNotSayAnythingWhereItIsOptional) {
  Backend backend([](Socket& socket) {
    socket.send_all("greeting");
    socket.receive_until_end();
  });
  Configuration configuration = accepting("optional", "preread_timeout = \"200ms\"\n");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket speaks = proxied(weir, "EHLO x\r\n");
  EXPECT_EQ(speaks.receive_exactly(8), "greeting");
  Socket waits = proxied(weir, "");
  EXPECT_EQ(waits.receive_exactly(8), "greeting") << "once the time for a header is over";
  EXPECT_EQ(weir.admin().sum("weir_proxy_headers_total", {{"says", "none"}}), 2u);
}

TEST(AcceptProxy, TheNamedClientMustPassTheAccessList) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  configuration.rest = "[listeners.web.access]\ndeny = [\"192.0.2.0/24\"]\n";
  const WeirProcess weir(configuration);
  Socket denied = proxied(weir, line_of("192.0.2.7"));
  EXPECT_EQ(denied.receive_until_end().ended, Ended::kReset);
  Socket welcome = proxied(weir, line_of("198.51.100.7") + "x");
  EXPECT_EQ(welcome.receive_exactly(1), "x");
  EXPECT_EQ(refused(weir, "denied"), 1u);
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("reason"), "refused");
  EXPECT_EQ(session.text("refusal"), "denied");
  EXPECT_EQ(session.text("client"), "192.0.2.7:51234");
  EXPECT_EQ(backend.accepted(), 1u);
}

TEST(AcceptProxy, LimitsOfAClientAreTheNamedOnes) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  configuration.rest = "[listeners.web.limits]\nclient_max_connections = 2\n";
  const WeirProcess weir(configuration);
  std::vector<Socket> open;
  for (const std::string client : {"192.0.2.7", "192.0.2.7", "192.0.2.8", "192.0.2.8"}) {
    open.push_back(proxied(weir, line_of(client) + "x"));
    EXPECT_EQ(open.back().receive_exactly(1), "x") << "though they all come from one proxy";
  }
  Socket third = proxied(weir, line_of("192.0.2.7"));
  EXPECT_EQ(third.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(refused(weir, "client_connections"), 1u);
  open.clear();
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  Socket again = proxied(weir, line_of("192.0.2.7") + "x");
  EXPECT_EQ(again.receive_exactly(1), "x") << "what its connections held was given back";
}

TEST(AcceptProxy, ANamedClientThatMayNotComeInIsHeldInTheTarpit) {
  Backend backend(echo());
  Configuration configuration = accepting();
  configuration.backends = {entry(backend.address())};
  configuration.rest =
      "[listeners.web.access]\ndeny = [\"192.0.2.0/24\"]\n[listeners.web.limits]\nwhen_exceeded = "
      "\"tarpit\"\n"
      "tarpit_time = \"1h\"\n";
  const WeirProcess weir(configuration);
  Socket denied = proxied(weir, kLine);
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_clients_tarpitted") == 1; }));
  EXPECT_EQ(weir.wait_for_session().text("reason"), "refused") << "the session is over";
  EXPECT_FALSE(denied.readable_now());
}

TEST(AcceptProxy, TheNamedClientChoosesItsBackend) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Configuration configuration = accepting();
  configuration.backends = {entry(a.address(), "a"), entry(b.address(), "b")};
  configuration.pool = "policy = \"source_hash\"\n";
  const WeirProcess weir(configuration);
  std::map<std::string, std::set<std::string>> answers;
  for (int round = 0; round < 3; ++round) {
    for (int host = 1; host <= 16; ++host) {
      const std::string client = "192.0.2." + std::to_string(host);
      Socket socket = proxied(weir, line_of(client) + "?");
      answers[client].insert(socket.receive_exactly(1));
    }
  }
  std::set<std::string> used;
  for (const auto& [client, names] : answers) {
    EXPECT_EQ(names.size(), 1u) << client << " went to several";
    used.insert(names.begin(), names.end());
  }
  EXPECT_EQ(used.size(), 2u) << "16 clients of one proxy";
}

TEST(AcceptProxy, TheNameThatIsAskedForChoosesItToo) {
  Backend a(names_itself("a"));
  Backend b(names_itself("b"));
  Configuration configuration = accepting();
  configuration.backends = {entry(a.address(), "a"), entry(b.address(), "b")};
  configuration.pool = "policy = \"source_hash\"\nhash_key = \"server_name\"\n";
  const WeirProcess weir(configuration);
  std::set<std::string> used;
  for (int name = 0; name < 16; ++name) {
    std::set<std::string> of_name;
    for (int host = 1; host <= 3; ++host) {
      wire::ProxyTlvs tlvs;
      const std::string authority = "site" + std::to_string(name) + (host == 2 ? ".EXAMPLE." : ".example");
      tlvs.authority = authority;
      const base::Address client = address_of("192.0.2." + std::to_string(host) + ":1");
      Socket socket = proxied(weir, wire::proxy_block({client, client}, tlvs) + "?");
      of_name.insert(socket.receive_exactly(1));
    }
    EXPECT_EQ(of_name.size(), 1u) << name;
    used.insert(of_name.begin(), of_name.end());
  }
  EXPECT_EQ(used.size(), 2u);
}

TEST(AcceptProxy, AbandonedHeadersLeaveNothingBehind) {
  constexpr int kMany = 1'000;
  Backend backend(echo());
  Configuration configuration = accepting("required", "preread_timeout = \"1m\"\n");
  configuration.backends = {entry(backend.address())};
  WeirProcess weir(configuration);
  const std::size_t before = descriptor_count(weir.pid());
  for (int i = 0; i < kMany; ++i) {
    Socket client = proxied(weir, kLine.substr(0, static_cast<std::size_t>(i) % kLine.size()));
    if (i % 2 == 0) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir.pid()) <= before; }));
  EXPECT_EQ(backend.accepted(), 0u);
  EXPECT_EQ(weir.stop(), kClean);
}

TEST(AcceptProxy, OneThatStillWaitsForItsHeaderIsEndedByTheDrain) {
  Backend backend(echo());
  Configuration configuration = accepting("required", "preread_timeout = \"1m\"\n");
  configuration.backends = {entry(backend.address())};
  configuration.process = "drain_timeout = \"200ms\"\n";
  WeirProcess weir(configuration);
  Socket client = proxied(weir, "PROXY");
  ASSERT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 1; }));
  EXPECT_EQ(weir.stop(), kForced);
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.sessions().at(0).text("reason"), "drain_timeout");
}

TEST(AcceptProxy, AHeaderIsTakenFromAUnixSocketToo) {
  Backend backend(echo());
  Configuration configuration = accepting();
  const TemporaryDirectory directory;
  configuration.bind = "unix:" + directory.file("front.sock");
  configuration.backends = {entry(backend.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all(kLine + "x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  client.close();
  EXPECT_EQ(weir.wait_for_session().text("client"), "192.0.2.7:51234");
}

Configuration sending(const std::string& pool) {
  Configuration configuration;
  configuration.workers = 2;
  configuration.pool = pool;
  return configuration;
}

TEST(SendProxy, ComesBeforeTheFirstByteOfTheClient) {
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v1\"\n");
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("hello");
  Socket backend = listener.accept();
  const std::string line = "PROXY TCP4 127.0.0.1 127.0.0.1 " + std::to_string(client.local().port()) + " " +
                           std::to_string(weir.address().port()) + "\r\n";
  EXPECT_EQ(backend.receive_exactly(line.size() + 5), line + "hello");
}

TEST(SendProxy, ComesAlsoWhereTheServerSpeaksFirst) {
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v2\"\n");
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const Told told(backend);
  EXPECT_EQ(told.header.source, client.local());
  EXPECT_EQ(told.header.destination, weir.address());
  backend.send_all("220 hello");
  EXPECT_EQ(client.receive_exactly(9), "220 hello");
}

TEST(SendProxy, GivesTheSessionsIdAsTheLogHasIt) {
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v2\"\nproxy_tlvs = [\"unique_id\", \"crc32c\"]\n");
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  Socket backend = listener.accept();
  const Told told(backend);
  client.close();
  backend.close();
  EXPECT_EQ(weir.wait_for_session().text("id"), told.header.unique_id);
}

TEST(SendProxy, ComesOnEveryAttemptAndOnNoOther) {
  const DeadPort dead;
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v1\"\npolicy = \"first\"\n");
  configuration.backends = {entry(dead.address()), entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("x");
  Socket backend = listener.accept();
  const Told told(backend);
  EXPECT_EQ(told.header.source, client.local());
  EXPECT_EQ(backend.receive_exactly(1), "x");
}

TEST(SendProxy, IsWhatTheFallbackPoolAsksForWhenItComesToThat) {
  const DeadPort dead;
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v1\"\nfallback_pool = \"plain\"\n");
  configuration.backends = {entry(dead.address())};
  configuration.rest = "[pools.plain]\nbackends = [" + entry(listener.address()) + "]\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all("x");
  Socket backend = listener.accept();
  EXPECT_EQ(backend.receive_exactly(1), "x") << "that one expects no header";
}

TEST(SendProxy, IsSaidByAWarmConnectionOnceItHasAClient) {
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v1\"\nwarm_connections = 1\n");
  configuration.workers = 1;
  configuration.backends = {entry(listener.address())};
  const WeirProcess weir(configuration);
  Socket warm = listener.accept();
  ASSERT_TRUE(eventually([&] { return facts_of(weir, listener.address().to_string()).warm == 1; }));
  EXPECT_FALSE(warm.readable_now());
  Socket client = weir.connect();
  const Told told(warm);
  EXPECT_EQ(told.header.source, client.local());
}

TEST(SendProxy, NamesNobodyForAClientOfAUnixSocket) {
  const std::vector<std::pair<std::string, std::string>> headers{
      {"send_proxy = \"v1\"\n", "PROXY UNKNOWN\r\n"},
      {"send_proxy = \"v2\"\nproxy_tlvs = [\"unique_id\"]\n", wire::proxy_block_local()}};
  for (const auto& [pool, header] : headers) {
    Listener listener;
    Configuration configuration = sending(pool);
    const TemporaryDirectory directory;
    configuration.bind = "unix:" + directory.file("front.sock");
    configuration.backends = {entry(listener.address())};
    const WeirProcess weir(configuration);
    Socket client = weir.connect();
    client.send_all("x");
    Socket backend = listener.accept();
    EXPECT_EQ(backend.receive_exactly(header.size() + 1), header + "x") << pool;
  }
}

TEST(SendProxy, ChecksSpeakForThemselves) {
  Listener listener;
  Configuration configuration = sending("send_proxy = \"v2\"\n");
  configuration.backends = {entry(listener.address())};
  configuration.rest =
      "[pools.web.health]\ntype = \"http\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\nhttp = { path = "
      "\"/ok\" }\n";
  const WeirProcess weir(configuration);
  Socket check = listener.accept();
  const Told told(check);
  EXPECT_TRUE(told.header.is_local);
  EXPECT_EQ(check.receive_exactly(7), "GET /ok");
}

TEST(SendProxy, AnotherWeirTakesItAndTheTwoLogsCanBeJoined) {
  Backend backend(names_its_client());
  Configuration behind = accepting();
  behind.backends = {entry(backend.address())};
  const WeirProcess inner(behind);
  Configuration front = sending("send_proxy = \"v2\"\nproxy_tlvs = [\"unique_id\", \"crc32c\"]\n");
  front.backends = {entry(inner.address())};
  front.rest = "[pools.web.health]\ntype = \"tcp\"\ninterval = \"100ms\"\ntimeout = \"100ms\"\n";
  const WeirProcess outer(front);
  Socket client = connect_from(outer, "127.0.0.5");
  client.send_all("?");
  EXPECT_EQ(client.receive_exactly(9), "127.0.0.1") << "the inner one connects";
  client.end_stream();
  client.receive_until_end();
  const LogLine session = outer.wait_for_session();
  EXPECT_TRUE(eventually([&] {
    for (const LogLine& line : inner.sessions()) {
      if (line.text("client") == client.local().to_string())
        return line.text("proxy_id") == session.text("id");
    }
    return false;
  }));
  EXPECT_TRUE(eventually([&] { return facts_of(outer, inner.address().to_string()).checks_passed > 1; }));
  EXPECT_EQ(inner.admin().sum("weir_proxy_header_faults_total"), 0u) << "nor is a check one";
  EXPECT_GE(inner.admin().sum("weir_proxy_headers_total", {{"says", "nothing"}}), 1u);
}

}  // namespace
}  // namespace weir::test
