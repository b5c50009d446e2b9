// What the workers serve, whole: a worker that is given one lets go of everything that it had before, in one
// step. Constant; shared by all workers, each of which takes its own part.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "config/model.h"
#include "server/listener.h"
#include "server/listener_set.h"
#include "server/warmer.h"

namespace weir::server {

class Worker;

// A socket that no configuration has any more. Who has waited there to be accepted is let in as before.
struct LeavingSocket {
  std::shared_ptr<ListeningSocket> socket;
  std::size_t worker = 0;  // that accepts from it
};

struct Serving {
  std::vector<std::shared_ptr<const Listener>> listeners;  // in the order of the configuration
  std::vector<Assigned> sockets;                           // of all workers
  std::vector<LeavingSocket> leaving;
  std::vector<Worker*> team;                           // that may be handed a client
  std::map<std::size_t, std::vector<WarmShare>> warm;  // by worker
  std::size_t buffers_each = 0;                        // that a worker may have
  std::size_t pipes_each = 0;
  base::Micros busy_poll{0};
  config::WhenFull when_full = config::WhenFull::kWait;
};

}  // namespace weir::server
