// Files of the configuration, by name: reading one, and finding those that an `include` means. Touches the
// disk; knows nothing of what is in the files. What fails is the text of a problem.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/clock.h"
#include "config/scalars.h"

namespace weir::config {

// So long a pipe is waited for: whoever is to write to it may never come.
inline constexpr base::Millis kReadPatience{10'000};

// The whole file, or all that comes from a pipe within `patience`. Precondition for success: readable, no
// directory, at most `kMaxFileBytes`.
Value<std::string> read_source(const std::string& path, base::Millis patience = kReadPatience);

// The whole file, for one that others write while Weir runs. Precondition for success: the same, a regular
// file of at most `most_bytes`, and neither written to nor cut while it was read. One that is replaced by
// renaming meanwhile is read as it was, whole; one that was found half written and rests just then cannot be
// told from a whole one, so whoever writes such files should rename them into place.
Value<std::string> read_steady_source(const std::string& path, std::size_t most_bytes);

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
