// A SYN flood for tests: SYNs with forged source addresses, sent through a raw socket, and the text of one.
// For network namespaces of a test's own and nothing else: it sends only to 198.18.0.0/15 (RFC 2544: networks
// for measurements, routed nowhere), its forged sources are in the upper half of that, and rate and duration
// are bounded here. Needs CAP_NET_RAW. The target should have a route back towards the sender, who must not
// forward and must not have those addresses, so that what comes back dies there unanswered.
#pragma once

#include <netinet/in.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace weir::test {

constexpr unsigned kMostSynsPerSecond = 20'000;
constexpr std::chrono::milliseconds kLongestFlood{10'000};

struct FloodPlan {
  in_addr target{};  // network order, as everywhere in an in_addr
  std::uint16_t port = 0;
  unsigned per_second = 0;
  std::chrono::milliseconds duration{0};
};

// The plan as it stands, or what is wrong with it: a target outside 198.18.0.0/15, port 0, a rate or a
// duration of nothing or beyond the bounds.
base::Result<FloodPlan> checked(const FloodPlan& plan);

struct FloodResult {
  std::uint64_t sent = 0;
  std::chrono::milliseconds took{0};
};

// Sends the plan's SYNs, evenly, and returns when it is over. Checks the plan itself. Fails without the
// right, and without a route to the target.
base::Result<FloodResult> flood(const FloodPlan& plan);

// An IPv4 header (RFC 791) and a TCP header (RFC 9293) with SYN and a maximum segment size, sums included.
using SynPacket = std::array<std::uint8_t, 44>;
SynPacket syn_packet(in_addr source, std::uint16_t source_port, in_addr target, std::uint16_t target_port,
                     std::uint32_t sequence);

// A source address to forge: 198.19.x.y, of the low bits of `random`.
in_addr forged_source(std::uint32_t random);

// The Internet checksum (RFC 1071) over big-endian 16-bit words; zero over a text that holds its own sum.
std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum = 0);

}  // namespace weir::test
