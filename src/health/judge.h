// What reads a backend's answer and says whether it is the right one: undecided, passed, or failed with a
// reason. One judge for one probe. Pure: the probe gives it bytes and tells how the stream ended; time is the
// probe's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "health/check.h"

namespace weir::health {

enum class Judgement : std::uint8_t { kUndecided, kPassed, kFailed };

struct Finding {
  Judgement judgement = Judgement::kUndecided;
  std::string reason;  // of a failure; nothing of the backend's bytes is in it but through `excerpt`
};

// How a stream came to its end.
enum class StreamEnd : std::uint8_t {
  kClosed,
  kReset,
  kCut  // under TLS, without the close_notify that says that this is the end: more may have been sent
};

class Judge {
 public:
  virtual ~Judge() = default;

  // The next bytes of the answer; not empty, and never again once it is decided.
  virtual Finding on_bytes(std::string_view bytes) = 0;

  // No more will come: passed or failed.
  virtual Finding on_end(StreamEnd end) = 0;

  // Whether any byte of an answer has come.
  virtual bool has_begun() const = 0;
};

// What the probe sends, and who judges the answer.
struct Conversation {
  std::string request;
  std::unique_ptr<Judge> judge;     // none: nothing is said, the connection is enough
  std::vector<std::string> alpn{};  // what it is, as TLS names it; empty: as the target likes
};

// `target.check` is referred to and must outlive the judge.
Conversation build_conversation(const Target& target);

// "the connection was closed before an answer came", and the like.
std::string cut_reason(StreamEnd end, bool has_begun);

}  // namespace weir::health
