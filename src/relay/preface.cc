#include "relay/preface.h"

#include <algorithm>

#include "relay/end.h"

namespace weir::relay {

Pumped Preface::send(Direction& upload, const End& target) {
  upload.blocked = false;
  while (sent_ < bytes_.size()) {
    const ssize_t sent = send_now(target, bytes_.data() + sent_, bytes_.size() - sent_);
    if (sent < 0 && errno == EAGAIN) {
      upload.blocked = true;
      return Pumped::kBlocked;
    }
    if (sent < 0) return target_failure(errno);
    const std::size_t before = std::max(sent_, header_);
    sent_ += static_cast<std::size_t>(sent);
    upload.bytes += std::max(sent_, header_) - before;
  }
  return Pumped::kMore;
}

}  // namespace weir::relay
