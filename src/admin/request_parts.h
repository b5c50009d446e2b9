// The parts of a request's target: the segments of a path and the parameters of a query, percent-decoded (RFC
// 3986), and a path held against a pattern. Pure; every byte of it comes from a stranger.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace weir::admin {

// By name. A name may come once.
using Parameters = std::map<std::string, std::string, std::less<>>;

// "/v1/pools/a%2Fb" gives "v1", "pools", "a/b". Nothing where it does not begin with "/", has an empty
// segment, or holds an escape that is none or a NUL.
std::optional<std::vector<std::string>> path_segments(std::string_view path);

// "a=1&b=x%20y", where "+" is a blank as forms have it. Fails on what is malformed, and on a name that comes
// twice: the error says which.
base::Result<Parameters> query_parameters(std::string_view query);

// What stands where `pattern`, "/v1/pools/{pool}", has names; nothing where the two differ otherwise.
std::optional<Parameters> match_path(std::string_view pattern, const std::vector<std::string>& segments);

}  // namespace weir::admin
