#include "session/survey.h"

#include <gtest/gtest.h>

#include <list>
#include <random>
#include <set>

#include "session/wake_list.h"
#include "unit/session/any_door.h"
#include "unit/support.h"

namespace weir::session {
namespace {

class NoLog final : public RecordSink {
 public:
  bool write(SessionRecord&&) override { return true; }
};

// Two tables on one loop, as if they were two workers'. The one place of pool "narrow" is taken, so that its
// sessions wait in their queue, with a descriptor each; those of "wide" are connected.
class Surveys : public testing::Test {
 protected:
  static constexpr std::uint64_t kFirst = 100;
  static constexpr std::uint64_t kOther = 1'000'000;

  Surveys() {
    settings->listener = "web";
    narrow = pool_of("narrow", 1);
    wide = pool_of("wide", std::nullopt);
    pool::NoPick why_not = pool::NoPick::kNone;
    place = narrow->pick({0, {}}, why_not);
    EXPECT_TRUE(static_cast<bool>(place));
  }
  ~Surveys() override {
    for (SessionTable* table : tables) table->close_all(CloseReason::kShutdown);
    driver.turns(2);
  }

  std::shared_ptr<pool::Pool> pool_of(const std::string& name, std::optional<std::uint32_t> most_sessions) {
    pool::PoolSettings pool_settings;
    pool_settings.name = name;
    pool_settings.queue_length = 10'000;
    pool_settings.queue_timeout = std::chrono::hours(1);
    pool::BackendIdentity identity;
    identity.name = "a";
    identity.address = listening.address;
    identity.most_sessions = most_sessions;
    return std::make_shared<pool::Pool>(std::move(pool_settings),
                                        std::vector{std::make_shared<pool::Backend>(std::move(identity))});
  }

  // Gives the client's end.
  base::UniqueFd open(SessionTable& at, const std::shared_ptr<pool::Pool>& pool, const std::string& client) {
    test::SocketPair pair = test::unix_pair();
    at.open({std::move(pair.b), *base::parse_address(client), slots.try_acquire()},
            {settings, entrance, pool}, door);
    return std::move(pair.a);
  }
  void open_waiting(SessionTable& at, std::size_t count, const std::string& client = "192.0.2.7:1") {
    for (std::size_t i = 0; i < count; ++i) clients.push_back(open(at, narrow, client));
  }
  // One that has moved that many bytes.
  void open_busy(SessionTable& at, std::size_t bytes, const std::string& client = "192.0.2.8:1") {
    base::UniqueFd fd = open(at, wide, client);
    EXPECT_EQ(test::send_some(fd.get(), std::string(bytes, 'x')), bytes);
    EXPECT_TRUE(driver.until([&] {
      std::uint64_t sum = 0;
      SessionTable::Walk walk(at);
      while (const Session* session = walk.next()) sum = session->view().upload_bytes;
      return sum == bytes;
    }));
    clients.push_back(std::move(fd));
  }

  // The session of that id; none: it is not open there.
  static Session* find(SessionTable& at, std::uint64_t id) {
    SessionTable::Walk walk(at);
    Session* session = walk.next();
    while (session != nullptr && session->id() != id) session = walk.next();
    return session;
  }

  // So many steps a walk of `table` takes after one session.
  static std::size_t steps_to(SessionTable& table, SurveyKind kind, std::uint64_t id) {
    SurveyRequest request;
    request.kind = kind;
    request.filter.after = id;
    SurveyWalk walk(std::make_shared<Survey>(request, [](SurveyParts&&) {}), table, 0);
    std::size_t steps = 1;
    while (!walk.step()) ++steps;
    return steps;
  }

  // All tables take part, each step in turn.
  SurveyFindings ask(const SurveyRequest& request) {
    SurveyFindings found;
    int answers = 0;
    auto survey = std::make_shared<Survey>(request, [&](SurveyParts&& parts) {
      ++answers;
      EXPECT_TRUE(parts.is_whole);
      found = findings_of(std::move(parts));
    });
    std::list<SurveyWalk> walks;
    for (std::size_t i = 0; i < tables.size(); ++i) walks.emplace_back(survey, *tables[i], i);
    survey.reset();
    while (!walks.empty()) {
      EXPECT_EQ(answers, 0) << "somebody is not through yet";
      walks.remove_if([](SurveyWalk& walk) { return walk.step(); });
    }
    EXPECT_EQ(answers, 1);
    return found;
  }

