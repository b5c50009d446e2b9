// The line that each closed session leaves: a fixed record, a ring per worker that carries records to the
// log's thread, and the two forms of the text. The worker never waits: when the ring is full the record is
// dropped and counted.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admission/refusals.h"
#include "base/address.h"
#include "base/clock.h"
#include "pool/pool.h"
#include "session/close_reason.h"
#include "session/counters.h"
#include "session/introduction.h"
#include "session/settings.h"
#include "tls/tls_stream.h"
#include "wire/proxy_header.h"

namespace weir::session {

struct SessionRecord {
  std::uint64_t id = 0;
  std::chrono::system_clock::time_point closed_at;
  std::shared_ptr<const SessionSettings> settings;
  std::shared_ptr<pool::Pool> pool;
  std::shared_ptr<pool::Backend> backend;  // the last one tried in that pool; none when there was none to try
  base::Address client;
  std::shared_ptr<const Introduction> introduction;  // may be none
  std::uint8_t attempts = 0;
  SessionState state = SessionState::kConnect;
  CloseReason reason = CloseReason::kClientEnd;
  std::optional<wire::ProxyFault> proxy_fault;    // of kProxyHeader
  std::optional<HelloNews> hello;                 // of kClientHello
  std::optional<admission::Refusal> refusal;      // of kRefused
  std::shared_ptr<const tls::Facts> tls;          // of the client's, where it ends here and stands
  std::string tls_fault;                          // empty: none
  int connect_error = 0;                          // errno of the last failed attempt, 0 when none failed
  std::shared_ptr<pool::Backend> failed_backend;  // that attempt's
  bool was_retry_denied = false;                  // after it, by the budget of retries
  std::uint64_t upload_bytes = 0;
  std::uint64_t download_bytes = 0;
  std::optional<base::Micros> connect_time;  // of the attempt that stood
  bool was_warm = false;                     // that one was a warm connection
  std::optional<base::Micros> queue_time;    // waited for places; nothing when it never had to
  base::Micros duration{0};
};

// A bounded queue from one worker to the log's thread: one writer, one reader, no lock.
class SessionLogRing {
 public:
  // `capacity` is a power of two.
  explicit SessionLogRing(std::size_t capacity);

  // False, with the record dropped, when the ring is full. The writer's thread only.
  [[nodiscard]] bool push(SessionRecord&& record);

  // The oldest record, or nothing. The reader's thread only.
  std::optional<SessionRecord> pop();

 private:
  std::vector<SessionRecord> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};  // next to be written
  alignas(64) std::atomic<std::size_t> tail_{0};  // next to be read
};

// "session id=... listener=... client=... pool=... backend=... ..." without time and level.
std::string text_fields(const SessionRecord& record);

// The same as the members of a JSON object, without the braces: "\"event\":\"session\",\"id\":...".
std::string json_fields(const SessionRecord& record);

}  // namespace weir::session
