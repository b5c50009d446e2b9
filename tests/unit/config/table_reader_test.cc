#include "config/table_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/pool_scalars.h"
#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A reader of [process] or another section over a table that the test writes.
class Reading {
 public:
  Reading(Section section, const std::string& lines, std::string path = "x")
      : table_(tree_of(lines)), reader_(section, table_, std::move(path), {"t", 99, 1}, problems_) {}

  TableReader& operator*() { return reader_; }
  TableReader* operator->() { return &reader_; }
  Node& table() { return table_; }
  std::vector<std::string> problems() const { return lines_of(problems_); }

 private:
  Node table_;
  Problems problems_;
  TableReader reader_;
};

TEST(TableReader, AnAbsentKeyGetsTheSchemasDefaultWhateverTheTargetHeld) {
  Reading process(Section::kProcess, "");
  Millis drain_timeout{1};
  std::optional<unsigned> workers = 7;
  WhenFull when_full = WhenFull::kRefuse;
  process->read_duration("drain_timeout", drain_timeout);
  process->read_count("workers", workers);
  process->read_word("when_full", when_full);
  EXPECT_EQ(drain_timeout, Millis(30'000));
  EXPECT_EQ(workers, std::nullopt);
  EXPECT_EQ(when_full, WhenFull::kWait);
  EXPECT_THAT(process.problems(), IsEmpty());
}

TEST(TableReader, AValueThatIsRefusedLeavesTheTargetAlone) {
  Reading listener(
      Section::kListener,
      "idle_timeout = 1\nkeepalive = \"x\"\nv6only = 0\nsocket_mode = \"9\"\nbacklog = 0\npool = 5\n");
  Millis idle_timeout{7};
  std::optional<Millis> keepalive = Millis(7);
  bool v6only = false;
  mode_t socket_mode = 07;
  Placed<std::optional<unsigned>> backlog{7u, {"kept", 1, 1}};
  Placed<std::string> pool{"kept", {"kept", 1, 1}};
  listener->read_duration("idle_timeout", idle_timeout);
  listener->read_duration("keepalive", keepalive);
  listener->read_flag("v6only", v6only);
  listener->read_file_mode("socket_mode", socket_mode);
  listener->read_count("backlog", backlog);
  listener->read_text("pool", pool);
  EXPECT_EQ(idle_timeout, Millis(7));
  EXPECT_EQ(keepalive, Millis(7));
  EXPECT_FALSE(v6only);
  EXPECT_EQ(socket_mode, 07u);
  EXPECT_EQ(backlog.value, 7u);
  EXPECT_EQ(backlog.place.file, "kept");
  EXPECT_EQ(pool.value, "kept");
  EXPECT_EQ(pool.place.file, "kept");
  EXPECT_EQ(listener.problems().size(), 6u);
}

TEST(TableReader, TheSpecialWordEmptiesAnOptionalTarget) {
  Reading listener(Section::kListener, "keepalive = \"off\"\nbacklog = \"auto\"\n");
  std::optional<Millis> keepalive = Millis(7);
  Placed<std::optional<unsigned>> backlog{7u, {}};
  listener->read_duration("keepalive", keepalive);
  listener->read_count("backlog", backlog);
  EXPECT_EQ(keepalive, std::nullopt);
  EXPECT_EQ(backlog.value, std::nullopt);
  EXPECT_EQ(to_string(backlog.place), "t:2:11");
}

TEST(TableReader, ADefaultHasNoPlaceInTheFile) {
  Reading log(Section::kLog, "");
  Placed<std::string> output{"", {"t", 5, 5}};
  log->read_text("output", output);
  EXPECT_EQ(output.value, "stderr");
  EXPECT_EQ(to_string(output.place), "");
}

TEST(TableReader, AValueWhoseProblemIsKnownIsNeitherReportedNorReplacedByTheDefault) {
  Reading process(Section::kProcess, "drain_timeout = \"x\"\n");
  process.table().find("drain_timeout")->value.kind = Kind::kFaulty;
  Millis drain_timeout{7};
  process->read_duration("drain_timeout", drain_timeout);
  EXPECT_EQ(drain_timeout, Millis(7));
  EXPECT_THAT(process.problems(), IsEmpty());
}

TEST(TableReader, AMissingKeyIsReportedOnlyWhenItIsRequiredAndWhereTheTableStands) {
  Reading backend(Section::kBackend, "");
  EXPECT_EQ(backend->take("name"), nullptr);
  EXPECT_THAT(backend.problems(), IsEmpty());
  EXPECT_EQ(backend->take("address"), nullptr);
  EXPECT_THAT(backend.problems(),
              ElementsAre(HasSubstr("t:99:1: error: x.address: this key is missing: expected ")));
}

TEST(TableReader, AKeyOfTheRootIsNamedWithoutADotInFront) {
  Reading root(Section::kRoot, "", "");
  root->fail("include", {"t", 1, 1}, "text");
  EXPECT_THAT(root.problems(), ElementsAre("t:1:1: error: include: text"));
}

TEST(TableReader, AFractionIsReadLikeANumber) {
  Reading pool(Section::kPool, "panic_threshold = 0.5\nhash_balance = \"off\"\n");
  double panic_threshold = 0.1;
  std::optional<double> hash_balance = 2;
  pool->read_decimal("panic_threshold", panic_threshold);
  pool->read_decimal("hash_balance", hash_balance);
  EXPECT_EQ(panic_threshold, 0.5);
  EXPECT_EQ(hash_balance, std::nullopt);
  Reading wrong(Section::kPool, "panic_threshold = 5\n");
  wrong->read_decimal("panic_threshold", panic_threshold);
  EXPECT_EQ(panic_threshold, 0.5);
  EXPECT_EQ(wrong.problems().size(), 1u);
}

TEST(TableReader, ATypeWithItsOwnParserGetsItsDefaultToo) {
  Reading pool(Section::kPool, "");
  HashKeyConfig hash_key{1, 1};
  pool->read_value("hash_key", parse_hash_key, hash_key);
  EXPECT_EQ(hash_key, HashKeyConfig());
}

TEST(TableReader, WhatIsWrittenIsTheFilesAndNotTheSchemas) {
  Reading pool(Section::kPool, "retries = 2\nqueue_length = 1\n");
  pool.table().find("queue_length")->value.kind = Kind::kFaulty;
  ASSERT_NE(pool->written("retries"), nullptr);
  EXPECT_EQ(pool->written("retries")->integer, 2);
  EXPECT_EQ(pool->written("queue_timeout"), nullptr);
  EXPECT_EQ(pool->written("queue_length"), nullptr) << "its problem is known";
}

TEST(TableReader, ADefaultIsHandedOutOnlyForAKeyThatIsAbsent) {
  Reading pool(Section::kPool, "retries = 5\nqueue_length = 1\n");
  pool.table().find("queue_length")->value.kind = Kind::kFaulty;
  Node fallback;
  EXPECT_EQ(pool->take_or_default("retries", fallback)->integer, 5);
  EXPECT_EQ(pool->take_or_default("queue_length", fallback), nullptr);
  EXPECT_EQ(pool->take_or_default("queue_timeout", fallback), &fallback);
  EXPECT_EQ(fallback.text, "5s");
}

TEST(TableReader, AProblemStandsAtItsKeyOrAtTheTableWhenThatIsAbsent) {
  Reading pool(Section::kPool, "\nretries = 2\n");
  pool->warn_at_key("retries", "one");
  pool->fail_at_key("queue_length", "two");
  EXPECT_THAT(pool.problems(),
              ElementsAre("t:2:11: warning: x.retries: one", "t:99:1: error: x.queue_length: two"));
}

void read_all_of_log(TableReader& reader) {
  LogConfig out;
  reader.read_word("level", out.level);
  reader.read_word("format", out.format);
  reader.read_text("output", out.output);
  reader.read_word("sessions", out.sessions);
}

TEST(TableReader, KeysThatTheSchemaDoesNotKnowAreReportedAtTheEndInTheOrderOfTheFile) {
  Reading log(Section::kLog, "levl = 1\nworkers = 2\nlevel = \"info\"\nqqqqqq = 3\n\"a\\u001b\" = 4\n",
              "log");
  read_all_of_log(*log);
  EXPECT_THAT(log.problems(), IsEmpty());
  log->finish();
  EXPECT_THAT(log.problems(),
              ElementsAre("t:1:1: error: unknown key \"levl\" in [log]; did you mean \"level\"?",
                          "t:2:1: error: unknown key \"workers\" in [log]; it belongs in [process]",
                          "t:4:1: error: unknown key \"qqqqqq\" in [log]; known here: \"level\", \"format\", "
                          "\"output\" and \"sessions\"",
                          HasSubstr("t:5:1: error: unknown key \"a\\x1b\" in [log]")));
}

TEST(TableReader, AKeyOfTheSchemaThatNobodyReadIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Reading log(Section::kLog, "");
        LogConfig out;
        log->read_word("level", out.level);
        log->finish();
      },
      "assertion failed");
}

