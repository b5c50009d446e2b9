// One listener as it is served: where its sessions go, who may come in, and what counts them. Constant but
// for its live blocks; another one takes its place when the configuration changes.
#pragma once

#include <memory>
#include <string>

#include "server/doors.h"
#include "server/listener_tally.h"
#include "session/session.h"

namespace weir::server {

struct Listener {
  std::string name;
  session::Route route;
  DoorRules door;
  std::shared_ptr<ListenerTally> tally;  // of the name: who has the same one is the same listener
};

}  // namespace weir::server
