#include "support/soak_stream.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace weir::test::soak {
namespace {

// Weir's idle timeout ends whatever stands still before this.
constexpr Millis kStandstill = 4 * kIdleTimeout + kPatience;

Side other(Side side) { return side == Side::kClient ? Side::kBackend : Side::kClient; }

void pause_for(Millis span) {
  if (span > Millis(0)) observe_for(span);
}

}  // namespace

std::string_view word(Outcome outcome) {
  static constexpr std::array<std::string_view, 8> kWords{
      "open", "whole", "mishap", "reset", "ended_early", "wrong_bytes", "timed_out", "failed"};
  return kWords[static_cast<std::size_t>(outcome)];
}

Outcome outcome_of(const SocketError& error) {
  const bool is_reset = error.error() == ECONNRESET || error.error() == EPIPE || error.error() == ENOTCONN;
  return is_reset ? Outcome::kReset : Outcome::kFailed;
}

CheckedStream::CheckedStream(Socket& socket, const EndlessStream& content, std::uint64_t number, Side side,
                             Manner manner)
    : socket_(socket),
      content_(content),
      send_phase_(phase_of(number, side)),
      receive_phase_(phase_of(number, other(side))),
      manner_(std::move(manner)) {}

void CheckedStream::before_piece() {
  if (manner_.mishap_at && sent_ + received_ >= *manner_.mishap_at) {
    throw Broken(Outcome::kMishap, "after " + std::to_string(*manner_.mishap_at) + " bytes");
  }
  manner_.before_piece();
}

// A mishap comes at its very byte.
std::size_t CheckedStream::most_now(std::size_t wanted) const {
  const std::uint64_t until_mishap = manner_.mishap_at.value_or(~std::uint64_t{0}) - sent_ - received_;
  return static_cast<std::size_t>(std::min<std::uint64_t>({wanted, manner_.piece, until_mishap}));
}

std::size_t CheckedStream::send_piece(std::size_t left) {
  const std::size_t most = most_now(left);
  if (most == 0) return 0;
  const std::string_view piece = content_.at(send_phase_ + sent_, most);
  const ssize_t n = ::send(socket_.fd(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (n < 0) throw SocketError("send behind " + std::to_string(sent_), errno);
  sent_ += static_cast<std::uint64_t>(n);
  return static_cast<std::size_t>(n);
}

std::size_t CheckedStream::receive_piece(std::size_t left) {
  const std::size_t most = most_now(left);
  if (most == 0) return 0;
  const Received piece = socket_.receive_some(most, Millis(0));
  if (piece.ended == Ended::kTimedOut) return 0;
  const std::string behind = "behind " + std::to_string(received_);
  if (piece.ended == Ended::kReset) throw Broken(Outcome::kReset, behind);
  if (piece.ended == Ended::kEndOfStream) throw Broken(Outcome::kEndedEarly, behind);
  if (!content_.matches(receive_phase_ + received_, piece.bytes)) throw Broken(Outcome::kWrongBytes, behind);
  received_ += piece.bytes.size();
  return piece.bytes.size();
}

void CheckedStream::wait(short events) const {
  pollfd waiting{socket_.fd(), events, 0};
  if (::poll(&waiting, 1, static_cast<int>(kStandstill.count())) == 0) {
    throw Broken(Outcome::kTimedOut,
                 "behind " + std::to_string(sent_) + " sent and " + std::to_string(received_) + " received");
  }
}

void CheckedStream::move(const Amounts& amounts) {
  std::size_t to_send = amounts.send;
  std::size_t to_receive = amounts.receive;
  while (to_send + to_receive > 0) {
    before_piece();
    const std::size_t sent = send_piece(to_send);
    to_send -= sent;
    if (sent > 0 && to_send == 0 && amounts.then_end) end();
    const std::size_t received = receive_piece(to_receive);
    to_receive -= received;
    if (sent + received > 0) continue;
    wait(static_cast<short>((to_send > 0 ? POLLOUT : 0) | (to_receive > 0 ? POLLIN : 0)));
  }
}

void CheckedStream::end() {
  if (!ended_) socket_.end_stream();
  ended_ = true;
}

void CheckedStream::expect_end() {
  wait(POLLIN);
  manner_.before_piece();
  const std::string behind = "at the end, behind " + std::to_string(received_);
  switch (socket_.receive_some(1).ended) {
    case Ended::kEndOfStream:
      return;
    case Ended::kReset:
      throw Broken(Outcome::kReset, behind);
    case Ended::kTimedOut:
      throw Broken(Outcome::kTimedOut, behind);
    case Ended::kNot:
      throw Broken(Outcome::kWrongBytes, "more than all, " + behind);
  }
}

void play(const Plan& plan, Side side, CheckedStream& stream) {
  for (std::size_t i = 0; i < plan.exchanges.size(); ++i) {
    const auto& [upload, download, pause] = plan.exchanges[i];
    const bool ends = plan.ends_early && plan.first_to_end == side && i + 1 == plan.exchanges.size();
    if (side == Side::kClient) {
      pause_for(pause);
      if (plan.at_once) {
        stream.move({upload, download, ends});
      } else {
        stream.move({upload, 0, ends});
        stream.move({0, download});
      }
    } else if (plan.at_once) {
      stream.move({download, upload, ends});
    } else {
      stream.move({0, upload});
      stream.move({download, 0, ends});
    }
  }
  // Who ends second has seen the end of the first, so that the order of the two is certain.
  if (plan.first_to_end == side) stream.end();
  stream.expect_end();
  stream.end();
}

}  // namespace weir::test::soak
