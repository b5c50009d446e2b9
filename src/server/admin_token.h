// The secret of the admin door, read from its file.
#pragma once

#include <string>

#include "config/model.h"
#include "config/problem.h"

namespace weir::server {

// The file's one line; empty where there is no file configured, or with an error among `problems`. That
// others than owner and group may read it is a warning.
std::string load_admin_token(const config::AdminConfig& admin, config::Problems& problems);

}  // namespace weir::server
