// TLS that passes through: clients are sent to pools by the name and the protocol of their ClientHello, which
// reaches the backend byte for byte.
#include <gtest/gtest.h>

#include "support/backend.h"
#include "support/client_hello.h"
#include "support/clients.h"
#include "support/parallel.h"
#include "support/pool_facts.h"
#include "support/process_facts.h"

namespace weir::test {
namespace {

// Names itself once the first byte has come, and then sends back everything, that byte too.
Behaviour named_echo(std::string name) {
  return [name](Socket& socket) {
    Received first = socket.receive_some(64 * 1024, Millis(600'000));
    if (first.ended != Ended::kNot) return;
    socket.send_all(name);
    socket.send_all(first.bytes);
    echo()(socket);
  };
}

// Two routes and a pool for the rest.
class Passthrough : public testing::Test {
 protected:
  Configuration routed(const std::string& tls = "", const std::string& listener = "") const {
    Configuration configuration;
    configuration.workers = 2;
    configuration.backends = {entry(rest.address())};
    configuration.listener = listener;
    configuration.rest =
        "[listeners.web.tls]\nmode = \"passthrough\"\n" + tls +
        "[[listeners.web.routes]]\nserver_names = [\"a.example\"]\npool = \"a\"\n"
        "[[listeners.web.routes]]\nserver_names = [\"*.b.example\"]\nalpn = [\"h2\"]\npool = \"b\"\n"
        "[pools.a]\nbackends = [" +
        entry(a.address()) + "]\n[pools.b]\nbackends = [" + entry(b.address()) + "]\n";
    return configuration;
  }
  // Where a client that says `hello` comes to, which must get it unchanged.
  static char served_by(const WeirProcess& weir, const std::string& hello) {
    Socket client = weir.connect();
    client.send_all(hello);
    const std::string got = client.receive_exactly(1 + hello.size());
    EXPECT_TRUE(got.substr(1) == hello) << "the backend got something else";
    return got[0];
  }
  static std::uint64_t hellos(const WeirProcess& weir, const std::string& reason) {
    return weir.admin().sum("weir_client_hellos_total", {{"reason", reason}});
  }

  Backend a{named_echo("a")};
  Backend b{named_echo("b")};
  Backend rest{named_echo("r")};
};

TEST_F(Passthrough, SendsClientsWhereTheirNameAndProtocolSay) {
  const WeirProcess weir(routed());
  EXPECT_EQ(served_by(weir, client_hello("a.example")), 'a');
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("server_name"), "a.example");
  EXPECT_EQ(session.text("pool"), "a");
  EXPECT_EQ(served_by(weir, client_hello("A.EXAMPLE.")), 'a');
  EXPECT_EQ(served_by(weir, client_hello("x.b.example", {"h2", "http/1.1"})), 'b');
  EXPECT_EQ(served_by(weir, client_hello("x.b.example", {"http/1.1"})), 'r');
  EXPECT_EQ(served_by(weir, client_hello("c.example")), 'r');
  EXPECT_EQ(served_by(weir, client_hello("")), 'r');
  EXPECT_EQ(hellos(weir, "route"), 3u);
  EXPECT_EQ(hellos(weir, "no_route"), 3u);
}

TEST_F(Passthrough, ReadsAHelloOfAnySizeInAnyRecordsAndSegments) {
  const WeirProcess weir(routed());
  EXPECT_EQ(served_by(weir, client_hello("a.example", {}, 1'300)), 'a') << "a post-quantum key share";
  EXPECT_EQ(served_by(weir, client_hello("a.example", {}, 60'000)), 'a');
  EXPECT_EQ(served_by(weir, client_hello("a.example", {}, 1'000, 1)), 'a') << "a record for each byte";
  Socket client = weir.connect();
  const std::string hello = client_hello("a.example", {"h2"}, 200, 50);
  for (const char c : hello) {
    client.send_all({&c, 1});
    client.wait_until_delivered();
  }
  EXPECT_EQ(client.receive_exactly(1 + hello.size()), "a" + hello);
}

TEST_F(Passthrough, RefusesWhatIsLongerThanAnyHello) {
  const WeirProcess weir(routed());
  Socket client = weir.connect();
  client.try_send(client_hello("a.example", {}, 65'000, 100));
  EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
  EXPECT_EQ(weir.wait_for_session().text("hello_fault"), "too_long");
}

TEST_F(Passthrough, RefusesOthersThanTlsUnlessItIsToldToServeThem) {
  {
    const WeirProcess weir(routed());
    Socket client = weir.connect();
    client.send_all("GET / HTTP/1.1\r\n\r\n");
    EXPECT_EQ(client.receive_until_end().ended, Ended::kReset);
    const LogLine session = weir.wait_for_session();
    EXPECT_EQ(session.text("reason"), "client_hello");
    EXPECT_EQ(session.text("hello_fault"), "not_tls");
    EXPECT_EQ(session.text("state"), "preread");
    EXPECT_EQ(rest.accepted(), 0u);
  }
  const WeirProcess weir(routed("not_tls = \"pool\"\n"));
  EXPECT_EQ(served_by(weir, "GET / HTTP/1.1\r\n\r\n"), 'r');
}

TEST_F(Passthrough, RefusesClientsWithoutARouteWhereItIsToldTo) {
  const WeirProcess weir(routed("no_route = \"refuse\"\n"));
  EXPECT_EQ(served_by(weir, client_hello("a.example")), 'a');
  for (const char* name : {"c.example", ""}) {
    Socket client = weir.connect();
    client.send_all(client_hello(name));
    EXPECT_EQ(client.receive_until_end().ended, Ended::kReset) << name;
  }
  // A client may see its end before it is counted.
  EXPECT_TRUE(eventually([&] {
    return weir.admin().sum("weir_sessions_closed_total", {{"reason", "no_route"}}) == 2;
  }));
}

TEST_F(Passthrough, OpensNothingToABackendBeforeTheHelloIsWhole) {
  const WeirProcess weir(routed("", "preread_timeout = \"300ms\"\n"));
  Socket slow = weir.connect();
  const std::string hello = client_hello("a.example");
  Background drip([&] {
    for (const char c : hello) {
      if (slow.try_send({&c, 1}) == 0) return;
      observe_for(Millis(20));
    }
  });
  EXPECT_EQ(weir.wait_for_session().text("reason"), "preread_timeout");
  EXPECT_EQ(a.accepted() + b.accepted() + rest.accepted(), 0u);
  slow.shut();
  drip.join();
}

TEST_F(Passthrough, TellsBackendsWhichNameWasAskedFor) {
  Configuration configuration = routed();
  configuration.rest += "send_proxy = \"v2\"\nproxy_tlvs = [\"authority\"]\n";
  const WeirProcess weir(configuration);
  Socket client = weir.connect();
  client.send_all(client_hello("x.b.example", {"h2"}));
  EXPECT_EQ(client.receive_exactly(1), "b");
  const std::string first = client.receive_exactly(12 + 4 + 12 + 3 + 11);
  EXPECT_EQ(first.substr(12 + 4 + 12), std::string("\x02\0\x0b", 3) + "x.b.example");
}

TEST_F(Passthrough, FollowsTheHeaderOfAProxyInFront) {
  const WeirProcess weir(routed("", "accept_proxy = \"required\"\nproxy_trust = [\"127.0.0.1\"]\n"));
  Socket client = connect_from(weir, "127.0.0.1");
  const std::string hello = client_hello("a.example");
  client.send_all("PROXY TCP4 192.0.2.7 203.0.113.1 51234 443\r\n" + hello);
  EXPECT_EQ(client.receive_exactly(1 + hello.size()), "a" + hello);
  client.close();
  const LogLine session = weir.wait_for_session();
  EXPECT_EQ(session.text("client"), "192.0.2.7:51234");
  EXPECT_EQ(session.text("server_name"), "a.example");
}

TEST_F(Passthrough, AThousandAbandonedHellosLeaveNothingBehind) {
  WeirProcess weir(routed("", "preread_timeout = \"1m\"\n"));
  const std::string hello = client_hello("a.example", {}, 10'000);
  const std::size_t before = descriptor_count(weir.pid());
  for (std::size_t i = 0; i < 1'000; ++i) {
    Socket client = weir.connect();
    client.send_all(std::string_view(hello).substr(0, 1 + i * 10));
    if (i % 2 == 0) client.reset();
  }
  EXPECT_TRUE(eventually([&] { return weir.admin().sum("weir_sessions_open") == 0; }));
  EXPECT_TRUE(eventually([&] { return descriptor_count(weir.pid()) <= before; }));
  EXPECT_EQ(a.accepted(), 0u);
  EXPECT_EQ(weir.stop(), kClean);
}

}  // namespace
}  // namespace weir::test
