// What a configuration says, key by key, with the schema's defaults where the files say nothing: for people
// who ask what is in force and where it was written, and for telling two configurations apart. Made from the
// tree that `build` reads, so that it is the user's own words. Pure; plain data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/node.h"
#include "config/schema.h"

namespace weir::config {

struct Setting {
  std::string table;           // "process", "pools.web", as in the file
  std::string key;             // "retries", "health.interval"
  std::string value;           // as TOML
  std::optional<Place> place;  // where it was written; none: the default
  bool is_secret = false;      // came from ${...}, which is there to keep it out of sight: do not show it
  Change change = Change::kLive;

  std::string path() const { return table + "." + key; }
};

// In the order of the schema; named tables and their own in that of the files. Keys without a value, and
// tables of a named one that were not written, are left out; so is `include`, since what it names is in the
// tree. Precondition: `build_config` found no error in `root`.
std::vector<Setting> settings_of(const Node& root);

}  // namespace weir::config