TEST(TableReader, ReadingAKeyThatTheSchemaDoesNotHaveIsOurMistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        Reading log(Section::kLog, "");
        bool out = false;
        log->read_flag("colour", out);
      },
      "assertion failed");
}

TEST(BelongsHint, NamesEveryOtherSectionThatHasTheKey) {
  EXPECT_EQ(belongs_hint("bind", Section::kPool), "; it belongs in [admin] or [listeners.NAME]");
  EXPECT_EQ(belongs_hint("bind", Section::kListener), "; it belongs in [admin]");
  EXPECT_EQ(belongs_hint("retries", Section::kPool), "");
  EXPECT_EQ(belongs_hint("include", Section::kLog), "; it belongs in the top of the file");
  EXPECT_EQ(belongs_hint("nonsense", Section::kLog), "");
  EXPECT_EQ(belongs_hint("max_connections", Section::kPool),
            "; it belongs to each backend, as in backends = [{ address = \"10.0.0.1:80\", max_connections = "
            "... }]");
  EXPECT_EQ(belongs_hint("address", Section::kPool),
            "; it belongs to each backend, as in backends = [{ address = \"10.0.0.1:80\" }]");
  EXPECT_EQ(belongs_hint("weight", Section::kLog), "") << "of a backend, which is no section of the file";
}

