#include "session/session_log.h"

#include <gtest/gtest.h>

#include <thread>

namespace weir::session {
namespace {

SessionRecord numbered(std::uint64_t id) {
  SessionRecord record;
  record.id = id;
  return record;
}

// Everything set, with plain names.
SessionRecord full_record(const std::string& listener = "web", const std::string& backend = "a") {
  auto settings = std::make_shared<SessionSettings>();
  settings->listener = listener;
  pool::BackendIdentity identity;
  identity.name = backend;
  identity.address = *base::parse_address("10.0.0.1:80");
  SessionRecord record;
  record.id = 0x0104aed000000001;
  record.settings = settings;
  record.backend = std::make_shared<pool::Backend>(std::move(identity));
  pool::PoolSettings pool;
  pool.name = "pool";
  record.pool = std::make_shared<pool::Pool>(std::move(pool),
                                             std::vector<std::shared_ptr<pool::Backend>>{record.backend});
  record.client = *base::parse_address("192.0.2.7:51234");
  record.attempts = 2;
  record.state = SessionState::kHalfClosed;
  record.reason = CloseReason::kClientEnd;
  record.connect_error = ECONNREFUSED;
  record.failed_backend = record.backend;
  record.upload_bytes = 77;
  record.download_bytes = 18'446'744'073'709'551'615ull;
  record.connect_time = base::Micros(180);
  record.duration = base::Micros(5321);
  return record;
}

TEST(SessionLog, WritesEveryFieldInItsOrderAsText) {
  EXPECT_EQ(text_fields(full_record()),
            "session id=0104aed000000001 listener=web client=192.0.2.7:51234 pool=pool backend=a "
            "address=10.0.0.1:80 attempts=2 state=half_closed reason=client_end connect_error=ECONNREFUSED "
            "failed_backend=a upload=77 download=18446744073709551615 connect_us=180 duration_us=5321");
}

TEST(SessionLog, WritesEveryFieldInItsOrderAsJson) {
  EXPECT_EQ(json_fields(full_record()),
            "\"event\":\"session\",\"id\":\"0104aed000000001\",\"listener\":\"web\","
            "\"client\":\"192.0.2.7:51234\",\"pool\":\"pool\",\"backend\":\"a\",\"address\":\"10.0.0.1:80\","
            "\"attempts\":2,\"state\":\"half_closed\",\"reason\":\"client_end\","
            "\"connect_error\":\"ECONNREFUSED\",\"failed_backend\":\"a\",\"upload\":77,\"download\":"
            "18446744073709551615,"
            "\"connect_us\":180,\"duration_us\":5321");
}

TEST(SessionLog, SaysHowLongASessionWaitedForAPlaceIfItHadTo) {
  SessionRecord record = full_record();
  record.queue_time = base::Micros(1'500);
  EXPECT_NE(text_fields(record).find(" failed_backend=a queue_us=1500 upload=77 "), std::string::npos);
  EXPECT_NE(json_fields(record).find(",\"queue_us\":1500,\"upload\":77,"), std::string::npos);
  record.queue_time = base::Micros(0);
  EXPECT_NE(text_fields(record).find(" queue_us=0 "), std::string::npos) << "it stood there, if not for long";
  record.queue_time.reset();
  EXPECT_EQ(text_fields(record).find("queue_us"), std::string::npos);
  EXPECT_EQ(json_fields(record).find("queue_us"), std::string::npos);
}

TEST(SessionLog, SaysOfASessionThatItTookAWarmConnection) {
  SessionRecord record = full_record();
  EXPECT_EQ(text_fields(record).find("warm"), std::string::npos);
  record.connect_time = base::Micros(0);
  record.was_warm = true;
  EXPECT_NE(text_fields(record).find(" connect_us=0 warm=1 duration_us="), std::string::npos);
  EXPECT_NE(json_fields(record).find(",\"connect_us\":0,\"warm\":1,\"duration_us\":"), std::string::npos);
}

TEST(SessionLog, SaysThatABudgetAllowedNoOtherAttempt) {
  SessionRecord record = full_record();
  EXPECT_EQ(text_fields(record).find("retry_denied"), std::string::npos);
  record.was_retry_denied = true;
  EXPECT_NE(text_fields(record).find(" failed_backend=a retry_denied=1 upload=77 "), std::string::npos);
  EXPECT_NE(json_fields(record).find(",\"retry_denied\":1,\"upload\":77,"), std::string::npos);
}

TEST(SessionLog, WritesWhatThereIsNotAsNone) {
  SessionRecord record = full_record();
  record.id = 1;
  record.backend = nullptr;
  record.attempts = 0;
  record.state = SessionState::kConnect;
  record.reason = CloseReason::kNoBackend;
  record.connect_error = 0;
  record.failed_backend = nullptr;
  record.upload_bytes = 0;
  record.download_bytes = 0;
  record.connect_time.reset();
  EXPECT_EQ(text_fields(record),
            "session id=0000000000000001 listener=web client=192.0.2.7:51234 pool=pool backend=- address=- "
            "attempts=0 state=connect reason=no_backend upload=0 download=0 connect_us=- duration_us=5321");
  EXPECT_EQ(
      json_fields(record),
      "\"event\":\"session\",\"id\":\"0000000000000001\",\"listener\":\"web\","
      "\"client\":\"192.0.2.7:51234\",\"pool\":\"pool\",\"backend\":null,\"address\":null,\"attempts\":0,"
      "\"state\":\"connect\",\"reason\":\"no_backend\",\"upload\":0,\"download\":0,\"connect_us\":null,"
      "\"duration_us\":5321");
}

TEST(SessionLog, KeepsOneLineAndValidJsonWhateverANameHolds) {
  const SessionRecord record = full_record("two words\n\x01", "q\"\\\xff=");
  const std::string text = text_fields(record);
  EXPECT_NE(text.find(" listener=\"two words\\u000a\\u0001\" "), std::string::npos) << text;
  EXPECT_NE(text.find(" backend=\"q\\\"\\\\\xef\xbf\xbd=\" "), std::string::npos) << text;
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const std::string json = json_fields(record);
  EXPECT_NE(json.find("\"listener\":\"two words\\u000a\\u0001\""), std::string::npos) << json;
  EXPECT_NE(json.find("\"backend\":\"q\\\"\\\\\xef\xbf\xbd=\""), std::string::npos) << json;
}

TEST(SessionLog, NamesUnixPeersAndUnknownErrors) {
  SessionRecord record = full_record();
  record.client = base::Address::unix_path("");
  record.connect_error = 4095;
  const std::string text = text_fields(record);
  EXPECT_NE(text.find(" client=unix "), std::string::npos) << text;
  EXPECT_NE(text.find(" connect_error=4095 "), std::string::npos) << text;
}

TEST(CloseReason, HasTheWordThatItsNameSays) {
  EXPECT_EQ(word(CloseReason::kClientEnd), "client_end");
  EXPECT_EQ(word(CloseReason::kConnectRefused), "connect_refused");
  EXPECT_EQ(word(CloseReason::kHalfCloseTimeout), "half_close_timeout");
  EXPECT_EQ(word(CloseReason::kShutdown), "shutdown");
  EXPECT_EQ(word(SessionState::kConnect), "connect");
  EXPECT_EQ(word(SessionState::kLinger), "linger");
}

TEST(CloseReason, IsCleanOnlyWhenBothStreamsEnded) {
  int clean = 0;
  for (std::size_t i = 0; i < kCloseReasons; ++i) clean += is_clean(static_cast<CloseReason>(i)) ? 1 : 0;
  EXPECT_EQ(clean, 2);
  EXPECT_TRUE(is_clean(CloseReason::kClientEnd));
  EXPECT_TRUE(is_clean(CloseReason::kBackendEnd));
}

TEST(SessionLogRing, GivesBackInOrderWhatItTook) {
  SessionLogRing ring(4);
  EXPECT_FALSE(ring.pop().has_value());
  for (std::uint64_t round = 0; round < 10; ++round) {  // round the end several times
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(ring.push(numbered(round * 3 + i)));
    for (std::uint64_t i = 0; i < 3; ++i) ASSERT_EQ(ring.pop()->id, round * 3 + i);
    ASSERT_FALSE(ring.pop().has_value());
  }
}

TEST(SessionLogRing, DropsWhatComesWhenItIsFullAndKeepsWhatItHas) {
  SessionLogRing ring(4);
  for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(ring.push(numbered(i)));
  EXPECT_FALSE(ring.push(numbered(99)));
  EXPECT_EQ(ring.pop()->id, 0u);
  EXPECT_TRUE(ring.push(numbered(4)));
  EXPECT_FALSE(ring.push(numbered(99)));
  for (std::uint64_t i = 1; i <= 4; ++i) EXPECT_EQ(ring.pop()->id, i);
  EXPECT_FALSE(ring.pop().has_value());
}

TEST(SessionLogRing, HoldsNothingOfARecordThatWasTaken) {
  SessionLogRing ring(2);
  SessionRecord record = full_record();
  const std::weak_ptr<pool::Backend> backend = record.backend;
  ASSERT_TRUE(ring.push(std::move(record)));
  EXPECT_FALSE(backend.expired());
  ring.pop();
  EXPECT_TRUE(backend.expired());
}

TEST(SessionLogRing, CarriesEveryRecordFromOneThreadToAnother) {
  constexpr std::uint64_t kRecords = 100'000;
  SessionLogRing ring(64);
  const auto settings = std::make_shared<const SessionSettings>();
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kRecords; ++i) {
      for (;;) {
        SessionRecord record = numbered(i);
        record.settings = settings;
        record.upload_bytes = ~i;
        if (ring.push(std::move(record))) break;
        std::this_thread::yield();
      }
    }
  });
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; i < kRecords;) {
    const auto record = ring.pop();
    if (!record) {
      std::this_thread::yield();
      continue;
    }
    if (record->id != i || record->upload_bytes != ~i || record->settings != settings) ++wrong;
    ++i;
  }
  writer.join();
  EXPECT_EQ(wrong, 0u);
  EXPECT_FALSE(ring.pop().has_value());
  EXPECT_EQ(settings.use_count(), 1);
}

