#include "session/session.h"

#include <gtest/gtest.h>

#include "session/session_table.h"
#include "session/wake_list.h"
#include "unit/session/any_door.h"
#include "unit/session/silent.h"

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
    pool_settings.name = "p";
    pool_settings.connect_timeout = base::Millis(3'000);
    pool_settings.queue_timeout = base::Millis(5'000);
    use({backend});
    loop->at_end_of_turn([this] { wakes.deliver(); });
  }

  void use(std::vector<std::shared_ptr<pool::Backend>> backends) {
    pool = std::make_shared<pool::Pool>(pool_settings, std::move(backends));
  }
  // One backend with one place, and a queue.
  void use_one_place() {
    pool_settings.queue_length = 10;
    pool::BackendIdentity identity;
    identity.name = "narrow";
    identity.address = listening.address;
    identity.most_sessions = 1;
    backend = std::make_shared<pool::Backend>(std::move(identity));
    use({backend});
  }
  std::size_t waiting() const { return pool->view().waiting; }
  std::uint32_t in_flight() const {
    std::uint32_t sum = 0;
    for (const pool::BackendView& view : pool->view().backends) sum += view.in_flight;
    return sum;
  }
  // Gives the client's end of a new session.
  base::UniqueFd open() {
    test::SocketPair pair = test::tcp_pair();
    table.open({std::move(pair.b), test::loopback(1234), slots.try_acquire()}, {settings, entrance, pool},
               door);
    return std::move(pair.a);
  }
  base::UniqueFd accept() {
    EXPECT_TRUE(driver.until([&] { return test::wait_for(listening.fd.get(), POLLIN, base::Millis(0)); }));
    return test::accept_from(listening.fd.get());
  }
  void cut(const std::shared_ptr<pool::Backend>& at, CloseReason reason,
           std::uint64_t last_place = std::numeric_limits<std::uint64_t>::max()) {
    const std::vector<SessionCut> cuts{{at, reason, last_place}};
    table.carry_out(cuts);
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
    EXPECT_EQ(in_flight(), 0u) << "the place goes back";
    EXPECT_EQ(waiting(), 0u);
  }

  admission::ConnectionSlots slots{16, [] {}};
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  net::BufferPool buffers{8};
  net::PipePool pipes{8};
  net::TimerWheel wheel{base::precise_now()};
  Sink sink;
  ReadAheadBudget read_ahead{1'000'000};
  AnyDoor door;
  ListenerCounters& counters = door.counted;
  test::Listening listening = test::listen_on_loopback();
  std::shared_ptr<SessionSettings> settings = std::make_shared<SessionSettings>();
  std::shared_ptr<Entrance> entrance = std::make_shared<Entrance>();
  std::shared_ptr<pool::Backend> backend;
  pool::PoolSettings pool_settings;
  std::shared_ptr<pool::Pool> pool;
  WakeList wakes{[] {}};
  SessionTable table{{{*loop, wakes}, {*loop, buffers, pipes, wheel}, sink, read_ahead}, 7};
};

