// What the tests of probe and prober share: targets, and peers that the test itself plays between two turns
// of the loop.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "health/check.h"
#include "unit/support.h"

namespace weir::health::test_support {

inline std::shared_ptr<const Check> check_of(decltype(Check::type) type, base::Millis timeout,
                                             base::Millis interval = base::Millis(60'000)) {
  Check check;
  check.type = std::move(type);
  check.timeout = timeout;
  check.interval = interval;
  return std::make_shared<const Check>(std::move(check));
}

// An address that refuses: its listener has just closed.
inline base::Address dead_address() { return test::listen_on_loopback().address; }

// Holds up the loop's thread, as a busy control thread would.
inline void hold_up(base::Millis time) { ::poll(nullptr, 0, static_cast<int>(time.count())); }

// Accepts without waiting; none when nobody has come.
inline base::UniqueFd try_accept(int listening) {
  return base::UniqueFd(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

// Adds to `data` what has come; false once the stream is over, whether by its end or by a reset.
inline bool read_into(int fd, std::string& data, int* error = nullptr) {
  char buffer[4096];
  const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
  if (error != nullptr) *error = n < 0 ? errno : 0;
  if (n > 0) data.append(buffer, static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && errno == EAGAIN);
}

}  // namespace weir::health::test_support
