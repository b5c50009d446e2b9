// What one worker counts for one listener. The worker writes, anyone reads; the sum over workers is the
// listener's.
#pragma once

#include <array>

#include "admission/refusals.h"
#include "base/clock.h"
#include "metrics/counter.h"
#include "metrics/histogram.h"
#include "session/close_reason.h"
#include "wire/proxy_header.h"

namespace weir::session {

// What a trusted proxy had to say.
enum class ProxyNews : std::uint8_t {
  kClient,   // who its client is
  kNothing,  // a header without a client: LOCAL, "unknown", or of another kind than TCP over IP
  kNone      // no header, where it need not come
};

inline constexpr std::array<std::string_view, 3> kProxyNewsWords{"client", "nothing", "none"};
inline constexpr std::size_t kProxyNews = kProxyNewsWords.size();

// What a client's ClientHello came to.
enum class HelloNews : std::uint8_t {
  kRoute,      // a route is for it
  kNoRoute,    // none is
  kNotTls,     // the client speaks something else
  kNothing,    // it has said nothing
  kMalformed,  // it began like a ClientHello, and is none
  kTooLong,    // it is not complete within 64 KiB
  kCut         // the stream ended within it
};

inline constexpr std::array<std::string_view, 7> kHelloNewsWords{
    "route", "no_route", "not_tls", "nothing", "malformed", "too_long", "cut"};
inline constexpr std::size_t kHelloNews = kHelloNewsWords.size();
static_assert(static_cast<std::size_t>(HelloNews::kCut) + 1 == kHelloNews);

constexpr std::string_view word(HelloNews news) { return kHelloNewsWords[static_cast<std::size_t>(news)]; }

// What a handshake with a client came to.
enum class HandshakeNews : std::uint8_t {
  kFull,
  kResumed,  // by a ticket
  kFailed,   // the two have not come to an agreement
  kLeft,     // the client has left in the middle
  kTimeout,
  kLimit  // as many were under way as may be
};

inline constexpr std::array<std::string_view, 6> kHandshakeNewsWords{"full", "resumed", "failed",
                                                                     "left", "timeout", "limit"};
inline constexpr std::size_t kHandshakeNews = kHandshakeNewsWords.size();
static_assert(static_cast<std::size_t>(HandshakeNews::kLimit) + 1 == kHandshakeNews);

// From a millisecond to a day: short requests and connections that are kept have both their place.
inline constexpr metrics::HistogramBounds<15> kDurationBounds{
    base::Micros(1'000),          base::Micros(10'000),         base::Micros(100'000),
    base::Micros(500'000),        base::Micros(1'000'000),      base::Micros(5'000'000),
    base::Micros(10'000'000),     base::Micros(30'000'000),     base::Micros(60'000'000),
    base::Micros(300'000'000),    base::Micros(900'000'000),    base::Micros(3'600'000'000),
    base::Micros(14'400'000'000), base::Micros(43'200'000'000), base::Micros(86'400'000'000)};

using Durations = metrics::Histogram<kDurationBounds, metrics::Counter>;

struct alignas(64) ListenerCounters {
  metrics::Counter accepted;     // sessions begun here, those handed over from another worker included
  metrics::Counter handed_over;  // accepted here and served by another worker
  metrics::Counter upload_bytes;
  metrics::Counter download_bytes;
  std::array<metrics::Counter, kCloseReasons> closed;
  std::array<metrics::Counter, kProxyNews> proxy_headers;         // what trusted proxies said of clients
  std::array<metrics::Counter, wire::kProxyFaults> proxy_faults;  // headers that are none
  std::array<metrics::Counter, kHelloNews> client_hellos;
  std::array<metrics::Counter, kHandshakeNews> handshakes;
  metrics::Counter tls_cut;  // clients' TLS streams that ended without close_notify
  std::array<metrics::Counter, admission::kRefusals> refused;
  std::array<metrics::Counter, admission::kRefusals> would_refuse;  // admitted since the limits are run dry
  std::array<metrics::Counter, admission::kRefusals> paused;        // times that accepting was paused
  metrics::Counter tarpit_full;    // refused clients that were reset since as many are held as may be
  Durations durations;             // of sessions that have closed
  metrics::Counter large_batches;  // times that many connections were accepted in one turn, since many waited

  std::uint64_t closed_total() const {
    std::uint64_t sum = 0;
    for (const metrics::Counter& counter : closed) sum += counter.value();
    return sum;
  }

  // Sessions that are open now. The two looks are a moment apart; a session that moves in between is never
  // counted as less than none.
  std::uint64_t open() const {
    const std::uint64_t closed_now = closed_total();
    const std::uint64_t accepted_now = accepted.value();
    return accepted_now > closed_now ? accepted_now - closed_now : 0;
  }
};

}  // namespace weir::session
