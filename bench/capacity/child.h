// A process that the probe started: it ends with the probe, whatever way that ends, and with this object.
// One pipe carries what it writes to one of its standard streams.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::capacity {

class Child {
 public:
  // Starts `arguments[0]`. Output to `stream` (1 or 2) goes to the pipe, the other streams stay the probe's.
  // Descriptors without close-on-exec are inherited.
  static base::Result<Child> start(const std::vector<std::string>& arguments, int stream);

  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) = delete;
  ~Child();

  pid_t pid() const { return pid_; }

  // The next line of the pipe, or nothing when the stream ended or `patience` is over.
  base::Result<std::string> read_line(base::Millis patience);

 private:
  Child(pid_t pid, base::UniqueFd output) : pid_(pid), output_(std::move(output)) {}

  pid_t pid_ = -1;
  base::UniqueFd output_;
  std::string buffered_;
};

}  // namespace weir::capacity
