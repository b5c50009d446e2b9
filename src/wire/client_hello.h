// Reads a TLS ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) as far as routing needs it: the
// name that the client asks for (RFC 6066 section 3; with ECH the outer one) and its protocols (RFC 7301).
// Bytes come in pieces of any size, and the message may lie in any number of records; where they are cut
// changes nothing. Nothing is decrypted or answered, and the bytes stay the caller's to pass on. Pure; keeps
// no more than `kMax` bytes, whatever a peer sends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::wire {

class ClientHello {
 public:
  // Of the stream, records' heads among them.
  static constexpr std::size_t kMax = std::size_t{64} << 10;

  enum class Outcome : std::uint8_t {
    kNeedsMore,
    kComplete,
    kNotTls,     // the first bytes are those of something else
    kMalformed,  // it began like one; `fault` says what is wrong
    kTooLong     // it is not complete within `kMax`
  };

  // Takes the next bytes of the stream. What follows the message is ignored, and once the outcome is another
  // than `kNeedsMore` it stays.
  Outcome feed(std::string_view bytes);

  Outcome outcome() const { return outcome_; }

  // In small letters and without a last dot; empty: it asks for none. At most 255 bytes of printable ASCII.
  const std::string& server_name() const { return server_name_; }
  // As the client offers them, in its order; none: it has not this extension.
  const std::vector<std::string>& protocols() const { return protocols_; }

  // What is wrong with a malformed one: a few words of this file, never of the peer. Empty otherwise.
  std::string_view fault() const { return fault_; }

 private:
  static constexpr std::size_t kRecordHead = 5;
  static constexpr std::size_t kMessageHead = 4;

  void take_record_head();
  void on_payload();
  void on_message(std::string_view body);
  void on_extensions(std::string_view extensions);
  bool on_server_name(std::string_view value);
  bool on_protocols(std::string_view value);
  void end(Outcome outcome, std::string_view fault = {});

  Outcome outcome_ = Outcome::kNeedsMore;
  std::size_t seen_ = 0;  // of the stream
  std::string head_;      // of the record that begins, until it is whole
  std::size_t left_ = 0;  // of the record's payload
  std::string message_;   // as far as it has come
  std::string server_name_;
  std::vector<std::string> protocols_;
  std::string_view fault_;
};

}  // namespace weir::wire
