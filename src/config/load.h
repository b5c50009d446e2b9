// The one door to the configuration for the rest of Weir: a path in, a `Config` or every problem out.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/problem.h"
#include "config/secrets.h"
#include "config/settings.h"

namespace weir::config {

// Looks up an environment variable; nothing when it is unset. Given by the caller so that tests own the
// environment.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct Loaded {
  Config config;                  // meaningful only without an error among `problems`
  std::vector<Setting> settings;  // the same, key by key
  Problems problems;              // in the order of files and lines; warnings among them
  Secrets secrets;                // not in these problems, and to be hidden in later ones
};

// None of these throws, whatever is in the files.

// Reads `path` and what it includes, expands ${NAME}, builds and validates. Touches the disk, nothing else:
// no resolver, no socket.
Loaded load_file(const std::string& path, const Environment& environment);

// The same from text that is already in memory. An `include` in it is resolved beside `file_name`.
Loaded load_text(std::string_view text, const std::string& file_name, const Environment& environment);

// The process's own environment.
Environment process_environment();

}  // namespace weir::config
