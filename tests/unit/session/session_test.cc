#include "session/session.h"

#include <gtest/gtest.h>

#include "session/session_table.h"
#include "unit/support.h"

namespace weir::session {
namespace {

class Sink final : public RecordSink {
 public:
  bool write(SessionRecord&& record) override {
    if (full) return false;
    records.push_back(std::move(record));
    return true;
  }
  std::vector<SessionRecord> records;
  bool full = false;
};

// A table on a loop, one backend on loopback, and clients over TCP. Time is the test's: the wheel is turned
// by hand.
class Sessions : public testing::Test {
 protected:
  Sessions() {
    settings->listener = "web";
    pool::BackendIdentity identity;
    identity.name = "a";
    identity.address = listening.address;
    backend = std::make_shared<pool::Backend>(std::move(identity));
    use({backend});
  }

  void use(std::vector<std::shared_ptr<pool::Backend>> backends) {
    pool::PoolSettings named;
    named.name = "p";
    named.connect_timeout = base::Millis(3'000);
    pool = std::make_shared<pool::Pool>(std::move(named), std::move(backends));
  }
  // Gives the client's end of a new session.
  base::UniqueFd open() {
    test::SocketPair pair = test::tcp_pair();
    table.open({std::move(pair.b), test::loopback(1234), slots.try_acquire()}, {settings, pool}, counters);
    return std::move(pair.a);
  }
  base::UniqueFd accept() {
    EXPECT_TRUE(driver.until([&] { return test::wait_for(listening.fd.get(), POLLIN, base::Millis(0)); }));
    return test::accept_from(listening.fd.get());
  }
  [[nodiscard]] bool closes() {
    return driver.until([&] { return table.size() == 0; });
  }
  // Lets `passed` go by for the sessions' deadlines.
  void pass(base::Millis passed) {
    wheel.advance(base::precise_now() + passed);
    driver.turns(2);
  }
  std::string receive(int fd, std::size_t size) {
    std::string got;
    EXPECT_TRUE(driver.until([&] {
      char buffer[4096];
      const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
      if (n > 0) got.append(buffer, static_cast<std::size_t>(n));
      return got.size() >= size;
    }));
    return got;
  }
  std::uint64_t closed(CloseReason reason) const {
    return counters.closed[static_cast<std::size_t>(reason)].value();
  }
  void expect_one_close(CloseReason reason, SessionState state) {
    EXPECT_EQ(counters.accepted.value(), 1u);
    EXPECT_EQ(counters.closed_total(), 1u);
    EXPECT_EQ(closed(reason), 1u);
    EXPECT_EQ(counters.open(), 0u);
    EXPECT_EQ(slots.used(), 0u) << "the permit goes back";
    EXPECT_EQ(wheel.size(), 0u);
    ASSERT_EQ(sink.records.size(), 1u);
    EXPECT_EQ(sink.records[0].reason, reason) << word(sink.records[0].reason);
    EXPECT_EQ(sink.records[0].state, state) << word(sink.records[0].state);
    driver.turns(2);
    EXPECT_EQ(backend->counters().in_flight.value(), 0);
  }

  admission::ConnectionSlots slots{16, [] {}};
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  net::BufferPool buffers{8};
  net::TimerWheel wheel{base::precise_now()};
  Sink sink;
  ListenerCounters counters;
  test::Listening listening = test::listen_on_loopback();
  std::shared_ptr<SessionSettings> settings = std::make_shared<SessionSettings>();
  std::shared_ptr<pool::Backend> backend;
  std::shared_ptr<pool::Pool> pool;
  SessionTable table{{*loop, buffers, wheel, sink}, 7};
};

int error_of(int fd) {
  int error = 0;
  test::receive_all(fd, &error);
  return error;
}

TEST_F(Sessions, CarryBytesAndLeaveOneRecord) {
  base::UniqueFd client = open();
  base::UniqueFd server = accept();
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(slots.used(), 1u);
  EXPECT_EQ(counters.open(), 1u);
  test::send_some(client.get(), "question");
  EXPECT_EQ(receive(server.get(), 8), "question");
  test::send_some(server.get(), "answer");
  EXPECT_EQ(receive(client.get(), 6), "answer");
  client.reset();
  ASSERT_TRUE(driver.until([&] {
    char c = 0;
    return ::recv(server.get(), &c, 1, 0) == 0;
  }));
  server.reset();
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kClientEnd, SessionState::kHalfClosed);
  const SessionRecord& record = sink.records[0];
  EXPECT_EQ(record.id, 7u);
  EXPECT_EQ(record.attempts, 1);
  EXPECT_EQ(record.upload_bytes, 8u);
  EXPECT_EQ(record.download_bytes, 6u);
  EXPECT_EQ(record.backend, backend);
  EXPECT_EQ(record.client, test::loopback(1234));
  EXPECT_TRUE(record.connect_time.has_value());
  EXPECT_EQ(counters.upload_bytes.value(), 8u);
  EXPECT_EQ(counters.download_bytes.value(), 6u);
  EXPECT_EQ(backend->counters().upload_bytes.value(), 8u);
  EXPECT_EQ(backend->counters().download_bytes.value(), 6u);
}

TEST_F(Sessions, KeepWhatAClientSendsBeforeTheBackendIsConnectedItsEndIncluded) {
  test::SocketPair pair = test::tcp_pair();
  test::send_some(pair.a.get(), "early");
  ::shutdown(pair.a.get(), SHUT_WR);
  table.open({std::move(pair.b), {}, slots.try_acquire()}, {settings, pool}, counters);
  base::UniqueFd server = accept();
  EXPECT_EQ(receive(server.get(), 5), "early");
  test::send_some(server.get(), "late");
  EXPECT_EQ(receive(pair.a.get(), 4), "late");
  server.reset();
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kClientEnd, SessionState::kHalfClosed);
}

TEST_F(Sessions, HaveIdsThatFollowEachOther) {
  for (int i = 0; i < 3; ++i) open();
  table.close_all(CloseReason::kShutdown);
  ASSERT_EQ(sink.records.size(), 3u);
  std::uint64_t sum = 0;
  for (const auto& record : sink.records) sum += record.id;
  EXPECT_EQ(sum, 7u + 8u + 9u);
}

TEST_F(Sessions, WithoutABackendResetTheClient) {
  pool::BackendIdentity down;
  down.name = "x";
  down.state = pool::BackendState::kDown;
  use({std::make_shared<pool::Backend>(down)});
  const base::UniqueFd client = open();
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
  expect_one_close(CloseReason::kNoBackend, SessionState::kConnect);
  EXPECT_EQ(sink.records[0].backend, nullptr);
}

TEST_F(Sessions, WhoseBackendsRefuseResetTheClient) {
  pool::BackendIdentity identity;
  identity.name = "dead";
  identity.address = test::listen_on_loopback().address;
  use({std::make_shared<pool::Backend>(identity)});
  const base::UniqueFd client = open();
  ASSERT_TRUE(closes());
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
  expect_one_close(CloseReason::kConnectRefused, SessionState::kConnect);
  EXPECT_EQ(sink.records[0].connect_error, ECONNREFUSED);
}

TEST_F(Sessions, PassAResetOnAndNameItsSide) {
  const base::UniqueFd client = open();
  base::UniqueFd server = accept();
  test::send_some(server.get(), "part");
  EXPECT_EQ(receive(client.get(), 4), "part");
  net::abort_connection(server);
  ASSERT_TRUE(closes());
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
  expect_one_close(CloseReason::kBackendReset, SessionState::kRelay);
}

TEST_F(Sessions, EndWhenIdleButNotWhileBytesMove) {
  settings->idle_timeout = base::Millis(10'000);
  const base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  driver.turns(5);
  pass(base::Millis(9'000));
  EXPECT_EQ(table.size(), 1u);
  pass(base::Millis(10'200));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(error_of(client.get()), ECONNRESET) << "a stream that was cut must not look whole";
  EXPECT_EQ(error_of(server.get()), ECONNRESET);
  expect_one_close(CloseReason::kIdleTimeout, SessionState::kRelay);
}

TEST_F(Sessions, CountIdlenessFromTheLastByte) {
  settings->idle_timeout = base::Millis(300);
  const base::TimePoint begun = base::precise_now();
  const base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  // Bytes for longer than the timeout, with the wheel turned in true time.
  ASSERT_TRUE(driver.until([&] {
    test::send_some(client.get(), "x");
    wheel.advance(base::precise_now());
    return base::precise_now() - begun > base::Millis(700) || table.size() == 0;
  }));
  EXPECT_EQ(table.size(), 1u);
  const base::TimePoint quiet = base::precise_now();
  ASSERT_TRUE(driver.until([&] {
    wheel.advance(base::precise_now());
    return table.size() == 0;
  }));
  EXPECT_GE(base::precise_now() - quiet, base::Millis(250));
  EXPECT_EQ(closed(CloseReason::kIdleTimeout), 1u);
}

TEST_F(Sessions, EndWhenOneStreamEndedAndTheOtherIsQuiet) {
  settings->half_close_timeout = base::Millis(5'000);
  const base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] {
    char c = 0;
    return ::recv(server.get(), &c, 1, 0) == 0;
  }));
  pass(base::Millis(4'500));
  EXPECT_EQ(table.size(), 1u);
  pass(base::Millis(5'200));
  EXPECT_EQ(table.size(), 0u);
  expect_one_close(CloseReason::kHalfCloseTimeout, SessionState::kHalfClosed);
}

TEST_F(Sessions, NameTheIdleTimeoutWhenItIsTheShorterOfTwo) {
  settings->half_close_timeout = base::Millis(60'000);
  settings->idle_timeout = base::Millis(5'000);
  const base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  ::shutdown(client.get(), SHUT_WR);
  ASSERT_TRUE(driver.until([&] {
    char c = 0;
    return ::recv(server.get(), &c, 1, 0) == 0;
  }));
  pass(base::Millis(5'200));
  // The end of stream itself may not be acknowledged at once: then there is a second look, a quarter later.
  pass(base::Millis(6'600));
  expect_one_close(CloseReason::kIdleTimeout, SessionState::kHalfClosed);
}

TEST_F(Sessions, EndAtTheirLifetimeAndUpToATenthBefore) {
  settings->max_lifetime = base::Millis(100'000);
  constexpr int kSessions = 16;
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < kSessions; ++i) clients.push_back(open());
  for (int i = 0; i < kSessions; ++i) clients.push_back(accept());
  driver.turns(5);
  pass(base::Millis(89'500));
  EXPECT_EQ(table.size(), 16u);
  pass(base::Millis(95'000));
  EXPECT_LT(table.size(), 16u) << "they do not all end together";
  EXPECT_GT(table.size(), 0u);
  pass(base::Millis(100'200));
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(closed(CloseReason::kMaxLifetime), 16u);
}

TEST_F(Sessions, GiveAConnectItsTimeout) {
  // A listener whose queue is full lets connects wait.
  const test::Listening silent = test::listen_on_loopback(0);
  std::vector<net::Connecting> waiting;
  for (int i = 0; i < 100; ++i) {
    waiting.push_back(net::start_connect(silent.address, {}));
    if (!test::wait_for(waiting.back().fd.get(), POLLOUT, base::Millis(20))) break;
  }
  pool::BackendIdentity identity;
  identity.name = "silent";
  identity.address = silent.address;
  use({std::make_shared<pool::Backend>(identity)});
  const base::UniqueFd client = open();
  driver.turns(5);
  EXPECT_EQ(table.size(), 1u);
  pass(base::Millis(2'800));
  EXPECT_EQ(table.size(), 1u);
  pass(base::Millis(3'100));
  EXPECT_EQ(table.size(), 0u);
  expect_one_close(CloseReason::kConnectTimeout, SessionState::kConnect);
}

TEST_F(Sessions, AreAllClosedWithTheReasonThatIsGiven) {
  std::vector<base::UniqueFd> clients;
  std::vector<base::UniqueFd> servers;
  for (int i = 0; i < 5; ++i) {
    clients.push_back(open());
    servers.push_back(accept());
  }
  table.close_all(CloseReason::kDrainTimeout);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_EQ(closed(CloseReason::kDrainTimeout), 5u);
  EXPECT_EQ(slots.used(), 0u);
  for (const auto& client : clients) EXPECT_EQ(error_of(client.get()), ECONNRESET);
}

TEST_F(Sessions, AreClosedByTheEndOfTheirTable) {
  const base::UniqueFd client = open();
  {
    SessionTable other({*loop, buffers, wheel, sink}, 100);
    test::SocketPair pair = test::tcp_pair();
    other.open({std::move(pair.b), {}, slots.try_acquire()}, {settings, pool}, counters);
    EXPECT_EQ(slots.used(), 2u);
  }
  EXPECT_EQ(slots.used(), 1u);
  EXPECT_EQ(closed(CloseReason::kShutdown), 1u);
  table.close_all(CloseReason::kShutdown);
}

TEST_F(Sessions, LeaveARecordOnlyWhenAskedTo) {
  settings->logged = LoggedSessions::kErrors;
  {
    base::UniqueFd client = open();
    base::UniqueFd server = accept();
    client.reset();
    server.reset();
    ASSERT_TRUE(closes());
  }
  EXPECT_TRUE(sink.records.empty()) << "a clean end is no error";
  open();
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(sink.records.size(), 1u);
  settings->logged = LoggedSessions::kNone;
  open();
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(sink.records.size(), 1u);
  EXPECT_EQ(counters.closed_total(), 3u) << "counted all the same";
}

TEST_F(Sessions, BringCountersUpToDateWhileTheyLast) {
  base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  const std::string data(64 * 1024, 'd');
  std::uint64_t got = 0;
  ASSERT_TRUE(driver.until([&] {
    test::send_some(client.get(), data);
    char buffer[64 * 1024];
    const ssize_t n = ::recv(server.get(), buffer, sizeof(buffer), 0);
    if (n > 0) got += static_cast<std::uint64_t>(n);
    return got > 1'000'000;
  }));
  EXPECT_GT(counters.upload_bytes.value(), 500'000u);
  EXPECT_EQ(counters.upload_bytes.value(), backend->counters().upload_bytes.value());
  EXPECT_EQ(table.size(), 1u);
  table.close_all(CloseReason::kShutdown);
}

}  // namespace
}  // namespace weir::session
