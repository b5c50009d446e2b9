// Whom a session can connect to at all: in a transparent pool not every client comes to every backend.
#pragma once

#include "pool/backend.h"

namespace weir::pool {

// Asked under the pool's lock and by any thread, as long as its session looks for a place.
class ClientReach {
 public:
  virtual bool reaches(const Backend& backend) const = 0;

 protected:
  ~ClientReach() = default;
};

}  // namespace weir::pool
