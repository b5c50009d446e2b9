// Which of the open sessions an operator asks for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/prefix.h"
#include "session/close_reason.h"

namespace weir::session {

struct SessionFilter {
  std::string listener;  // these three: empty for all
  std::string pool;
  std::string backend;
  std::optional<base::Prefix> client;
  std::optional<SessionState> state;
  base::Micros least_age{0};
  std::uint64_t after = 0;  // ids beyond that
};

}  // namespace weir::session
