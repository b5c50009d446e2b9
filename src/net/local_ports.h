// The ports that the kernel gives to sockets which name none: its range less the reserved ones, ip(7) and the
// kernel's ip-sysctl page. One such port serves one connection from each own address to each target, so this
// is how many of them there can be for a pair. No state; files of the calling thread's network namespace.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir::net {

struct LocalPorts {
  // As Linux has it when nobody has set it.
  unsigned first = 32768;
  unsigned last = 60999;
  unsigned reserved = 0;  // of those between, both ends included

  unsigned usable() const { return last - first + 1 - reserved; }
  bool spans(unsigned port) const { return port >= first && port <= last; }
  bool operator==(const LocalPorts&) const = default;
};

// `range` as in ip_local_port_range, "32768\t60999\n"; `reserved` as in ip_local_reserved_ports,
// "8080,9000-9010\n" or nothing. Nothing for what the kernel would not write.
std::optional<LocalPorts> parse_local_ports(std::string_view range, std::string_view reserved);

// From the kernel; `folder` stands for /proc/sys/net in tests. No file of reserved ports: none are. Nothing
// when the range cannot be read.
std::optional<LocalPorts> load_local_ports(const std::string& folder = "/proc/sys/net");

}  // namespace weir::net