TEST(SessionLog, SaysWhoNamedTheClientAndWhatElseIsKnownOfIt) {
  SessionRecord record = full_record();
  Introduction told;
  told.proxy = *base::parse_address("198.51.100.9:700");
  told.server_name = "www.example";
  told.alpn = "h2";
  told.unique_id = "a b\n";
  record.introduction = std::make_shared<const Introduction>(told);
  EXPECT_NE(text_fields(record).find(" client=192.0.2.7:51234 proxy=198.51.100.9:700 server_name=www.example "
                                     "alpn=h2 proxy_id=\"a b\\u000a\" pool=pool "),
            std::string::npos)
      << text_fields(record);
  EXPECT_NE(
      json_fields(record).find(",\"proxy\":\"198.51.100.9:700\",\"server_name\":\"www.example\",\"alpn\":"
                               "\"h2\",\"proxy_id\":\"a b\\u000a\",\"pool\":"),
      std::string::npos)
      << json_fields(record);
}

TEST(SessionLog, LeavesOutWhatAHeaderWithoutAClientDoesNotSay) {
  SessionRecord record = full_record();
  record.introduction = std::make_shared<const Introduction>();
  EXPECT_EQ(text_fields(record), text_fields(full_record()));
}

TEST(SessionLog, SaysWhyAHeaderIsNoneAndWhyAClientMayNotComeIn) {
  SessionRecord record = full_record();
  record.reason = CloseReason::kProxyHeader;
  record.proxy_fault = wire::ProxyFault::kChecksum;
  EXPECT_NE(text_fields(record).find(" reason=proxy_header proxy_fault=checksum "), std::string::npos);
  record.reason = CloseReason::kRefused;
  record.proxy_fault.reset();
  record.refusal = admission::Refusal::kClientRate;
  EXPECT_NE(text_fields(record).find(" reason=refused refusal=client_rate "), std::string::npos);
}

}  // namespace
}  // namespace weir::session
