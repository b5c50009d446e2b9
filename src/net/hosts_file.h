// Names that this host knows by itself: /etc/hosts (hosts(5)), which getaddrinfo(3) asks before any name
// server, and "localhost", which is never asked for (RFC 6761 section 6.3). Read again when the file has
// changed; it is a small local file, so reading it on a loop's thread is fine. Used by one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "net/families.h"
#include "net/file_stamp.h"

namespace weir::net {

class HostsFile {
 public:
  // Of a file that is longer this much is looked at, but for a line that would be cut.
  static constexpr std::size_t kMaxBytes = std::size_t{16} << 20;

  explicit HostsFile(std::string path = "/etc/hosts") : path_(std::move(path)) {}

  // Every address of `name`, each once, port 0, in the file's order; case and a last dot do not count. For
  // "localhost" and names below it, when the file has none: the loopback addresses. Nothing: name servers are
  // to be asked.
  std::optional<std::vector<base::Address>> find(std::string_view name, Families families);

 private:
  const std::string path_;
  std::optional<FileStamp> stamp_;
  std::unordered_map<std::string, std::vector<base::Address>> names_;
};

// The lines of such a file by name, in lower case. Lines that make no sense are passed over, as the system
// does.
std::unordered_map<std::string, std::vector<base::Address>> parse_hosts(std::string_view text);

}  // namespace weir::net
