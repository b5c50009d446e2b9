#include "server/handover.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

namespace weir::server {
namespace {

using base::failure;
using base::Result;
using net::PacketChannel;
using nlohmann::json;

// Changed when what is said here would be understood otherwise.
constexpr std::string_view kVersion = "weir-upgrade 1";
// What fits into one packet, less its first byte.
constexpr std::size_t kMostText = PacketChannel::kMostBytes - 1;
constexpr std::size_t kSocketsAtOnce = 64;
// A document of that size says what 10 000 backends of 16 pools are like.
constexpr std::size_t kMostDocument = std::size_t{64} << 20;
constexpr std::size_t kMostSockets = std::size_t{1} << 22;

base::Error other_language() {
  return {base::ErrorSide::kSystem, "the process before speaks another language"};
}

std::string packet_of(Word word, std::string_view text) {
  std::string packet(1, static_cast<char>(word));
  packet += text;
  return packet;
}

// "NAME\0", and for each key how old it is in milliseconds (8 bytes) and its 80 bytes.
Result<void> send_tickets(PacketChannel& channel, const HandedTickets& tickets, base::TimePoint deadline) {
  std::string packet = packet_of(Word::kTickets, tickets.listener);
  // So that no copy of the keys stays where it grew.
  packet.reserve(packet.size() + 1 + tickets.keys.size() * (sizeof(std::int64_t) + tls::TicketKey::kBytes));
  packet += '\0';
  for (const auto& one : tickets.keys) {
    const std::int64_t age = one.age.count();
    packet.append(reinterpret_cast<const char*>(&age), sizeof(age));
    for (const auto bytes :
         {std::span<const unsigned char>(one.key.name), std::span<const unsigned char>(one.key.mac),
          std::span<const unsigned char>(one.key.cipher)}) {
      packet.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
  }
  auto sent = channel.send(packet, {}, deadline);
  ::explicit_bzero(packet.data(), packet.size());
  return sent;
}

Result<HandedTickets> tickets_of(std::string_view text) {
  constexpr std::size_t kEach = sizeof(std::int64_t) + tls::TicketKey::kBytes;
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos || (text.size() - end - 1) % kEach != 0) return failure(other_language());
  HandedTickets tickets{std::string(text.substr(0, end)), {}};
  for (text.remove_prefix(end + 1); !text.empty(); text.remove_prefix(kEach)) {
    auto& one = tickets.keys.emplace_back();
    std::int64_t age = 0;
    std::memcpy(&age, text.data(), sizeof(age));
    one.age = base::Millis(age);
    const char* at = text.data() + sizeof(age);
    const auto take = [&at](auto& to) {
      std::memcpy(to.data(), at, to.size());
      at += to.size();
    };
    take(one.key.name);
    take(one.key.mac);
    take(one.key.cipher);
  }
  return tickets;
}

Result<void> send_sockets(PacketChannel& channel, const Legacy& legacy, base::TimePoint deadline) {
  json told = json::array();
  std::vector<int> descriptors;
  const auto send = [&]() -> Result<void> {
    auto sent = channel.send(packet_of(Word::kSockets, told.dump()), descriptors, deadline);
    told = json::array();
    descriptors.clear();
    return sent;
  };
  for (const Handed& one : legacy.sockets) {
    told.push_back({{"key", one.key}, {"v6only", one.v6only}, {"single", one.is_single}});
    descriptors.push_back(one.fd.get());
    if (descriptors.size() < kSocketsAtOnce) continue;
    if (auto sent = send(); !sent) return sent;
  }
  if (legacy.door) {
    told.push_back({{"door", true}});
    descriptors.push_back(legacy.door.get());
  }
  return descriptors.empty() ? Result<void>() : send();
}

Result<void> take_sockets(std::string_view text, net::Packet& packet, Legacy& legacy) {
  try {
    const json told = json::parse(text);
    if (told.size() != packet.descriptors.size()) return failure(other_language());
    for (std::size_t i = 0; i < told.size(); ++i) {
      base::UniqueFd fd = std::move(packet.descriptors[i]);
      if (told[i].value("door", false)) {
        legacy.door = std::move(fd);
        continue;
      }
      legacy.sockets.push_back({told[i].at("key").get<std::string>(), told[i].value("v6only", true),
                                told[i].value("single", false), std::move(fd)});
    }
  } catch (const json::exception&) {
    return failure(other_language());
  }
  return {};
}

Result<void> take(Word word, std::string_view text, net::Packet& packet, Legacy& legacy) {
  switch (word) {
    case Word::kDocument:
      if (legacy.document.size() + text.size() > kMostDocument) return failure(other_language());
      legacy.document += text;
      return {};
    case Word::kTickets: {
      auto tickets = tickets_of(text);
      if (!tickets) return failure(std::move(tickets.error()));
      legacy.tickets.push_back(std::move(*tickets));
      return {};
    }
    case Word::kSockets:
      if (legacy.sockets.size() > kMostSockets) return failure(other_language());
      return take_sockets(text, packet, legacy);
    default:
      // A later version may say more.
      return {};
  }
}

}  // namespace

Result<void> say(PacketChannel& channel, Word word, std::string_view text, base::TimePoint deadline) {
  // A reason may be cut, and nothing else.
  if (text.size() > kMostText && word != Word::kFailed) {
    return failure({base::ErrorSide::kSystem, "there is more to say than fits"});
  }
  return channel.send(packet_of(word, text.substr(0, kMostText)), {}, deadline);
}

Result<void> send_legacy(PacketChannel& channel, const Legacy& legacy, base::TimePoint deadline) {
  if (auto sent = say(channel, Word::kVersion, kVersion, deadline); !sent) return sent;
  std::string_view document = legacy.document;
  while (!document.empty()) {
    const std::size_t size = std::min(document.size(), kMostText);
    if (auto sent = say(channel, Word::kDocument, document.substr(0, size), deadline); !sent) return sent;
    document.remove_prefix(size);
  }
  for (const HandedTickets& tickets : legacy.tickets) {
    if (auto sent = send_tickets(channel, tickets, deadline); !sent) return sent;
  }
  if (auto sent = send_sockets(channel, legacy, deadline); !sent) return sent;
  return say(channel, Word::kEnd, "", deadline);
}

Result<Legacy> receive_legacy(PacketChannel& channel, base::TimePoint deadline) {
  Legacy legacy;
  bool knows_version = false;
  while (true) {
    net::Packet packet;
    switch (channel.receive(packet, deadline)) {
      case PacketChannel::Outcome::kPacket:
        break;
      case PacketChannel::Outcome::kEnded:
        return failure({base::ErrorSide::kSystem, "the process before has ended"});
      case PacketChannel::Outcome::kTooLate:
        return failure({base::ErrorSide::kSystem, "the process before does not hand over"});
      case PacketChannel::Outcome::kFailed:
        return failure({base::ErrorSide::kSystem,
                        "what the process before hands over cannot be taken: too few descriptors?"});
    }
    const auto word = static_cast<Word>(packet.bytes.front());
    const std::string_view text = std::string_view(packet.bytes).substr(1);
    if (!knows_version) {
      if (word != Word::kVersion || text != kVersion) return failure(other_language());
      knows_version = true;
      continue;
    }
    if (word == Word::kEnd) return legacy;
    auto taken = take(word, text, packet, legacy);
    if (word == Word::kTickets) ::explicit_bzero(packet.bytes.data(), packet.bytes.size());
    if (!taken) return failure(std::move(taken.error()));
  }
}

// "0 3-17 42": mostly they stand in a row.
std::string build_not_taken(const std::vector<std::size_t>& positions) {
  std::string text;
  for (std::size_t i = 0; i < positions.size();) {
    const std::size_t first = positions[i];
    std::size_t last = first;
    while (++i < positions.size() && positions[i] == last + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : " ", first);
    if (last > first) text += fmt::format("-{}", last);
  }
  return text;
}

std::vector<std::size_t> parse_not_taken(std::string_view text) {
  std::vector<std::size_t> positions;
  while (!text.empty()) {
    const char* const stop = text.data() + text.size();
    std::size_t first = 0;
    auto [end, error] = std::from_chars(text.data(), stop, first);
    if (error != std::errc()) break;
    std::size_t last = first;
    if (end != stop && *end == '-') {
      const auto [behind, fault] = std::from_chars(end + 1, stop, last);
      if (fault != std::errc() || last < first || last > kMostSockets) break;
      end = behind;
    }
    for (std::size_t position = first; position <= last; ++position) positions.push_back(position);
    text.remove_prefix(std::min(text.size(), static_cast<std::size_t>(end - text.data()) + 1));
  }
  return positions;
}

}  // namespace weir::server