TEST(TableReader, AFileStandsBesideTheOneThatNamesItUnlessItIsTheDefault) {
  const auto path_in = [](const std::string& value) {
    const Node table = tree_of("client_ca = " + value, "conf/t");
    Problems problems;
    TableReader reader(Section::kListenerTls, table, "x", {}, problems);
    Placed<std::string> out{"kept", {}};
    reader.read_path("client_ca", out);
    return problems.empty() ? out.value : "kept: " + problems.front().text;
  };
  EXPECT_EQ(path_in("\"a.pem\""), "conf/a.pem");
  EXPECT_EQ(path_in("\"../a.pem\""), "a.pem");
  EXPECT_EQ(path_in("\"/a.pem\""), "/a.pem");
  EXPECT_EQ(path_in("\"\""), "");
  EXPECT_THAT(path_in("7"), HasSubstr("x.client_ca: found 7, expected the name of a file"));
  EXPECT_THAT(path_in("\"a\\u0001\""), HasSubstr("expected the name of a file"));
}

TEST(TableReader, AnAbsentFileIsNone) {
  Reading tls(Section::kListenerTls, "");
  Placed<std::string> out;
  tls->read_path("client_ca", out);
  EXPECT_EQ(out.value, "");
  EXPECT_THAT(tls.problems(), IsEmpty());
}

TEST(TableReader, AListOfTextsGivesThemAndReportsTheOthers) {
  Reading route(Section::kRoute, "alpn = [\"a\", 7, \"b\"]\n");
  std::vector<std::string> texts;
  route->each_text("alpn", [&](const Node& item) { texts.push_back(item.text); });
  EXPECT_THAT(texts, ElementsAre("a", "b"));
  EXPECT_THAT(route.problems(), ElementsAre(HasSubstr("t:1:14: error: x.alpn: found 7")));
}

TEST(TableReader, AMissingKeyMayBeReportedInWordsOfItsOwnOnce) {
  Reading certificate(Section::kCertificate, "chain = \"a.pem\"\n");
  Placed<std::string> out;
  certificate->read_path("chain", out);
  certificate->fail_missing("key", "a chain without its key");
  certificate->finish();
  EXPECT_THAT(certificate.problems(), ElementsAre("t:99:1: error: x.key: a chain without its key"));
}

}  // namespace
}  // namespace weir::config