  admission::ConnectionSlots slots{10'000, [] {}};
  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  net::BufferPool buffers{64};
  net::PipePool pipes{8};
  net::TimerWheel wheel{base::precise_now()};
  NoLog sink;
  ReadAheadBudget read_ahead{1'000'000};
  AnyDoor door;
  test::Listening listening = test::listen_on_loopback(1024);
  std::shared_ptr<SessionSettings> settings = std::make_shared<SessionSettings>();
  std::shared_ptr<Entrance> entrance = std::make_shared<Entrance>();
  std::shared_ptr<pool::Pool> narrow;
  std::shared_ptr<pool::Pool> wide;
  WakeList wakes{*loop, [] {}};
  SessionServices services{{*loop, wakes}, {*loop, buffers, pipes, wheel}, sink, read_ahead};
  SessionTable first{services, kFirst};
  SessionTable other{services, kOther};
  const std::vector<SessionTable*> tables{&first, &other};
  pool::Slot place;
  std::vector<base::UniqueFd> clients;
};

TEST_F(Surveys, GoThroughAllPagesInTheOrderOfIds) {
  open_waiting(first, 300);
  open_waiting(other, 60);
  for (const std::size_t limit : {1u, 7u, 100u, 300u, 360u, 1'000u}) {
    std::vector<std::uint64_t> ids;
    SurveyRequest request;
    request.limit = limit;
    if (limit == 1) request.filter.after = kFirst + 290;  // the whole way would be long
    const std::size_t expected = limit == 1 ? 69 : 360;
    for (;;) {
      const SurveyFindings page = ask(request);
      EXPECT_EQ(page.matching, expected - ids.size()) << "those on later pages too";
      ASSERT_EQ(page.sessions.size(), std::min(limit, expected - ids.size()));
      if (page.sessions.empty()) break;
      for (const SessionView& one : page.sessions) {
        ids.push_back(one.id);
        EXPECT_EQ(one.worker, one.id >= kOther ? 1u : 0u);
      }
      request.filter.after = ids.back();
    }
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    EXPECT_EQ(std::set<std::uint64_t>(ids.begin(), ids.end()).size(), expected);
  }
}

TEST_F(Surveys, CountWhatMatchesInEveryRespectAndShowIt) {
  open_waiting(first, 3, "192.0.2.7:1");
  open_waiting(other, 2, "198.51.100.1:1");
  open_busy(first, 10);
  const auto matching = [&](auto change) {
    SurveyRequest request;
    change(request.filter);
    return ask(request).matching;
  };
  const auto network = [](const char* text) { return base::parse_prefix(text)->prefix; };
  EXPECT_EQ(matching([](SessionFilter&) {}), 6u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.listener = "web"; }), 6u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.listener = "Web"; }), 0u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.pool = "narrow"; }), 5u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.pool = "a"; }), 0u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.backend = "a"; }), 1u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.backend = "wide"; }), 0u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.state = SessionState::kRelay; }), 1u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.state = SessionState::kLinger; }), 0u);
  EXPECT_EQ(matching([&](SessionFilter& f) { f.client = network("192.0.2.0/24"); }), 4u);
  EXPECT_EQ(matching([&](SessionFilter& f) { f.client = network("192.0.2.7/32"); }), 3u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.least_age = std::chrono::hours(1); }), 0u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.after = kFirst + 1; }), 4u);
  EXPECT_EQ(matching([](SessionFilter& f) { f.pool = "narrow", f.backend = "a"; }), 0u) << "all of them";
  SurveyRequest request;
  request.filter.pool = "narrow";
  const SurveyFindings found = ask(request);
  EXPECT_TRUE(found.sessions.at(0).waits_for_place);
  EXPECT_EQ(found.sessions.at(0).backend, "");
  EXPECT_EQ(found.sessions.at(0).state, SessionState::kConnect);
}

