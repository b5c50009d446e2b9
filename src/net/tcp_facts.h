// What the kernel knows of a TCP connection (TCP_INFO, tcp(7)), as values for those who look. Any thread that
// may use the descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.h"

namespace weir::net {

struct TcpFacts {
  std::string_view state;         // "established", "close_wait", ...
  base::Micros rtt{0};            // smoothed; 0: not measured yet
  base::Micros rtt_deviation{0};  // mean
  base::Micros least_rtt{0};      // of the last minutes; 0: not known
  std::uint64_t bytes_acknowledged = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_retransmitted = 0;
  std::uint64_t bytes_unsent = 0;  // in the send queue, not sent even once
  std::uint32_t segments_unacknowledged = 0;
  std::uint32_t segments_retransmitted = 0;
  std::uint32_t congestion_window = 0;  // segments
  std::uint32_t send_segment = 0;       // bytes: the MSS
  std::uint64_t delivery_rate = 0;      // bytes a second, as last measured; 0: not known
  base::Millis since_sent{0};
  base::Millis since_received{0};
};

// Nothing for a socket that is no TCP connection.
std::optional<TcpFacts> tcp_facts(int fd);

}  // namespace weir::net
