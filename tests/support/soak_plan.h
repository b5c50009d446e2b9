// What a session of the soak does, byte for byte. Both sides work it out from the seed, the session's number
// and its kind, so that each knows what the other must send; what the sizes and the mishaps are is chance,
// and always the same for the same seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "support/eventually.h"

namespace weir::test::soak {

// Chance that is cheap to begin anew for each session.
class Dice {
 public:
  Dice(std::uint64_t seed, std::uint64_t number);
  std::uint64_t next();
  std::uint64_t between(std::uint64_t least, std::uint64_t most);
  Millis between(Millis least, Millis most);
  bool one_in(std::uint64_t count) { return next() % count == 0; }

 private:
  std::uint64_t state_;
};

enum class Side : std::uint8_t { kClient, kBackend };

enum class Kind : std::uint8_t {
  kTiny,         // one small request
  kKept,         // many on a connection that stays
  kDownload,     // bulk, which is spliced
  kUpload,       // the other way
  kBothWays,     // bulk both ways at once
  kServerFirst,  // the backend greets before the client says anything
  kSlowReader,   // the client takes its time, and its window is small
  kIdle,         // long pauses, less than the idle timeout
};
inline constexpr std::size_t kKinds = 8;
std::string_view word(Kind kind);
// Those in which the backend speaks first come in by a listener of their own.
constexpr bool is_greeted(Kind kind) { return kind == Kind::kServerFirst; }

// What befalls a single session, on purpose.
enum class Mishap : std::uint8_t {
  kNone,
  kClientResets,
  kClientCloses,    // in the middle, with an end of stream
  kClientVanishes,  // says nothing more, as a host that has lost its power
  kBackendResets,
};
std::string_view word(Mishap mishap);

struct Exchange {
  std::size_t upload = 0;
  std::size_t download = 0;
  Millis pause{0};  // the client's, before it
};

struct Plan {
  std::uint64_t number = 0;
  Kind kind = Kind::kTiny;
  std::vector<Exchange> exchanges;
  bool at_once = false;  // both send; else the backend answers when it has all
  Side first_to_end = Side::kClient;
  bool ends_early = false;  // as soon as it has sent everything, whatever still comes
  Millis reader_pause{0};   // between two pieces that the client reads
  Mishap mishap = Mishap::kNone;
  std::uint64_t mishap_at = 0;  // bytes that this side has moved by then, both ways

  // What Weir counts.
  std::uint64_t upload() const;
  std::uint64_t download() const;
};

Plan plan_of(std::uint64_t seed, std::uint64_t number, Kind kind);

// Where in the endless stream the bytes of one side begin.
std::uint64_t phase_of(std::uint64_t number, Side sender);

// The client's first bytes.
struct Header {
  static constexpr std::uint64_t kMagic = 0x6b616f736b616f73;
  std::uint64_t magic = kMagic;
  std::uint64_t number = 0;
  std::uint64_t kind = 0;
  std::uint64_t greeting = 0;  // of the backend that greeted

  std::string text() const { return {reinterpret_cast<const char*>(this), sizeof(*this)}; }
};

// A greeting: a number that no other has, and bytes from its place in the stream.
inline constexpr std::size_t kGreetingSize = 512;

// What a check of Weir's sends in place of a header, and what it wants to hear.
inline constexpr std::string_view kCheck = "are you?";
inline constexpr std::string_view kCheckAnswer = "I am";

// Weir's, in the soak. The pauses of the sessions and the short hangs together stay well below it.
inline constexpr Millis kIdleTimeout{kSanitized ? 10'000 : 5'000};

}  // namespace weir::test::soak