TEST_F(Surveys, ShowThoseThatHaveMovedMost) {
  open_busy(first, 10);
  open_busy(other, 3'000);
  open_busy(first, 200);
  open_busy(other, 10);
  open_waiting(first, 300);
  SurveyRequest request;
  request.kind = SurveyKind::kByBytes;
  request.limit = 4;
  const SurveyFindings found = ask(request);
  EXPECT_EQ(found.matching, 304u);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> moved;
  for (const SessionView& one : found.sessions) moved.emplace_back(one.id, one.upload_bytes);
  EXPECT_EQ(moved, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{
                       {kOther, 3'000}, {kFirst + 1, 200}, {kFirst, 10}, {kOther + 1, 10}}));
}

TEST_F(Surveys, SumUpClientsOverAllWorkers) {
  open_busy(first, 10, "192.0.2.7:1");
  open_busy(other, 5, "[::ffff:192.0.2.7]:2");
  open_waiting(other, 2, "[2001:db8::1]:1");
  open_waiting(first, 1, "[2001:db8::1]:9");
  open_waiting(first, 1, "198.51.100.1:1");
  SurveyRequest request;
  request.kind = SurveyKind::kByClient;
  const SurveyFindings found = ask(request);
  EXPECT_EQ(found.matching, 6u);
  EXPECT_EQ(found.distinct_clients, 3u);
  ASSERT_EQ(found.clients.size(), 3u);
  EXPECT_EQ(found.clients[0].client.to_string(), "[2001:db8::1]:0");
  EXPECT_EQ(found.clients[0].sessions, 3u);
  EXPECT_EQ(found.clients[1].client.to_string(), "192.0.2.7:0");
  EXPECT_EQ(found.clients[1].sessions, 2u);
  EXPECT_EQ(found.clients[1].upload_bytes, 15u);
  EXPECT_GE(found.clients[0].oldest, found.clients[2].oldest) << "it came first";
  EXPECT_TRUE(found.sessions.empty());
  request.limit = 1;
  EXPECT_EQ(ask(request).clients.size(), 1u);
  EXPECT_EQ(ask(request).distinct_clients, 3u);
}

TEST_F(Surveys, TellEverythingOfOne) {
  open_waiting(first, 2);
  open_busy(other, 7);
  SurveyRequest request;
  request.kind = SurveyKind::kOne;
  request.filter.after = kOther;
  const SurveyFindings found = ask(request);
  ASSERT_TRUE(found.one.has_value());
  EXPECT_EQ(found.one->view.id, kOther);
  EXPECT_EQ(found.one->view.worker, 1u);
  EXPECT_EQ(found.one->view.upload_bytes, 7u);
  EXPECT_EQ(found.one->choice, pool::Choice::kUsable);
  ASSERT_TRUE(found.one->backend.has_value());
  EXPECT_EQ(found.one->backend->remote.to_string(), listening.address.to_string());
  EXPECT_GE(found.one->backend->tcp->bytes_acknowledged, 7u) << "the kernel counts the SYN too";
  EXPECT_FALSE(found.one->client.tcp.has_value()) << "a unix socket";
  ASSERT_FALSE(found.one->deadlines.empty());
  EXPECT_EQ(found.one->deadlines[0].name, "idle_timeout");
  request.filter.after = kFirst;
  const SurveyFindings waiting = ask(request);
  EXPECT_FALSE(waiting.one->choice.has_value());
  EXPECT_FALSE(waiting.one->backend.has_value());
  EXPECT_EQ(waiting.one->deadlines.at(0).name, "queue_timeout");
  request.filter.after = 5;
  EXPECT_FALSE(ask(request).one.has_value());
}

TEST_F(Surveys, AreAnsweredThoughNobodyTakesPart) {
  std::vector<SurveyParts> answers;
  {
    const Survey survey({}, [&](SurveyParts&& parts) { answers.push_back(std::move(parts)); });
  }
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_TRUE(answers[0].is_whole);
  EXPECT_EQ(findings_of(std::move(answers[0])).matching, 0u);
}

TEST_F(Surveys, SayThatAWorkerWasLeftOut) {
  bool is_whole = true;
  {
    Survey survey({}, [&](SurveyParts&& parts) { is_whole = parts.is_whole; });
    survey.add({});
    survey.leave_out();
  }
  EXPECT_FALSE(is_whole);
}

TEST_F(Surveys, CloseTheOneThatIsAskedForAndNoOther) {
  open_waiting(first, 3);
  open_waiting(other, 1);
  SurveyRequest request;
  request.kind = SurveyKind::kClose;
  request.filter.after = kFirst + 1;
  EXPECT_EQ(ask(request).matching, 1u);
  EXPECT_EQ(find(first, kFirst + 1), nullptr);
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(other.size(), 1u);
  EXPECT_EQ(ask(request).matching, 0u) << "it is not there any more";
  request.filter.after = kFirst + 3;
  EXPECT_EQ(ask(request).matching, 0u) << "there will be one of that id";
  request.filter.after = kOther;
  EXPECT_FALSE(ask(request).one.has_value());
  EXPECT_EQ(other.size(), 0u);
  EXPECT_EQ(first.size(), 2u);
}

TEST_F(Surveys, LookAtNoMoreSessionsInAStepWhenTheyAreAfterOne) {
  constexpr std::uint64_t kLast = kFirst + SurveyWalk::kStep + 39;
  open_waiting(first, SurveyWalk::kStep + 40);
  open_waiting(other, 3);
  for (const SurveyKind kind : {SurveyKind::kOne, SurveyKind::kClose}) {
    EXPECT_EQ(steps_to(first, kind, kLast), 2u);
    EXPECT_EQ(steps_to(first, kind, kFirst), 1u) << "the rest is not looked at";
    EXPECT_EQ(steps_to(first, kind, kFirst + 5), 1u);
    EXPECT_EQ(steps_to(first, kind, kFirst + 5), 1u) << "also where it is not there any more";
    EXPECT_EQ(steps_to(first, kind, kOther), 1u) << "it cannot be here";
    EXPECT_EQ(steps_to(other, kind, kLast), 1u);
  }
  EXPECT_EQ(first.size(), SurveyWalk::kStep + 37);
}

TEST_F(Surveys, FindNobodyWhereTheOneEndsBetweenTwoSteps) {
  constexpr std::uint64_t kLast = kFirst + SurveyWalk::kStep;
  open_waiting(first, SurveyWalk::kStep + 1);
  SurveyRequest request;
  request.kind = SurveyKind::kOne;
  request.filter.after = kLast;
  std::optional<SurveyFindings> found;
  {
    SurveyWalk walk(std::make_shared<Survey>(
                        request, [&](SurveyParts&& parts) { found = findings_of(std::move(parts)); }),
                    first, 0);
    EXPECT_FALSE(walk.step());
    find(first, kLast)->close(CloseReason::kOperator);
    driver.turns(1);
    EXPECT_TRUE(walk.step());
  }
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->matching, 0u);
  EXPECT_FALSE(found->one.has_value());
}

// Whatever comes and goes between two steps, a walk shows each session that was there at its beginning and
// still is when it comes to it, once, the oldest first, and nobody else.
TEST_F(Surveys, WalkOverWhatStaysWhileSessionsComeAndGo) {
  std::mt19937 random(7);
  std::uint64_t next_id = kFirst;
  std::set<std::uint64_t> open_ids;
  const auto come = [&] {
    open_waiting(first, 1);
    open_ids.insert(next_id++);
  };
  const auto go = [&] {
    if (open_ids.empty()) return;
    const auto at = std::next(open_ids.begin(), static_cast<std::ptrdiff_t>(random() % open_ids.size()));
    find(first, *at)->close(CloseReason::kOperator);
    open_ids.erase(at);
  };
  for (int round = 0; round < 200; ++round) {
    while (open_ids.size() < 10) come();
    SessionTable::Walk walk(first);
    SessionTable::Walk beside(first);  // two at a time
    const std::uint64_t end = next_id;
    std::uint64_t last = 0;
    while (const Session* session = walk.next()) {
      const auto expected = open_ids.upper_bound(last);
      ASSERT_TRUE(expected != open_ids.end());
      ASSERT_EQ(session->id(), *expected);
      ASSERT_LT(session->id(), end);
      last = session->id();
      for (auto changes = random() % 4; changes > 0; --changes) {
        if (random() % 3 == 0) {
          come();
        } else {
          go();
        }
      }
      if (random() % 2 == 0) static_cast<void>(beside.next());
      driver.turns(1);
    }
    const auto left_out = open_ids.upper_bound(last);
    EXPECT_TRUE(left_out == open_ids.end() || *left_out >= end);
    clients.clear();
    first.close_all(CloseReason::kShutdown);
    open_ids.clear();
    EXPECT_EQ(walk.next(), nullptr);
    driver.turns(1);
  }
}

}  // namespace
}  // namespace weir::session
