// What two processes say to each other at an upgrade, over a net::PacketChannel that the one before has made:
//
//     before                                     new
//     version, document, keys, sockets, end -->
//                                            <-- ready: prepared, or failed: why
//     go                                     -->
//                                            <-- serving: it accepts
//     main: the service manager knows it     -->
//
// Until "go" nothing is changed for anybody. A new one that hears nothing more after it is ready, since the
// one before has ended, goes on as if it had heard all. See src/ARCHITECTURE.md, "Upgrade".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "net/packet_channel.h"
#include "server/listener_set.h"
#include "tls/ticket_keys.h"

namespace weir::server {

// The descriptor of the new one's end, in its environment.
inline constexpr const char* kUpgradeVariable = "WEIR_UPGRADE_FD";

// The first byte of each packet.
enum class Word : char {
  kVersion = 'v',
  kDocument = 'd',  // a part of it
  kTickets = 't',   // of one listener
  kSockets = 's',
  kEnd = 'e',
  kReady = 'r',
  kFailed = 'f',
  kGo = 'g',
  kServing = 'a',
  kMain = 'm',
  kStop = 'x',  // in place of "go": the one before goes on
};

// The keys of session tickets that no file has.
struct HandedTickets {
  std::string listener;
  std::vector<tls::TicketKeys::AgedKey> keys;
};

// All that is handed over.
struct Legacy {
  std::string document;  // see server/handed_state.h
  std::vector<HandedTickets> tickets;
  std::vector<Handed> sockets;
  base::UniqueFd door;  // the admin door's listening socket; none: there is no such door. Behind the last one
};

// Waits for the other process, up to the deadline.
base::Result<void> say(net::PacketChannel& channel, Word word, std::string_view text,
                       base::TimePoint deadline);
base::Result<void> send_legacy(net::PacketChannel& channel, const Legacy& legacy, base::TimePoint deadline);

// Errors: the other process has ended, is late, or speaks another language.
base::Result<Legacy> receive_legacy(net::PacketChannel& channel, base::TimePoint deadline);

// The text of `kReady`, and what it says: the positions of sockets that the new one has no use for.
std::string build_not_taken(const std::vector<std::size_t>& positions);
std::vector<std::size_t> parse_not_taken(std::string_view text);

}  // namespace weir::server
