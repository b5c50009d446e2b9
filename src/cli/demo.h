// `weir demo`: Weir in front of three small backends of its own, so that it can be seen at work with nothing
// else installed. The traffic is real: it goes through listeners, workers and sockets as it does in a `run`.
#pragma once

#include <cstdint>
#include <optional>

namespace weir::cli {

struct DemoOptions {
  std::optional<unsigned> port;     // unset: 8080, or a free one when that is taken
  std::optional<unsigned> seconds;  // set, or without a terminal: drive itself and end
  std::optional<unsigned> workers;
};

// Returns the exit status; kProblem as well when one of its own requests failed.
int demo(const DemoOptions& options);

}  // namespace weir::cli
