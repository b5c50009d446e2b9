// Why a connection was not let in. One list: the enum, the metric's label and the word in the log are the
// same word.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace weir::admission {

enum class Refusal {
  kDenied,               // by the access list
  kUntrusted,            // not one of the proxies that may say who their clients are, where that must be said
  kClientConnections,    // the client has as many open as it may
  kClientRate,           // the client comes too fast
  kTableFull,            // a new client, and no client can be forgotten
  kListenerConnections,  // the listener's limits hold as many as they may
  kRate,                 // the listener's limits admit no more now
  kProcessRate,          // the process admits no more now
  kProcessConnections,   // the process holds as many as it may
  kNoDescriptors,        // the process or the system has no descriptor left
};

inline constexpr std::array<std::string_view, 10> kRefusalWords{
    "denied", "untrusted",    "client_connections",  "client_rate",   "table_full", "listener_connections",
    "rate",   "process_rate", "process_connections", "no_descriptors"};

inline constexpr std::size_t kRefusals = kRefusalWords.size();
static_assert(static_cast<std::size_t>(Refusal::kNoDescriptors) + 1 == kRefusals);

constexpr std::string_view word(Refusal refusal) { return kRefusalWords[static_cast<std::size_t>(refusal)]; }

}  // namespace weir::admission
