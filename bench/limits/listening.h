// What the generator's two servers share: a listening socket and an epoll that watches it.
#pragma once

#include "base/address.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::limits {

struct Listening {
  base::UniqueFd socket;
  base::UniqueFd epoll;
};

// Whom it accepts is reset when closed, so that no port stays behind.
base::Result<Listening> listen_at(const base::Address& address);

// Whether `epoll` now tells when `fd` is readable.
bool watch(const base::UniqueFd& epoll, int fd);

}  // namespace weir::limits
