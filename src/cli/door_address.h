// Where the admin door is that a command means: what the command line says, or else the environment, or else
// the configuration that Weir is run by.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/door_client.h"

namespace weir::cli {

struct DoorOptions {
  std::string admin;       // an address as admin.bind has it; empty: not said
  std::string config;      // a configuration's file; empty: not said
  std::string token_file;  // empty: not said
};

// In this order: `admin`; `config`; WEIR_ADMIN; /etc/weir/weir.toml, where there is one;
// unix:/run/weir/admin.sock. The token is that of `token_file`, of WEIR_TOKEN, or of the configuration that
// named the address. Fails with what is wrong with them.
base::Result<DoorAddress> find_door(const DoorOptions& options);

}  // namespace weir::cli
