// One side of a session of the soak: sends the bytes that are its, compares each that comes, and says exactly
// how it went wrong when it did. Blocking, one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "support/endless_stream.h"
#include "support/soak_plan.h"
#include "support/socket.h"

namespace weir::test::soak {

// What became of a session, as one side saw it.
enum class Outcome : std::uint8_t {
  kOpen,
  kWhole,       // every byte both ways, and both ends of stream
  kMishap,      // this side broke it off on purpose
  kReset,       // the other side's reset came first
  kEndedEarly,  // an end of stream before the last byte: a cut one that looks whole
  kWrongBytes,  // or more than there should be
  kTimedOut,    // nothing came for much longer than any timeout of Weir's
  kFailed,      // an error that none of this explains
};
std::string_view word(Outcome outcome);

class Broken : public std::runtime_error {
 public:
  Broken(Outcome outcome, const std::string& what) : std::runtime_error(what), outcome_(outcome) {}
  Outcome outcome() const { return outcome_; }

 private:
  Outcome outcome_;
};

// The outcome that an error of a socket stands for.
Outcome outcome_of(const SocketError& error);

// What one side does in its own way.
struct Manner {
  std::function<void()> before_piece = [] {};
  std::size_t piece = 64 * 1024;
  std::optional<std::uint64_t> mishap_at;  // throws `Broken` once so many bytes have moved
};

class CheckedStream {
 public:
  // The three must outlive it. `number` says which bytes are whose.
  CheckedStream(Socket& socket, const EndlessStream& content, std::uint64_t number, Side side, Manner manner);

  struct Amounts {
    std::size_t send = 0;
    std::size_t receive = 0;
    bool then_end = false;  // ends its stream once all is sent, whatever is still to come
  };
  // Moves both at once, or throws `Broken`.
  void move(const Amounts& amounts);

  void end();         // of its own stream; at most once, further calls do nothing
  void expect_end();  // waits for the other's, or throws `Broken`

 private:
  void before_piece();
  std::size_t most_now(std::size_t wanted) const;
  std::size_t send_piece(std::size_t left);
  std::size_t receive_piece(std::size_t left);
  void wait(short events) const;

  Socket& socket_;
  const EndlessStream& content_;
  const std::uint64_t send_phase_;
  const std::uint64_t receive_phase_;
  const Manner manner_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
  bool ended_ = false;
};

// Does one side's part of `plan`, from behind the header to both ends.
void play(const Plan& plan, Side side, CheckedStream& stream);

}  // namespace weir::test::soak
