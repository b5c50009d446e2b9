// What became of the connections that were tried, as the client saw it. Plain counts, and the line in which
// they are told to whoever started the program.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"

namespace weir::limits {

struct Tally {
  // The length of one place of `served_in`.
  static constexpr base::Millis kSlice{100};

  std::uint64_t offered = 0;             // connects that were begun
  std::uint64_t served = 0;              // the server's byte came
  std::uint64_t reset = 0;               // connected, then reset without a byte
  std::uint64_t closed = 0;              // connected, then an end of stream without a byte
  std::uint64_t unserved = 0;            // connected, and nothing came while there was patience
  std::uint64_t silent = 0;              // not even connected while there was patience
  std::uint64_t failed = 0;              // could not be begun here, or nobody listens: a fault of the set-up
  std::uint64_t abandoned = 0;           // begun and closed at once: nothing was waited for
  std::uint64_t lost = 0;                // served and kept, and then ended by the other side
  std::vector<std::uint32_t> served_in;  // by slices of time, from the load's beginning

  double seconds = 0;      // from the first connect to the last that was begun
  double cpu_seconds = 0;  // this process's, user and system
  double latest_ms = 0;    // the most that a connect was begun behind its time

  // Connections that each client address keeps, in the addresses' order, and the most it ever kept.
  std::vector<std::uint32_t> kept;
  std::vector<std::uint32_t> most_kept;

  // One line of JSON with the names above.
  std::string to_json() const;
};

}  // namespace weir::limits
