// How one configuration differs from another, for the answer to a reload: what was added, what is gone, what
// has another value, and which of that only a restart brings about. Pure.
#pragma once

#include <string>
#include <vector>

#include "config/settings.h"

namespace weir::config {

struct Difference {
  std::string table;   // "pools.web"
  std::string path;    // "pools.web.retries"; of a named table that is new or gone as a whole: "pools.web"
  std::string before;  // as TOML; empty: there was none, or it `is_table`
  std::string after;   // the same
  Place place;         // where it is written now, or where it was; nowhere: by default both times
  bool is_table = false;
  bool is_gone = false;    // there is nothing any more
  bool is_new = false;     // there was nothing
  bool is_secret = false;  // the values are not to be shown
  Change change = Change::kLive;
};

// What has to be done to come from `before` to `after`, in the order of `after`, and then what is gone.
// Values are compared as they are written: "60s" and "1m" are said to differ.
std::vector<Difference> differences(const std::vector<Setting>& before, const std::vector<Setting>& after);

}  // namespace weir::config
