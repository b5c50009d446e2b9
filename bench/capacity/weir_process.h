// Weir between the probe and its servers, and what Weir says about itself: the metrics that tell what gave.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/address.h"
#include "capacity/child.h"

namespace weir::capacity {

class WeirProcess {
 public:
  // Starts `binary` with one listener before `backends`, and waits until it is ready. Full, it refuses.
  static base::Result<WeirProcess> start(const std::string& binary,
                                         const std::vector<base::Address>& backends);

  const base::Address& address() const { return address_; }
  pid_t pid() const { return child_.pid(); }

  // "process_connections 3, backend_end 1": refusals and closed sessions by reason, those that are not 0.
  std::string what_gave() const;

 private:
  WeirProcess(Child child, base::Address address, base::Address door)
      : child_(std::move(child)), address_(std::move(address)), door_(std::move(door)) {}

  Child child_;
  base::Address address_;
  base::Address door_;
};

// Resident memory of a process, 0 when it is gone.
std::uint64_t resident_bytes(pid_t pid);

}  // namespace weir::capacity
