// A server in a process of its own; see peer_main.cc for its modes.
#pragma once

#include <string>

#include "base/address.h"
#include "support/child_process.h"

namespace weir::test {

class PeerProcess {
 public:
  // Listens at `host`, in the network namespace of the calling thread.
  PeerProcess(const std::string& mode, const ChildOptions& options, const std::string& host = "127.0.0.1");

  const base::Address& address() const { return address_; }
  ChildProcess& child() { return child_; }

  // Waits for a line "WORD NUMBER" and returns the number; throws at the deadline.
  std::size_t wait_for(const std::string& word);

 private:
  ChildProcess child_;
  base::Address address_;
};

}  // namespace weir::test
