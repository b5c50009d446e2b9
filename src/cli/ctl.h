// `weir ctl`: asks the admin door of a running Weir, and prints what it answers as tables or as it came.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/door_address.h"

namespace weir::cli {

enum class View {
  kOverview,
  kProcesses,
  kListeners,
  kPools,
  kBackends,
  kSessions,
  kSession,
  kClients,
  kRefusals,
  kLimits,
  kSettings,
};

struct CtlOptions {
  DoorOptions door;
  bool json = false;
};

// Shows something. `name`: the pool, the session, or the part of a setting's name that is meant; may be empty
// where all may be meant. `query`: further parameters of the path. Returns the exit status.
int show(const CtlOptions& options, View view, const std::string& name,
         const std::vector<std::pair<std::string, std::string>>& query = {});

// Prints the names of "pools", "listeners" or "backends", these of one pool or, with an empty `pool`, of all.
int show_names(const CtlOptions& options, const std::string& what, const std::string& pool);

// Changes something: one request, whose answer is said in a line. `what` names it for that line.
int change(const CtlOptions& options, const DoorRequest& request, const std::string& what);

// Whether it takes connections: 0 when it does, which is all that a container's health check asks.
int ready(const CtlOptions& options);

// Hands over to the program as it is installed now, and says which process serves by now.
int upgrade(const CtlOptions& options);

// Has the configuration read again, and says what that has changed, or what is wrong with it.
int reload(const CtlOptions& options);

}  // namespace weir::cli
