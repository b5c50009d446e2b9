#include "server/inheritance.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "net/privileges.h"

namespace weir::server {
namespace {

using base::failure;
using base::Result;
using net::PacketChannel;

// The other one has nothing else to do meanwhile.
constexpr base::Millis kLegacyTakes{30'000};
constexpr base::Millis kGoTakes{30'000};

std::optional<int> descriptor_of(const char* text) {
  int fd = -1;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, fd);
  if (error != std::errc() || at != end || ::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return std::nullopt;
  return fd;
}

}  // namespace

std::unique_ptr<Inheritance> Inheritance::receive(std::string& failure) {
  const char* variable = std::getenv(kUpgradeVariable);
  if (variable == nullptr) return nullptr;
  const std::optional<int> fd = descriptor_of(variable);
  ::unsetenv(kUpgradeVariable);
  if (!fd) {
    failure = fmt::format("{} is no open descriptor", kUpgradeVariable);
    return nullptr;
  }
  net::keep_rights_to_oneself();
  // sd_watchdog_enabled(3) goes by it.
  if (std::getenv("WATCHDOG_PID") != nullptr) {
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }
  PacketChannel channel{base::UniqueFd(*fd)};
  const auto give_up = [&](const base::Error& error) {
    failure = error.message();
    static_cast<void>(say(channel, Word::kFailed, failure, base::precise_now()));
    return nullptr;
  };
  auto legacy = receive_legacy(channel, base::precise_now() + kLegacyTakes);
  if (!legacy) return give_up(legacy.error());
  const std::size_t count = legacy->sockets.size();
  auto listeners = ListenerSet::of_another(std::move(legacy->sockets));
  if (!listeners) return give_up(listeners.error());
  auto state = parse_document(legacy->document);
  if (!state) return give_up(state.error());
  return std::unique_ptr<Inheritance>(new Inheritance(std::move(channel), std::move(*legacy),
                                                      std::move(*listeners), std::move(*state), count));
}

Inheritance::Inheritance(PacketChannel channel, Legacy legacy, ListenerSet listeners, HandedState state,
                         std::size_t sockets)
    : channel_(std::move(channel)),
      listeners_(std::in_place, std::move(listeners)),
      state_(std::move(state)),
      tickets_(std::move(legacy.tickets)),
      door_(std::move(legacy.door)),
      door_position_(sockets) {}

base::UniqueFd Inheritance::take_door(const base::Address& address) {
  if (!door_) return {};
  const auto real = net::local_address(door_.get());
  const bool is_chosen = address.is_ip() && address.port() == 0;
  const bool is_it = real && (*real == address || (is_chosen && real->with_port(0) == address));
  return is_it ? std::move(door_) : base::UniqueFd();
}

void Inheritance::fail(const std::string& why) {
  static_cast<void>(say(channel_, Word::kFailed, why, base::precise_now()));
}

Result<void> Inheritance::await_go(const std::vector<std::size_t>& not_taken) {
  const base::TimePoint deadline = base::precise_now() + kGoTakes;
  std::vector<std::size_t> positions = not_taken;
  if (door_) positions.push_back(door_position_);
  const std::string not_taken_text = build_not_taken(positions);
  if (not_taken_text.size() >= net::PacketChannel::kMostBytes) {
    return failure({base::ErrorSide::kSystem, "too many sockets, here and there, are not taken"});
  }
  // One that has ended needs not be told.
  static_cast<void>(say(channel_, Word::kReady, not_taken_text, deadline));
  net::Packet packet;
  switch (channel_.receive(packet, deadline)) {
    case PacketChannel::Outcome::kPacket:
      if (static_cast<Word>(packet.bytes.front()) == Word::kGo) return {};
      return failure({base::ErrorSide::kSystem, "the process before goes on itself"});
    case PacketChannel::Outcome::kEnded:
      return {};
    case PacketChannel::Outcome::kTooLate:
    case PacketChannel::Outcome::kFailed:
      break;
  }
  return failure({base::ErrorSide::kSystem, "the process before does not say that this one may begin"});
}

void Inheritance::let_go() {
  listeners_.reset();
  door_.reset();
  tickets_.clear();
}

void Inheritance::serve(net::EventLoop& loop, std::function<void()> is_main) {
  is_main_ = std::move(is_main);
  static_cast<void>(say(channel_, Word::kServing, "", base::precise_now()));
  watch_.bind<&Inheritance::on_word>(loop, channel_.fd(), this);
  if (!watch_.want(net::Interest::kRead)) is_main_();
}

// "Main", or the end of the process before: the service manager has nobody else then.
void Inheritance::on_word(net::Ready) {
  net::Packet packet;
  if (channel_.receive(packet, base::precise_now()) == PacketChannel::Outcome::kTooLate) return;
  watch_.stop();
  // Nothing more is said, and this process may live for years.
  channel_ = PacketChannel(base::UniqueFd());
  is_main_();
}

}  // namespace weir::server
