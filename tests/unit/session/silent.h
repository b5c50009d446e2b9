// An address that does not answer at all, for the tests of connects that must end by their deadline.
#pragma once

#include <vector>

#include "unit/support.h"

namespace weir::session {

// Its listener's queue is full, so that the kernel drops what comes.
struct Silent {
  Silent() {
    for (int i = 0; i < 100; ++i) {
      waiting.push_back(net::start_connect(listening.address, {}));
      // The queue is full when a connect does not come to stand.
      if (!test::wait_for(waiting.back().fd.get(), POLLOUT, base::Millis(20))) return;
    }
    ADD_FAILURE() << "the queue never filled";
  }
  test::Listening listening = test::listen_on_loopback(0);
  std::vector<net::Connecting> waiting;
};

}  // namespace weir::session
