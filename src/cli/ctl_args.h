// The command line of `weir ctl` and `weir reload`: their commands, arguments and help.
#pragma once

#include <functional>
#include <memory>

// NOLINTNEXTLINE(readability-identifier-naming): it is the library's name.
namespace CLI {
class App;
}

namespace weir::cli {

class CtlArgs {
 public:
  // Adds its commands to `app`, which outlives it.
  explicit CtlArgs(CLI::App& app);
  ~CtlArgs();
  CtlArgs(const CtlArgs&) = delete;
  CtlArgs& operator=(const CtlArgs&) = delete;

  // What to do when one of its commands was parsed; empty when none was.
  const std::function<int()>& chosen() const;

 private:
  struct Values;
  const std::unique_ptr<Values> values_;
};

}  // namespace weir::cli
