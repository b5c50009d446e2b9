// The question Weir began with: how many connections do several limited servers hold behind one address,
// where one of them alone must refuse? First one server is climbed, then several through Weir; each climb has
// fresh servers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "capacity/climb.h"

namespace weir::capacity {

struct ProbeOptions {
  std::string self;  // this program, which is started again as a server
  std::string weir;
  int servers = 3;
  int server_limit = 250;  // descriptors of each server; 0 for as many as this process may have
  Bounds bounds;
};

// One row of the result.
struct Outcome {
  std::string what;
  std::size_t held = 0;
  std::size_t standing = 0;  // of those, still there at the end
  std::string stopped_by;
  std::string weir_says;
  std::string servers_say;
  std::uint64_t weir_bytes = 0;  // what Weir's memory grew by
};

base::Result<std::vector<Outcome>> probe(const ProbeOptions& options);

void print_table(const std::vector<Outcome>& outcomes);

}  // namespace weir::capacity
