#include "session/preread.h"

#include <gtest/gtest.h>

#include "support/client_hello.h"
#include "unit/session/any_door.h"
#include "unit/support.h"
#include "wire/proxy_write.h"

namespace weir::session {
namespace {

const base::Address kPeer = *base::parse_address("198.51.100.9:700");
const base::Address kClient = *base::parse_address("192.0.2.7:51234");
const base::Address kFront = *base::parse_address("203.0.113.1:443");
const std::string kLine = "PROXY TCP4 192.0.2.7 203.0.113.1 51234 443\r\n";

std::shared_ptr<pool::Pool> pool_named(const std::string& name) {
  pool::PoolSettings settings;
  settings.name = name;
  return std::make_shared<pool::Pool>(std::move(settings), std::vector<std::shared_ptr<pool::Backend>>{});
}

class Prereads : public testing::Test, public Preread::Owner {
 protected:
  void begin(bool need_not_come = false) {
    test::SocketPair pair = test::tcp_pair();
    far = std::move(pair.a);
    peer.fd = std::move(pair.b);
    entrance.proxy_may_be_absent = need_not_come;
    preread.emplace(Preread::Services{*loop, budget}, *this,
                    Preread::Subject{peer, kPeer, is_proxy, listeners_pool, entrance, door});
  }
  void start(bool need_not_come = false) {
    begin(need_not_come);
    preread->start();
  }
  void send(std::string_view bytes) { test::send_some(far.get(), bytes); }
  void end_stream() { ::shutdown(far.get(), SHUT_WR); }
  [[nodiscard]] bool ends() {
    return driver.until([&] { return done || failed; });
  }
  void expect_done(const base::Address& client) {
    ASSERT_TRUE(ends());
    ASSERT_TRUE(done) << word(*failed);
    EXPECT_EQ(preread->client(), client);
    EXPECT_EQ(peer.watch.interest(), net::Interest::kNone) << "the next one watches it";
    ASSERT_EQ(door.asked.size(), 1u);
    EXPECT_EQ(door.asked[0], client);
  }
  void expect_failed(CloseReason reason) {
    ASSERT_TRUE(ends());
    ASSERT_TRUE(failed.has_value());
    EXPECT_EQ(*failed, reason) << word(*failed);
    EXPECT_EQ(peer.watch.interest(), net::Interest::kNone);
  }
  void expect_fault(wire::ProxyFault fault) {
    expect_failed(CloseReason::kProxyHeader);
    EXPECT_EQ(preread->fault(), fault);
    EXPECT_EQ(door.faults(fault), 1u);
    EXPECT_TRUE(door.asked.empty());
  }

