// The end of an HTTP/1.1 answer, which comes in any number of pieces: its header says how long its body is.
// Only what a bench's own server sends: a status line, Content-Length, no chunks (RFC 9112).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::load {

class Answer {
 public:
  enum class Is { kPart, kWhole, kFaulty };

  // What has come. `kFaulty`: no such answer, a longer one than it said, or a header over 16 KiB; also all
  // that follows is.
  Is take(std::string_view piece);

  // Bytes of the body that are still to come; 0 before the header is whole.
  std::uint64_t missing() const { return is_reading_body_ && !is_faulty_ ? missing_ : 0; }
  // So many of them came. Precondition: at most `missing`.
  Is skip(std::uint64_t bytes);

  int status() const { return status_; }  // of a whole one

  // For the next one.
  void begin_anew();

 private:
  bool read_header();

  std::string header_;
  bool is_reading_body_ = false;
  bool is_faulty_ = false;
  int status_ = 0;
  std::uint64_t missing_ = 0;  // of the body
};

}  // namespace weir::load
