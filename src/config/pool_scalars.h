// The values that only pools have, from one node by the rules of one key, as config/scalars.h does for those
// of every section. Pure. What fails is the text of a problem.
#pragma once

#include <string>
#include <string_view>

#include "config/model.h"
#include "config/scalars.h"

namespace weir::config {

// kFate: "keep", "close" or "drain 30s"; the time must be within the key's bounds.
Value<FateConfig> parse_fate(const Key& key, const Node& node);

// kHashKey: "client" or "client_prefix/N". Up to 32, N is for IPv4 and IPv6 clients count by /64; above, N is
// for IPv6 and IPv4 clients count whole.
Value<HashKeyConfig> parse_hash_key(const Key& key, const Node& node);

// One item of a kStatusList: "200", 200, "2xx" or "200-204".
Value<StatusRange> parse_status(const Key& key, const Node& node);

// Hexadecimal digits, two a byte and in any case; spaces may stand between bytes.
Value<std::string> parse_hex(std::string_view text);

}  // namespace weir::config
