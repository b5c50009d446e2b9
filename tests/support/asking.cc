#include "support/asking.h"

#include "support/parallel.h"

namespace weir::test {
namespace {

constexpr std::string_view kQuestion = "?";

}  // namespace

Tally::Tally(const Tally& other) {
  const std::lock_guard lock(other.mutex_);
  names_ = other.names_;
  failures_ = other.failures_;
}

void Tally::add(const Received& answer) {
  const std::lock_guard lock(mutex_);
  const bool is_whole = answer.ended == Ended::kEndOfStream && !answer.bytes.empty();
  ++(is_whole ? names_[answer.bytes] : failures_[std::string(word(answer.ended))]);
}

std::size_t Tally::of(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto at = names_.find(name);
  return at == names_.end() ? 0 : at->second;
}

std::size_t Tally::failed() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [ended, count] : failures_) sum += count;
  return sum;
}

std::string Tally::failures() const {
  const std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [ended, count] : failures_) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + ended;
  }
  return text;
}

std::size_t Tally::served() const {
  const std::lock_guard lock(mutex_);
  std::size_t sum = 0;
  for (const auto& [name, count] : names_) sum += count;
  return sum;
}

Received ask(const base::Address& target, const Socket::Options& options, Millis patience) {
  Socket client = Socket::connect(target, options);
  // One that is reset already is found out by reading.
  client.try_send(kQuestion);
  ::shutdown(client.fd(), SHUT_WR);
  return client.receive_until_end(patience);
}

Tally ask_in_turn(const WeirProcess& weir, std::size_t count) {
  Tally tally;
  for (std::size_t i = 0; i < count; ++i) tally.add(ask(weir));
  return tally;
}

Tally ask_at_once(const WeirProcess& weir, std::size_t count, std::size_t threads) {
  Tally tally;
  in_parallel(threads, count, [&](std::size_t) { tally.add(ask(weir)); });
  return tally;
}

Held hold(const WeirProcess& weir, const Socket::Options& options) {
  Held held{weir.connect(options), ""};
  held.socket.send_all(kQuestion);
  const Received answer = held.socket.receive_some(64);
  if (answer.ended != Ended::kNot) {
    throw SocketError("no backend answered: " + std::string(word(answer.ended)), 0);
  }
  held.name = answer.bytes;
  return held;
}

std::vector<Held> hold_at_once(const WeirProcess& weir, std::size_t count, std::size_t threads) {
  std::vector<Held> held(count);
  in_parallel(threads, count, [&](std::size_t i) { held[i] = hold(weir); });
  return held;
}

std::map<std::string, std::size_t> places(const std::vector<Held>& held) {
  std::map<std::string, std::size_t> counts;
  for (const Held& one : held) ++counts[one.name];
  return counts;
}

std::map<std::string, std::size_t> reasons(const std::vector<LogLine>& sessions) {
  std::map<std::string, std::size_t> counts;
  for (const LogLine& session : sessions) ++counts[session.text("reason")];
  return counts;
}

}  // namespace weir::test
