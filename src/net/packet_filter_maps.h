// The kernel's half of a packet filter in mode `bpf`: two longest-prefix maps (IPv4, IPv6), a counter, and
// the socket filter program that looks at them. Owned by one `PacketFilter`. The only file that includes
// libbpf. The program is written as instructions (RFC 9669), so that building Weir needs no clang. Making one
// needs CAP_BPF (or root) and Linux 5.13 (batches of a longest-prefix map); changing and reading one that is
// open needs no right from Linux 5.19 on.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/packet_rules.h"

namespace weir::net {

class PacketFilterMaps {
 public:
  // Empty maps, in which nothing is denied. `entries` bounds each of the two. The error says what is missing.
  static base::Result<PacketFilterMaps> create(std::uint32_t entries);

  // Carries out `steps` in their order and says how many were; all of them, or an error stopped it. Erasing
  // what is not there is no error.
  struct Applied {
    std::size_t steps = 0;
    int error = 0;  // errno
  };
  Applied apply(std::span<const RuleStep> steps);

  // For SO_ATTACH_BPF.
  int program() const { return program_.get(); }

  // Packets dropped since the start, exact; nothing when the kernel does not let this process look.
  std::optional<std::uint64_t> dropped() const;

 private:
  PacketFilterMaps() = default;
  base::Result<void> load_program();
  Applied apply_run(std::span<const RuleStep> run);

  base::UniqueFd v4_;
  base::UniqueFd v6_;
  base::UniqueFd drops_;  // one number for each CPU
  base::UniqueFd program_;
  int cpus_ = 0;
};

}  // namespace weir::net
