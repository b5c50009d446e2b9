// Makes the access list of a listener from its configuration and its files.
#pragma once

#include <memory>

#include "admission/access_list.h"
#include "config/model.h"
#include "config/problem.h"

namespace weir::server {

// Reads every file. With an error among what it adds to `problems` the list is not to be used.
std::shared_ptr<const admission::AccessList> load_access_list(const config::AccessConfig& from,
                                                              config::Problems& problems);

}  // namespace weir::server
