// Files of the configuration, by name: reading one, and finding those that an `include` means. Touches the
// disk; knows nothing of what is in the files. What fails is the text of a problem.
#pragma once

#include <string>
#include <vector>

#include "config/scalars.h"

namespace weir::config {

// The whole file. Precondition for success: readable, no directory, at most `kMaxFileBytes`.
Value<std::string> read_source(const std::string& path);

// `name` as seen from the directory of `file`; an absolute one stays.
std::string beside(const std::string& file, const std::string& name);

// Whether `pattern` has any of `*`, `?`, `[` and so may match any number of files, also none.
bool is_pattern(const std::string& pattern);

// The files that match `pattern` (glob(7)) as seen from the directory of `file`, sorted by their bytes; empty
// when none does.
Value<std::vector<std::string>> match_sources(const std::string& file, const std::string& pattern);

// One form for every way to name a file, to tell whether two are the same; `path` itself when it is missing.
std::string identity(const std::string& path);

}  // namespace weir::config
