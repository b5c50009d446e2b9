// Builds one backend of a pool's list, in either of its forms: an address alone, or a table around it. Part
// of `build_pool`. Pure.
#pragma once

#include <optional>
#include <string>

#include "config/model.h"
#include "config/node.h"
#include "config/problem.h"

namespace weir::config {

// `path` is how messages name the list: "pools.web.backends". Nothing when no address could be read; any
// other problem leaves the default in place. `use` says what names stand for.
std::optional<BackendConfig> build_backend(const Node& node, const std::string& path, ResolveUse use,
                                           Problems& problems);

}  // namespace weir::config
