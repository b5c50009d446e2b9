// What the workers serve, whole: a worker that is given one lets go of everything that it had before, in one
// step. Constant; shared by all workers, each of which takes its own part.
#pragma once

#include <memory>
#include <vector>

#include "config/model.h"
#include "server/listener.h"
#include "server/listener_set.h"

namespace weir::server {

class Worker;

struct Serving {
  std::vector<std::shared_ptr<const Listener>> listeners;  // in the order of the configuration
  std::vector<Assigned> sockets;                           // of all workers
  std::vector<Worker*> team;                               // that may be handed a client
  config::WhenFull when_full = config::WhenFull::kWait;
};

}  // namespace weir::server
