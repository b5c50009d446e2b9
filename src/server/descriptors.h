// How many connections the descriptor limit allows, worked out before anything is opened. The whole sum is in
// one function, so that what is printed is what is used; every part of Weir that keeps descriptors has its
// line in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace weir::server {

// The most clients of the admin door.
inline constexpr unsigned kAdminClients = 16;

// What the configuration will keep open, apart from sessions.
struct DescriptorNeeds {
  unsigned workers = 1;
  unsigned listening_sockets = 0;
  bool admin_door = false;
  unsigned packet_filters = 0;
  std::uint64_t pipes = 0;     // for splicing, of all workers
  std::uint64_t tarpit = 0;    // refused clients that may be held
  std::uint64_t checks = 0;    // probes of backends that may be under way
  std::uint64_t warm = 0;      // connections to backends that wait for clients
  std::uint64_t resolver = 0;  // sockets to name servers
  unsigned others = 0;  // kept by whoever embeds Weir in a process: the demo's own backends and clients
};

struct DescriptorPlan {
  struct Item {
    std::string what;
    std::uint64_t count = 0;
  };

  static constexpr std::uint64_t kPerConnection = 2;  // the client's socket and the backend's

  std::uint64_t limit = 0;  // RLIMIT_NOFILE
  std::vector<Item> reserved;
  std::uint32_t most_connections = 0;  // what fits
  std::uint32_t max_connections = 0;   // what is used: the configured number or, without one, what fits

  // "3 standard streams, 2 log, ..."
  std::string items() const;

  // "max_connections 9962 = (20000 descriptors - 75 kept for: 3 standard streams, ...) / 2"
  std::string arithmetic() const;
};

// The sum. `configured` is process.max_connections; more than fits is cut to what fits. Fails when nothing
// fits.
base::Result<DescriptorPlan> plan_descriptors(std::uint64_t limit, const DescriptorNeeds& needs,
                                              std::optional<unsigned> configured);

// Raises the soft limit of descriptors to the hard one and returns what it is now.
std::uint64_t raise_descriptor_limit();

}  // namespace weir::server
