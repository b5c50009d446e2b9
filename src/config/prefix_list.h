// A file of networks for an access list: one network or address a line, or the word `unix`, with comments
// from
// "#" to the line's end. Which side the file is on, what to do with its problems and when to read it again is
// up to the caller. Any thread; only `load_prefix_list` touches the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/prefix.h"
#include "config/problem.h"
#include "config/scalars.h"

namespace weir::config {

// One client of a list, wherever the list stands.
struct ListedClient {
  std::optional<base::Prefix> prefix;  // nothing: the word "unix", which means clients of unix sockets
  std::string warning;                 // "... has host bits set: 10.0.0.0/8 is meant", or empty
};

// "10.0.0.0/8", "192.0.2.1", "2001:db8::/32" (`base::parse_prefix`) or "unix". Pure. The problem quotes the
// text.
Value<ListedClient> parse_listed_client(std::string_view text);

struct PrefixListEntry {
  std::optional<base::Prefix> prefix;  // nothing: the word "unix"
  unsigned line = 0;                   // where it stands, from 1
  unsigned column = 0;
};

struct PrefixList {
  std::vector<PrefixListEntry> entries;  // in the file's order, repetitions too; those that could be read
  // In the file's order, at most `kMaxPrefixListProblems` and one that counts the rest. Errors come before
  // warnings when not all have room, so a list with any error shows one. A list with an error should not be
  // used.
  Problems problems;
};

// The list that `text`, which came from `file`, holds. UTF-8, a byte order mark, CRLF and a last line without
// end are fine; a control character is an error wherever it stands, since a line that ends with one could
// hide the next in a comment. An empty list is no problem. Bounds: `kMaxPrefixListBytes`,
// `kMaxPrefixListEntries`.
PrefixList parse_prefix_list(std::string_view text, const std::string& file);

// The same from the disk, read as `read_steady_source` does; what fails is one error without a line.
PrefixList load_prefix_list(const std::string& path);

}  // namespace weir::config
