// The bounds of a configuration as text and as a whole: how large, how deep, how many. Not the bounds of a
// single value, which stand in the schema. Each is far above what people write and low enough that a broken
// or hostile file cannot take the machine with it.
#pragma once

#include <cstddef>

namespace weir::config {

constexpr std::size_t kMaxFileBytes = std::size_t{4} << 20;       // one file
constexpr std::size_t kMaxExpandedBytes = std::size_t{16} << 20;  // what ${NAME} may add to one file
constexpr std::size_t kMaxFiles = 1000;                           // the named file and what it includes
constexpr std::size_t kMaxNesting = 32;            // brackets within brackets, or dots in one key
constexpr std::size_t kMaxNameLength = 63;         // of a listener, a pool or a backend
constexpr std::size_t kMaxTextLength = 4096;       // any other string, after expansion
constexpr std::size_t kMaxBindAddresses = 16'384;  // of one listener, port ranges spread out
constexpr std::size_t kMaxBackends = 10'000;       // of one pool
constexpr std::size_t kMaxSources = 64;            // of one pool
constexpr std::size_t kMaxNameServers = 8;         // of one pool
constexpr std::size_t kMaxExchangeBytes = 1024;    // that a check sends or expects
constexpr std::size_t kMaxProblems = 1000;         // reported at once
constexpr std::size_t kMaxPrefixListBytes = std::size_t{64} << 20;  // one file of networks
constexpr std::size_t kMaxPrefixListEntries = 1'000'000;            // in it
constexpr std::size_t kMaxPrefixListProblems = 20;                  // reported of it

}  // namespace weir::config
