// The way in of one listener on one worker, for sessions whose client is named after they were accepted.
#pragma once

#include <optional>

#include "admission/limit_set.h"
#include "base/address.h"
#include "base/unique_fd.h"
#include "session/counters.h"

namespace weir::session {

class Door {
 public:
  // Why `client` may not come in, which has been counted then; or nothing, with `permits` filled.
  virtual std::optional<admission::Refusal> admit(const base::Address& client,
                                                  admission::LimitPermits& permits) = 0;

  // Ends a connection as the listener does with those who may not come in.
  virtual void refuse(base::UniqueFd client) = 0;

  // The worker's for this listener.
  virtual ListenerCounters& counters() = 0;

 protected:
  ~Door() = default;
};

}  // namespace weir::session