  void preread_done() override {
    EXPECT_FALSE(done || failed) << "one outcome";
    done = true;
  }
  void preread_failed(CloseReason reason) override {
    EXPECT_FALSE(done || failed) << "one outcome";
    failed = reason;
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  base::UniqueFd far;
  relay::Peer peer;
  AnyDoor door;
  Entrance entrance;
  ReadAheadBudget budget{100'000};
  bool is_proxy = true;
  std::shared_ptr<pool::Pool> listeners_pool = pool_named("listener's");
  std::optional<Preread> preread;
  bool done = false;
  std::optional<CloseReason> failed;
};

TEST_F(Prereads, KnowsAtOnceWhatHasComeAlready) {
  begin();
  send(kLine + "GET /");
  ASSERT_TRUE(test::wait_for(peer.fd.get(), POLLIN));
  preread->start();
  EXPECT_TRUE(done) << "without a turn of the loop";
  expect_done(kClient);
  EXPECT_EQ(preread->read_ahead(), "GET /");
  EXPECT_EQ(preread->introduction()->proxy, kPeer);
  EXPECT_EQ(preread->introduction()->destination, kFront);
  EXPECT_EQ(door.news(ProxyNews::kClient), 1u);
}

TEST_F(Prereads, TakesAHeaderThatComesByteForByte) {
  start();
  for (const char c : kLine) {
    EXPECT_FALSE(done);
    send({&c, 1});
    driver.turns(2);
  }
  expect_done(kClient);
  EXPECT_EQ(preread->read_ahead(), "");
}

TEST_F(Prereads, KeepsNothingOfALongHeader) {
  start();
  std::string header = wire::proxy_block({kClient, kFront}, {});
  const std::string noop = std::string("\x04\xea\x60", 3) + std::string(60'000, 'n');
  header[14] = static_cast<char>((12 + noop.size()) >> 8);
  header[15] = static_cast<char>((12 + noop.size()) & 0xff);
  send(header + noop + "payload");
  expect_done(kClient);
  EXPECT_EQ(preread->read_ahead(), "payload");
  EXPECT_EQ(budget.used(), 7u);
}

TEST_F(Prereads, LeavesWhatComesLaterWhereItIs) {
  start();
  send(kLine);
  expect_done(kClient);
  send("later");
  driver.turns(5);
  EXPECT_EQ(preread->read_ahead(), "");
  EXPECT_EQ(test::receive(peer.fd.get()), "later");
}

TEST_F(Prereads, KeepsWhatVersion2SaysBesides) {
  start();
  wire::ProxyTlvs tlvs;
  tlvs.authority = "WWW.Example.";
  tlvs.alpn = "h2";
  tlvs.unique_id = std::string_view("\x01id", 3);
  tlvs.ssl = std::string_view("\x01\0\0\0\0", 5);
  tlvs.crc32c = true;
  send(wire::proxy_block({kClient, kFront}, tlvs));
  expect_done(kClient);
  const Introduction& told = *preread->introduction();
  EXPECT_EQ(told.server_name, "www.example") << "as names are compared";
  EXPECT_EQ(told.alpn, "h2");
  EXPECT_EQ(told.unique_id, "\x01id");
  EXPECT_EQ(told.ssl, std::string("\x01\0\0\0\0", 5));
}

TEST_F(Prereads, DoesNotKeepNamesThatAreTooLongToBeNames) {
  start();
  const std::string authority(256, 'a');
  const std::string alpn(256, 'b');
  // Flags and a verification's outcome, and a TLV within.
  const std::string ssl = std::string("\x01\0\0\0\0\x21\x10\x01", 8) + std::string(0x1001, 'c');
  wire::ProxyTlvs tlvs;
  tlvs.authority = authority;
  tlvs.alpn = alpn;
  tlvs.ssl = ssl;
  send(wire::proxy_block({kClient, kFront}, tlvs));
  expect_done(kClient);
  EXPECT_EQ(preread->introduction()->server_name, "");
  EXPECT_EQ(preread->introduction()->alpn, "");
  EXPECT_EQ(preread->introduction()->ssl, "");
}

TEST_F(Prereads, TakesThePeerForTheClientWhenTheHeaderNamesNone) {
  for (const std::string& header :
       {std::string("PROXY UNKNOWN\r\n"), wire::proxy_block_local(), wire::proxy_block({{}, {}}, {})}) {
    start();
    send(header + "payload");
    expect_done(kPeer);
    EXPECT_EQ(preread->read_ahead(), "payload");
    EXPECT_EQ(preread->introduction()->proxy, base::Address()) << "the peer speaks for itself";
    door.asked.clear();
    done = false;
  }
  EXPECT_EQ(door.news(ProxyNews::kNothing), 3u);
}

TEST_F(Prereads, TellsWhatIsWrongWithAHeaderByItsKind) {
  start();
  send("GET / HTTP/1.1\r\n");
  expect_fault(wire::ProxyFault::kAbsent);
}

TEST_F(Prereads, DoesNotTakeAStreamThatEndsWithinTheHeader) {
  start();
  send(kLine.substr(0, 20));
  end_stream();
  expect_fault(wire::ProxyFault::kCut);
}

TEST_F(Prereads, TakesOneThatLeavesWithoutAWordForALookAtThePort) {
  start();
  end_stream();
  expect_failed(CloseReason::kClientEnd);
  EXPECT_EQ(preread->fault(), std::nullopt);
}

TEST_F(Prereads, TellsOfAReset) {
  start();
  send("PROXY");
  driver.turns(3);
  net::abort_connection(far);
  expect_failed(CloseReason::kClientReset);
}

TEST_F(Prereads, EndsAtTheTimeLimit) {
  start();
  send("PROXY TCP4 ");
  driver.turns(3);
  preread->timed_out();
  expect_failed(CloseReason::kPrereadTimeout);
}

TEST_F(Prereads, ReadsWhatHasComeBeforeTheTimeLimitIsSaidToBeOver) {
  start();
  send(kLine);
  ASSERT_TRUE(test::wait_for(peer.fd.get(), POLLIN));
  preread->timed_out();
  EXPECT_TRUE(done) << "it was the loop that was late";
}

TEST_F(Prereads, DoesNotLetInAClientThatTheDoorRefuses) {
  door.refusal = admission::Refusal::kDenied;
  start();
  send(kLine);
  expect_failed(CloseReason::kRefused);
  EXPECT_EQ(preread->refusal(), admission::Refusal::kDenied);
  EXPECT_TRUE(peer.fd) << "what becomes of it is the session's";
}

class WhereItNeedNotCome : public Prereads {
 protected:
  void expect_plain(std::string_view read_ahead) {
    expect_done(kPeer);
    EXPECT_EQ(preread->read_ahead(), read_ahead);
    EXPECT_EQ(preread->introduction(), nullptr);
    EXPECT_EQ(door.news(ProxyNews::kNone), 1u);
  }
};

TEST_F(WhereItNeedNotCome, AHeaderIsTakenAllTheSame) {
  start(true);
  send(kLine);
  expect_done(kClient);
}

TEST_F(WhereItNeedNotCome, OtherBytesAreTheClients) {
  start(true);
  send("PRINT\r\n");
  expect_plain("PRINT\r\n");
}

TEST_F(WhereItNeedNotCome, BytesThatMayYetBecomeAHeaderAreWaitedFor) {
  start(true);
  send("PRO");
  driver.turns(5);
  EXPECT_FALSE(done);
  send("PFIND");
  expect_plain("PROPFIND");
}

TEST_F(WhereItNeedNotCome, OneWhoSaysNothingIsAClientAfterTheTimeLimit) {
  start(true);
  driver.turns(2);
  preread->timed_out();
  expect_plain("");
}

TEST_F(WhereItNeedNotCome, OneWhoEndsItsStreamAtOnceIsAClient) {
  start(true);
  end_stream();
  expect_plain("");
}

TEST_F(WhereItNeedNotCome, AHeaderThatHasBegunMustBecomeOne) {
  start(true);
  send("PROXY TCP4 1.2.3\r\n");
  expect_fault(wire::ProxyFault::kLine);
}

TEST_F(WhereItNeedNotCome, WhatCouldStillHaveBecomeAHeaderIsTheClientsInTheEnd) {
  start(true);
  send("\r\n\r\n");
  driver.turns(3);
  preread->timed_out();
  expect_plain("\r\n\r\n");
}

TEST_F(WhereItNeedNotCome, AStreamMayEndInWhatCouldStillHaveBecomeAHeader) {
  start(true);
  send("P");
  end_stream();
  expect_plain("P");
}

TEST_F(WhereItNeedNotCome, AHeaderThatStallsTimesOut) {
  start(true);
  send("PROXY ");
  driver.turns(3);
  preread->timed_out();
  expect_failed(CloseReason::kPrereadTimeout);
}

class Hellos : public Prereads {
 protected:
  Hellos() {
    is_proxy = false;
    rules.routes =
        HelloRoutes({{{"a.example"}, {}, pool_named("a")}, {{"*.b.example"}, {"h2"}, pool_named("b")}});
  }
  void start_hello() {
    entrance.hello = std::make_shared<const HelloRules>(rules);
    start();
  }
  void expect_pool(const std::string& name) {
    ASSERT_TRUE(ends());
    ASSERT_TRUE(done) << word(*failed);
    EXPECT_EQ(preread->pool()->name(), name);
  }
  std::uint64_t hellos(HelloNews news) const {
    return door.counted.client_hellos[static_cast<std::size_t>(news)].value();
  }
  HelloRules rules;
};

TEST_F(Hellos, GoWhereTheirNameAndProtocolSayAndArePassedOnAsTheyAre) {
  start_hello();
  const std::string hello = test::client_hello("A.Example.");
  send(hello + "early data");
  expect_pool("a");
  EXPECT_EQ(preread->read_ahead(), hello + "early data");
  EXPECT_EQ(preread->introduction()->server_name, "a.example");
  EXPECT_EQ(preread->introduction()->proxy, base::Address());
  EXPECT_FALSE(preread->take_permits().has_value()) << "the client has passed the door when it connected";
  EXPECT_TRUE(door.asked.empty());
  EXPECT_EQ(hellos(HelloNews::kRoute), 1u);
}

TEST_F(Hellos, MayComeByteForByte) {
  start_hello();
  for (const char c : test::client_hello("x.b.example", {"h2"})) {
    EXPECT_FALSE(done);
    send({&c, 1});
    driver.turns(2);
  }
  expect_pool("b");
}

TEST_F(Hellos, ThatNoRouteIsForGoToTheListenersPool) {
  for (const std::string& hello : {test::client_hello("x.b.example", {"http/1.1"}),
                                   test::client_hello("c.example"), test::client_hello("")}) {
    done = false;
    start_hello();
    send(hello);
    expect_pool("listener's");
  }
  EXPECT_EQ(hellos(HelloNews::kNoRoute), 3u);
}

TEST_F(Hellos, ThatNoRouteIsForAreRefusedWhereThatIsAskedFor) {
  rules.refuses_without_route = true;
  start_hello();
  send(test::client_hello("c.example"));
  expect_failed(CloseReason::kNoRoute);
  EXPECT_EQ(preread->introduction()->server_name, "c.example") << "for the log";
}

TEST_F(Hellos, OfClientsThatDoNotSpeakTlsAreRefusedOrNotAsked) {
  start_hello();
  send("GET / HTTP/1.1\r\n");
  expect_failed(CloseReason::kClientHello);
  EXPECT_EQ(preread->hello(), HelloNews::kNotTls);
  failed.reset();
  rules.refuses_others_than_tls = false;
  start_hello();
  send("GET / HTTP/1.1\r\n");
  expect_pool("listener's");
  EXPECT_EQ(preread->read_ahead(), "GET / HTTP/1.1\r\n");
}

TEST_F(Hellos, ThatBeginAsOneAndAreNoneAreRefusedInAnyCase) {
  rules.refuses_others_than_tls = false;
  start_hello();
  send("\x16\x03\x01" + std::string("\x00\x04\x02\x00\x00\x00", 6));
  expect_failed(CloseReason::kClientHello);
  EXPECT_EQ(preread->hello(), HelloNews::kMalformed);
}

TEST_F(Hellos, ThatAreCutOrStallAreRefused) {
  const std::string half = test::client_hello("a.example").substr(0, 30);
  start_hello();
  send(half);
  end_stream();
  expect_failed(CloseReason::kClientHello);
  EXPECT_EQ(preread->hello(), HelloNews::kCut);
  failed.reset();
  start_hello();
  send(half);
  driver.turns(3);
  preread->timed_out();
  expect_failed(CloseReason::kPrereadTimeout);
}

TEST_F(Hellos, OfOneWhoSaysNothingAreWaitedForNoLongerThanTheTimeLimit) {
  start_hello();
  preread->timed_out();
  expect_failed(CloseReason::kPrereadTimeout);
  failed.reset();
  rules.refuses_others_than_tls = false;
  start_hello();
  preread->timed_out();
  expect_pool("listener's");
  EXPECT_EQ(hellos(HelloNews::kNothing), 2u);
}

TEST_F(Hellos, MayFollowAHeaderInTheSamePacket) {
  is_proxy = true;
  start_hello();
  send(kLine + test::client_hello("a.example"));
  expect_pool("a");
  EXPECT_EQ(preread->client(), kClient);
  EXPECT_EQ(preread->read_ahead(), test::client_hello("a.example"));
  EXPECT_EQ(preread->introduction()->proxy, kPeer);
  EXPECT_EQ(preread->introduction()->server_name, "a.example") << "the client's own word";
  EXPECT_TRUE(preread->take_permits().has_value());
}

TEST_F(Hellos, MayFollowAHeaderLater) {
  is_proxy = true;
  start_hello();
  send(kLine);
  driver.turns(3);
  EXPECT_FALSE(done);
  send(test::client_hello("a.example"));
  expect_pool("a");
}

TEST_F(Hellos, AreReadAlsoOfAProxyThatNeedNotSayAnything) {
  is_proxy = true;
  entrance.hello = std::make_shared<const HelloRules>(rules);
  start(true);
  send(test::client_hello("a.example"));
  expect_pool("a");
  EXPECT_EQ(preread->client(), kPeer);
}

TEST_F(Hellos, AreHeldOnlyAsFarAsTheWorkersBudgetGoes) {
  start_hello();
  // A record's head and a message's, which promise more.
  const std::string long_one("\x16\x03\x01\x40\0\x01\0\xf0\0", 9);
  send(long_one + std::string(10'000, 'x'));
  ASSERT_TRUE(driver.until([&] { return budget.used() > 8'000; }));
  ASSERT_TRUE(budget.take(100'000 - budget.used()));
  send("more");
  expect_failed(CloseReason::kNoMemory);
  preread.reset();
  EXPECT_LT(budget.used(), 100'000u) << "what it held is free at once";
}

}  // namespace
}  // namespace weir::session
