// A link between two network namespaces on which every packet takes a fixed time each way, as to a far host.
// Made of two TUN devices and a thread that carries packets from one to the other: a kernel need not know how
// to delay them. Goes with this object. Needs what namespaces need, and /dev/net/tun (`why_no_slow_link`).
// See namespaces.h.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "support/eventually.h"
#include "support/namespaces.h"

namespace weir::test {

// Why this process cannot make one; nothing when it can.
std::optional<std::string> why_no_slow_link();

class SlowLink {
 public:
  // One address at each end, "198.18.0.1/24". IPv4. No packet comes earlier than `delay` after it was sent.
  SlowLink(const LinkEnd& a, const LinkEnd& b, Millis delay);
  ~SlowLink();
  SlowLink(const SlowLink&) = delete;
  SlowLink& operator=(const SlowLink&) = delete;

 private:
  struct Packet {
    Clock::time_point due;
    int to = -1;
    std::string bytes;
  };

  void run();
  void take_from(int from, int to);

  const Millis delay_;
  const base::UniqueFd a_;
  const base::UniqueFd b_;
  const base::UniqueFd stop_;
  std::deque<Packet> on_their_way_;  // in the order in which they are due
  std::thread thread_;
};

}  // namespace weir::test
