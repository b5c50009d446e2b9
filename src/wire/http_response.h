// Reads one HTTP/1.x response (RFC 9112) to a GET as far as a health check needs it: the status code, and the
// body up to a bound. Bytes come in pieces of any size; where they are cut changes nothing. It accepts what a
// user agent should (a bare LF, folded fields) and stops at the first thing that cannot be framed. Pure; it
// keeps no more than `kMaxHead` and `kMaxBody` bytes, whatever a peer sends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weir::wire {

class HttpResponse {
 public:
  // All heads together, those of interim answers and the trailer section among them.
  static constexpr std::size_t kMaxHead = std::size_t{16} << 10;
  // What is kept of the body. An answer whose body is longer is complete when this much of it has come.
  static constexpr std::size_t kMaxBody = std::size_t{64} << 10;
  // The line that gives a chunk's size, with its extensions.
  static constexpr std::size_t kMaxChunkLine = 1024;

  enum class Outcome {
    kNeedsMore,
    kComplete,
    kMalformed,  // `fault` says what
    kTooLong     // a head or a chunk's line is beyond its bound
  };

  // Takes the next bytes of the stream. What comes after the end of the answer is ignored, and once the
  // outcome is another than `kNeedsMore` it stays.
  Outcome feed(std::string_view bytes);

  // The stream has ended: completes a body that lasts until then (RFC 9112 section 6.3, rule 8); any other
  // answer that still needs bytes was cut, which is malformed.
  Outcome end();

  Outcome outcome() const { return outcome_; }

  // The status code, 100 to 999, once the status line has come; 0 before. Interim answers (1xx) are passed
  // over, but for 101, which nobody asked for: it counts as final and has no body.
  int status() const { return status_; }

  // Whether the head of the final answer is complete, so that `status` is what it will stay.
  bool has_head() const { return state_ > State::kFields; }

  // The body as far as it has come, without the framing of chunks. Content codings stay as they are. Valid
  // until the next call of `feed`.
  std::string_view body() const { return body_; }

  // Whether there was more body than `body` holds.
  bool body_is_cut() const { return body_is_cut_; }

  // What is wrong with a malformed or too long answer: a few words of this file, never of the peer. Empty
  // otherwise.
  std::string_view fault() const { return fault_; }

 private:
  // In the order in which they are passed; everything after `kFields` belongs to the body.
  enum class State { kStatusLine, kFields, kSized, kToEnd, kChunkLine, kChunk, kChunkEnd, kTrailer };

  bool takes_lines() const;
  void take_line_byte(char c);
  void take_body(std::string_view& bytes);
  void on_line();
  void on_status_line();
  void on_field_line();
  void on_chunk_line();
  void on_head_end();
  void keep_field();
  void keep_content_length(std::string_view value);
  void begin_body();
  void begin_coded_body();
  void append(std::string_view bytes);
  void complete() { outcome_ = Outcome::kComplete; }
  void malformed(std::string_view fault);
  void too_long(std::string_view fault);

  State state_ = State::kStatusLine;
  Outcome outcome_ = Outcome::kNeedsMore;
  int status_ = 0;
  bool is_http_1_0_ = false;
  std::size_t head_bytes_ = 0;
  std::string line_;   // the line that is coming, without its end
  std::string field_;  // the last field, which the next line may continue
  std::optional<std::uint64_t> content_length_;
  std::string transfer_coding_;  // the values of all such fields, with commas between them
  bool has_transfer_coding_ = false;
  std::uint64_t left_ = 0;  // of a body or a chunk whose size is known
  std::string body_;
  bool body_is_cut_ = false;
  std::string_view fault_;
};

}  // namespace weir::wire