std::shared_ptr<pool::Backend> backend_at(const Silent& silent) {
  pool::BackendIdentity identity;
  identity.name = "silent";
  identity.address = silent.listening.address;
  return std::make_shared<pool::Backend>(std::move(identity));
}

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
  table.open({std::move(pair.b), {}, slots.try_acquire()}, {settings, entrance, pool}, door);
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
  down.mode = pool::BackendMode::kMaintenance;
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
  // The end of stream itself may not be acknowledged at once: then there is a second look, a quarter later.
  pass(base::Millis(6'600));
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
  const Silent silent;
  use({backend_at(silent)});
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
    SessionTable other({{*loop, wakes}, {*loop, buffers, pipes, wheel}, sink, read_ahead}, 100);
    test::SocketPair pair = test::tcp_pair();
    other.open({std::move(pair.b), {}, slots.try_acquire()}, {settings, entrance, pool}, door);
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

// Waiting for a place

TEST_F(Sessions, WaitForAPlaceAndGetItWhenAnotherEnds) {
  use_one_place();
  base::UniqueFd first = open();
  base::UniqueFd first_server = accept();
  base::UniqueFd second = open();
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(waiting(), 1u);
  test::send_some(second.get(), "early");
  first.reset();
  first_server.reset();
  const base::UniqueFd second_server = accept();
  EXPECT_EQ(receive(second_server.get(), 5), "early");
  EXPECT_EQ(in_flight(), 1u);
  EXPECT_EQ(waiting(), 0u);
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(in_flight(), 0u);
  ASSERT_EQ(sink.records.size(), 2u);
  EXPECT_FALSE(sink.records[0].queue_time.has_value());
  EXPECT_TRUE(sink.records[1].queue_time.has_value());
}

TEST_F(Sessions, WhoseClientResetsWhileTheyWaitGiveUpTheirTurn) {
  use_one_place();
  const base::UniqueFd first = open();
  const base::UniqueFd first_server = accept();
  base::UniqueFd second = open();
  const base::UniqueFd third = open();
  EXPECT_EQ(waiting(), 2u);
  net::abort_connection(second);
  pass(base::Millis(1'100));
  EXPECT_EQ(waiting(), 1u);
  EXPECT_EQ(closed(CloseReason::kClientReset), 1u);
  EXPECT_EQ(pool->counters().queue_left.value(), 1u);
  ASSERT_EQ(sink.records.size(), 1u);
  EXPECT_EQ(sink.records[0].state, SessionState::kConnect);
  EXPECT_TRUE(sink.records[0].queue_time.has_value());
  EXPECT_EQ(table.size(), 2u);
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(waiting(), 0u);
  EXPECT_EQ(in_flight(), 0u);
}

TEST_F(Sessions, WhoseClientHasOnlyEndedItsStreamKeepTheirTurn) {
  use_one_place();
  base::UniqueFd first = open();
  base::UniqueFd first_server = accept();
  const base::UniqueFd second = open();
  test::send_some(second.get(), "all of it");
  ::shutdown(second.get(), SHUT_WR);
  pass(base::Millis(1'100));
  EXPECT_EQ(waiting(), 1u);
  first.reset();
  first_server.reset();
  const base::UniqueFd second_server = accept();
  EXPECT_EQ(receive(second_server.get(), 9), "all of it");
  table.close_all(CloseReason::kShutdown);
}

TEST_F(Sessions, WaitNoLongerThanTheQueueAllows) {
  use_one_place();
  const base::UniqueFd first = open();
  const base::UniqueFd first_server = accept();
  const base::UniqueFd second = open();
  for (const int passed : {1'100, 2'200, 4'800}) {
    pass(base::Millis(passed));
    EXPECT_EQ(waiting(), 1u) << passed;
  }
  pass(base::Millis(5'200));
  EXPECT_EQ(closed(CloseReason::kQueueTimeout), 1u);
  EXPECT_EQ(error_of(second.get()), ECONNRESET);
  EXPECT_EQ(table.size(), 1u);
  EXPECT_EQ(pool->counters().queue_timeouts.value(), 1u);
  table.close_all(CloseReason::kShutdown);
}

TEST_F(Sessions, ThatFindTheQueueFullResetTheClient) {
  use_one_place();
  pool_settings.queue_length = 0;
  use({backend});
  const base::UniqueFd first = open();
  const base::UniqueFd second = open();
  EXPECT_EQ(error_of(second.get()), ECONNRESET);
  EXPECT_EQ(closed(CloseReason::kPoolFull), 1u);
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(in_flight(), 0u);
}

// A place goes from one to the next while each fails in the very call that tells it.
TEST_F(Sessions, ThatWaitAllEndWhenTheBackendRefusesOneAfterTheOther) {
  pool_settings.queue_length = 10;
  const test::TempFolder folder;
  pool::BackendIdentity identity;
  identity.name = "no";
  identity.address = base::Address::unix_path(folder.file("no"));
  identity.most_sessions = 1;
  use({std::make_shared<pool::Backend>(identity)});
  pool::NoPick why_not = pool::NoPick::kNone;
  pool::Slot holder = pool->pick({0, {}}, why_not);
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 8; ++i) clients.push_back(open());
  EXPECT_EQ(waiting(), 8u);
  holder.release();
  ASSERT_TRUE(closes());
  EXPECT_EQ(closed(CloseReason::kConnectRefused), 8u);
  EXPECT_EQ(in_flight(), 0u);
  EXPECT_EQ(waiting(), 0u);
}

TEST_F(Sessions, ThatWaitAreClosedWithAllOthersAndTheirPlacesAreNotLost) {
  use_one_place();
  std::vector<base::UniqueFd> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(open());
  table.close_all(CloseReason::kDrainTimeout);
  EXPECT_EQ(closed(CloseReason::kDrainTimeout), 5u);
  EXPECT_EQ(in_flight(), 0u);
  EXPECT_EQ(waiting(), 0u);
  driver.turns(3);
  EXPECT_EQ(sink.records.size(), 5u);
}

// Leaving a backend

TEST_F(Sessions, ThatConnectToABackendThatIsLeftGoOnToAnother) {
  const Silent silent;
  const auto quiet = backend_at(silent);
  use({quiet, backend});
  const base::UniqueFd client = open();
  driver.turns(3);
  cut(quiet, CloseReason::kBackendDown);
  const base::UniqueFd server = accept();
  test::send_some(client.get(), "hello");
  EXPECT_EQ(receive(server.get(), 5), "hello");
  EXPECT_EQ(counters.closed_total(), 0u);
  table.close_all(CloseReason::kShutdown);
  EXPECT_EQ(sink.records[0].attempts, 2);
  EXPECT_EQ(sink.records[0].backend, backend);
  EXPECT_EQ(in_flight(), 0u);
}

TEST_F(Sessions, ThatConnectToABackendThatIsLeftEndForThatReasonWhenThereIsNoOther) {
  const Silent silent;
  const auto quiet = backend_at(silent);
  use({quiet});
  const base::UniqueFd client = open();
  cut(quiet, CloseReason::kBackendMaintenance);
  EXPECT_EQ(error_of(client.get()), ECONNRESET);
  expect_one_close(CloseReason::kBackendMaintenance, SessionState::kConnect);
}

TEST_F(Sessions, AtABackendThatIsLeftEndForThatReasonAndOthersGoOn) {
  pool::BackendIdentity identity;
  identity.name = "b";
  identity.address = listening.address;
  const auto other = std::make_shared<pool::Backend>(std::move(identity));
  use({backend, other});
  std::vector<base::UniqueFd> ends;
  for (int i = 0; i < 4; ++i) {
    ends.push_back(open());
    ends.push_back(accept());
  }
  driver.turns(3);
  cut(backend, CloseReason::kBackendRemoved);
  EXPECT_EQ(closed(CloseReason::kBackendRemoved), 2u);
  EXPECT_EQ(table.size(), 2u);
  EXPECT_EQ(in_flight(), 2u);
  for (const SessionRecord& record : sink.records) EXPECT_EQ(record.backend, backend);
  cut(backend, CloseReason::kBackendRemoved);
  EXPECT_EQ(table.size(), 2u);
  const std::vector<SessionCut> several{{backend, CloseReason::kBackendRemoved},
                                        {other, CloseReason::kBackendDown, 0},
                                        {other, CloseReason::kBackendMaintenance, 1'000}};
  table.carry_out(several);
  EXPECT_EQ(closed(CloseReason::kBackendMaintenance), 2u) << "no place is early enough for the one before";
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(Sessions, WhosePlaceAtABackendIsLaterThanTheLastOneThatIsMeantStay) {
  std::vector<base::UniqueFd> ends;
  for (int i = 0; i < 3; ++i) {
    ends.push_back(open());
    ends.push_back(accept());
  }
  driver.turns(3);
  cut(backend, CloseReason::kBackendDown, 2);
  EXPECT_EQ(closed(CloseReason::kBackendDown), 2u);
  EXPECT_EQ(table.size(), 1u);
  table.close_all(CloseReason::kShutdown);
}

// Nobody tells them to leave it: they do not know yet that they have a place there.
TEST_F(Sessions, DoNotConnectToABackendThatWasLeftBeforeTheyHeardOfTheirPlace) {
  use_one_place();
  pool::NoPick why_not = pool::NoPick::kNone;
  pool::Slot holder = pool->pick({0, {}}, why_not);
  const base::UniqueFd client = open();
  holder.release();
  EXPECT_EQ(in_flight(), 1u) << "the place is the session's";
  pool->set_mode(*backend, pool::BackendMode::kMaintenance, base::coarse_now());
  cut(backend, CloseReason::kBackendMaintenance);
  EXPECT_EQ(table.size(), 1u);
  ASSERT_TRUE(closes());
  EXPECT_EQ(backend->counters().attempts.value(), 0u);
  expect_one_close(CloseReason::kNoBackend, SessionState::kConnect);
}

// What sessions tell of their backend

TEST_F(Sessions, TellOfAResetBeforeTheFirstByteUntilOneIsServed) {
  pool_settings.roster.ejection.consecutive_failures = 2;
  pool_settings.roster.ejection.max_ejected = 1;
  use({backend});
  const auto reset_one = [this] {
    const base::UniqueFd client = open();
    base::UniqueFd server = accept();
    net::abort_connection(server);
    ASSERT_TRUE(closes());
  };
  const auto serve_one = [this] {
    const base::UniqueFd client = open();
    base::UniqueFd server = accept();
    test::send_some(server.get(), "x");
    EXPECT_EQ(receive(client.get(), 1), "x");
    // What comes after the first byte says nothing of the backend.
    net::abort_connection(server);
    ASSERT_TRUE(closes());
  };
  reset_one();
  EXPECT_TRUE(backend->is_suspect());
  EXPECT_EQ(backend->counters().early_resets.value(), 1u);
  serve_one();
  EXPECT_FALSE(backend->is_suspect());
  EXPECT_EQ(backend->counters().early_resets.value(), 1u);
  reset_one();
  EXPECT_EQ(pool->view().backends[0].state, pool::BackendState::kUp);
  reset_one();
  EXPECT_EQ(pool->view().backends[0].state, pool::BackendState::kEjected);
  EXPECT_EQ(pool->view().backends[0].reason, "its sessions fail, the last one: reset at once");
}

TEST_F(Sessions, ThatEndInOrderWithoutAWordOfTheBackendsSpeakForIt) {
  backend->set_suspect(true);
  base::UniqueFd client = open();
  base::UniqueFd server = accept();
  test::send_some(client.get(), "report");
  EXPECT_EQ(receive(server.get(), 6), "report");
  client.reset();
  ASSERT_TRUE(driver.until([&] {
    char c = 0;
    return ::recv(server.get(), &c, 1, 0) == 0;
  }));
  server.reset();
  ASSERT_TRUE(closes());
  EXPECT_EQ(closed(CloseReason::kClientEnd), 1u);
  EXPECT_FALSE(backend->is_suspect());
}

TEST_F(Sessions, WhoseClientResetsSayNothingOfTheBackend) {
  base::UniqueFd client = open();
  const base::UniqueFd server = accept();
  driver.turns(3);
  net::abort_connection(client);
  ASSERT_TRUE(closes());
  EXPECT_EQ(closed(CloseReason::kClientReset), 1u);
  EXPECT_FALSE(backend->is_suspect());
  EXPECT_EQ(backend->counters().early_resets.value(), 0u);
}

TEST_F(Sessions, GiveTheirPortBackForUseWhenTheyAreReset) {
  base::UniqueFd client = open();
  base::UniqueFd server = accept();
  const auto& source = backend->way().sources.all().front();
  const base::TimePoint now = base::coarse_now();
  source->found_dry(now);
  net::abort_connection(client);
  ASSERT_TRUE(closes());
  EXPECT_EQ(source->open(), 0u);
  EXPECT_FALSE(source->is_in_pause(now));
}

TEST_F(Sessions, LeaveTheirPortInTimeWaitWhenTheClientEndsFirst) {
  base::UniqueFd client = open();
  base::UniqueFd server = accept();
  const auto& source = backend->way().sources.all().front();
  const base::TimePoint now = base::coarse_now();
  source->found_dry(now);
  client.reset();
  ASSERT_TRUE(driver.until([&] { return test::wait_for(server.get(), POLLIN, base::Millis(0)); }));
  server.reset();
  ASSERT_TRUE(closes());
  EXPECT_EQ(source->open(), 0u);
  EXPECT_TRUE(source->is_in_pause(now));
}

// Sessions whose peer is a proxy that says who its client is.
class ProxiedSessions : public Sessions {
 protected:
  ProxiedSessions() {
    entrance->preread_timeout = base::Millis(3'000);
    pool_settings.send_proxy = {.version = pool::ProxyVersion::kV1};
    use({backend});
  }
  base::UniqueFd open_proxied() {
    test::SocketPair pair = test::tcp_pair();
    Admitted admitted{std::move(pair.b), test::loopback(1234), slots.try_acquire()};
    admitted.is_proxy = true;
    table.open(std::move(admitted), {settings, entrance, pool}, door);
    return std::move(pair.a);
  }
  static constexpr std::string_view kLine = "PROXY TCP4 192.0.2.7 203.0.113.1 51234 443\r\n";
};

TEST_F(ProxiedSessions, ConnectOnceTheClientIsKnownAndServeItUnderItsName) {
  const base::UniqueFd client = open_proxied();
  driver.turns(5);
  EXPECT_EQ(in_flight(), 0u) << "nothing is asked of a pool before";
  test::send_some(client.get(), std::string(kLine) + "question");
  base::UniqueFd server = accept();
  EXPECT_EQ(receive(server.get(), kLine.size() + 8), std::string(kLine) + "question")
      << "both in their order";
  test::send_some(server.get(), "answer");
  EXPECT_EQ(receive(client.get(), 6), "answer");
  ::shutdown(client.get(), SHUT_WR);
  server.reset();
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kClientEnd, SessionState::kHalfClosed);
  const SessionRecord& record = sink.records[0];
  EXPECT_EQ(record.client, *base::parse_address("192.0.2.7:51234"));
  ASSERT_NE(record.introduction, nullptr);
  EXPECT_EQ(record.introduction->proxy, test::loopback(1234));
  EXPECT_EQ(record.upload_bytes, 8u) << "the header is not the client's";
}

TEST_F(ProxiedSessions, CloseAtTheTimeLimitOfTheHeader) {
  const base::UniqueFd client = open_proxied();
  test::send_some(client.get(), "PROXY ");
  driver.turns(3);
  pass(base::Millis(2'900));
  EXPECT_EQ(table.size(), 1u);
  pass(base::Millis(3'100));
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kPrereadTimeout, SessionState::kPreread);
  EXPECT_EQ(sink.records[0].pool, pool);
  EXPECT_EQ(sink.records[0].backend, nullptr);
}

TEST_F(ProxiedSessions, AreResetWhenWhatComesIsNoHeader) {
  const base::UniqueFd client = open_proxied();
  test::send_some(client.get(), "GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kProxyHeader, SessionState::kPreread);
  EXPECT_EQ(sink.records[0].proxy_fault, wire::ProxyFault::kAbsent);
  int error = 0;
  test::receive_all(client.get(), &error);
  EXPECT_EQ(error, ECONNRESET);
}

TEST_F(ProxiedSessions, LeaveAClientThatMayNotComeInToTheDoor) {
  door.refusal = admission::Refusal::kClientRate;
  const base::UniqueFd client = open_proxied();
  test::send_some(client.get(), kLine);
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kRefused, SessionState::kPreread);
  EXPECT_EQ(sink.records[0].refusal, admission::Refusal::kClientRate);
  EXPECT_EQ(sink.records[0].client, *base::parse_address("192.0.2.7:51234")) << "who was refused";
  ASSERT_EQ(door.refused.size(), 1u);
  EXPECT_EQ(test::send_some(client.get(), "x"), 1u) << "the door may hold it";
}

TEST_F(ProxiedSessions, EndWithTheTable) {
  const base::UniqueFd client = open_proxied();
  driver.turns(2);
  table.close_all(CloseReason::kDrainTimeout);
  ASSERT_TRUE(closes());
  expect_one_close(CloseReason::kDrainTimeout, SessionState::kPreread);
}

TEST_F(ProxiedSessions, KeepWhatWasReadAheadWhileTheyWaitForAPlace) {
  use_one_place();
  const base::UniqueFd first = open_proxied();
  test::send_some(first.get(), kLine);
  base::UniqueFd server = accept();
  const base::UniqueFd second = open_proxied();
  test::send_some(second.get(), std::string(kLine) + "patience");
  ASSERT_TRUE(driver.until([&] { return waiting() == 1; }));
  server.reset();
  ::shutdown(first.get(), SHUT_WR);
  const base::UniqueFd next = accept();
  EXPECT_EQ(receive(next.get(), kLine.size() + 8), std::string(kLine) + "patience");
}

}  // namespace
}  // namespace weir::session
