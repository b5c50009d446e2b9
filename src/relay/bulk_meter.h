// Tells by what has passed whether a direction carries bulk, for which splicing is cheaper, or messages, for
// which copying is: a message costs two calls copied and three or more spliced. Pure; one for each direction.
#pragma once

#include <algorithm>
#include <cstdint>

namespace weir::relay {

class BulkMeter {
 public:
  // A turn that moves this much does not wait for its source: one whole buffer.
  static constexpr std::uint64_t kBusyTurn = std::uint64_t{32} * 1024;
  // Bulk begins after as much in busy turns on end.
  static constexpr std::uint64_t kBegin = std::uint64_t{256} * 1024;
  // And ends after as many turns on end that were not busy.
  static constexpr std::uint8_t kEndAfter = 4;

  // A turn has moved `bytes`.
  void moved(std::uint64_t bytes) {
    const bool was_busy = bytes >= kBusyTurn;
    idle_turns_ = was_busy ? std::uint8_t{0} : static_cast<std::uint8_t>(idle_turns_ + 1);
    if (is_bulk_) {
      is_bulk_ = idle_turns_ < kEndAfter;
    } else {
      sum_ = was_busy ? static_cast<std::uint32_t>(std::min(sum_ + bytes, kBegin)) : 0;
      is_bulk_ = sum_ >= kBegin;
    }
    if (is_bulk_) sum_ = 0;
  }

  bool is_bulk() const { return is_bulk_; }

 private:
  std::uint32_t sum_ = 0;
  std::uint8_t idle_turns_ = 0;
  bool is_bulk_ = false;
};

}  // namespace weir::relay
