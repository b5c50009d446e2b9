// The header of the PROXY protocol, versions 1 and 2, by which a proxy tells the next hop who its client is
// (HAProxy, "The PROXY protocol", 2020/03/05). Pure: reads from what has come of a stream so far, and keeps
// nothing. What the specification lets a receiver choose: a header may come in any number of segments;
// headers for datagrams and for unix sockets are taken like "unknown"; every registered TLV that cannot be as
// it says is a fault, and so is a second checksum; others are passed over.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/address.h"

namespace weir::wire {

struct ProxyHeader {
  int version = 1;       // 1 or 2
  std::size_t size = 0;  // bytes of the stream that it takes

  // Of the connection that the sender has accepted. Empty when the connection's own addresses are meant: the
  // sender speaks for itself (LOCAL: a check), does not know, or has a client that is neither TCP over IPv4
  // nor over IPv6.
  base::Address source;
  base::Address destination;
  bool is_local = false;  // LOCAL: the sender's own connection

  // From TLVs; empty or 0 where there is none. They point into the bytes that were read.
  std::string_view authority;  // PP2_TYPE_AUTHORITY: the name that the client asked for
  std::string_view alpn;       // PP2_TYPE_ALPN
  std::string_view unique_id;  // PP2_TYPE_UNIQUE_ID, at most 128 bytes
  std::string_view ssl;        // PP2_TYPE_SSL, as it is
};

// Why a connection is no good, in the order in which it shows.
enum class ProxyFault : std::uint8_t {
  kAbsent,    // what comes is no header of either version
  kVersion,   // of version 2's form, but another number
  kCommand,   // neither LOCAL nor PROXY
  kFamily,    // unknown family or transport
  kAddress,   // an address or a port is not one, or does not fit the family, or the block is too short for it
  kLine,      // version 1: something is not where it should be, or no end of line within 107 bytes
  kTlv,       // a TLV reaches beyond the header, or cannot be as it says
  kChecksum,  // CRC32C is another one
  kCut,       // the stream ends within it: for who reads the stream to tell
};

// The metric's label and the word in the log.
inline constexpr std::array<std::string_view, 9> kProxyFaultWords{
    "absent", "version", "command", "family", "address", "line", "tlv", "checksum", "cut"};
inline constexpr std::size_t kProxyFaults = kProxyFaultWords.size();
static_assert(static_cast<std::size_t>(ProxyFault::kCut) + 1 == kProxyFaults);

constexpr std::string_view word(ProxyFault fault) {
  return kProxyFaultWords[static_cast<std::size_t>(fault)];
}

struct ProxyRead {
  enum class Outcome : std::uint8_t { kNeedsMore, kHeader, kFault };
  Outcome outcome = Outcome::kNeedsMore;
  ProxyFault fault = ProxyFault::kAbsent;  // of `kFault`
  // How many bytes a header needs at least, as far as can be seen; more than there are. Of `kNeedsMore`.
  std::size_t needed = 0;
  ProxyHeader header;  // of `kHeader`
};

// The longest line of version 1, with its end; the longest header of version 2.
inline constexpr std::size_t kMaxProxyLine = 107;
inline constexpr std::size_t kMaxProxyHeader = 16 + 65'535;

// Whether so much of a header has come that it is one, good or bad, and can be nothing else.
bool is_meant_as_proxy_header(std::string_view bytes);

// Reads the header at the beginning of `bytes`. A fault is told as soon as it shows; addresses are not looked
// at before the header is whole.
ProxyRead read_proxy_header(std::string_view bytes);

}  // namespace weir::wire
