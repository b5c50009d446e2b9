// Makes what is to be run by next: reads nothing but what the new configuration names, and does everything
// that may fail while the one before goes on untouched, but that sockets may now be bound beside its own and
// that packet filters have their new lists. Takes its time: on a thread of its own.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "config/differences.h"
#include "config/load.h"
#include "server/log_writer.h"
#include "server/running.h"
#include "server/worker_set.h"

namespace weir::server {

struct Next {
  std::unique_ptr<Running> running;  // null: an error is among the problems, or it was given up
  Succession succession;
  WorkerSet::List team;
  std::optional<LogWriter::Output> output;  // of the log, where it is another one
  std::vector<config::Difference> differences;
  config::Problems problems;
};

struct NextParts {
  const Running& before;
  AdditionsByListener additions;  // to the access lists
  WorkerSet& workers;
  unsigned other_descriptors = 0;  // see DescriptorNeeds::others
  // Nothing needs to be made any more: it is given up at the next step.
  std::function<bool()> is_stopping;
};

// What only a restart brings about stays as it was before.
Next prepare_next(config::Loaded loaded, const NextParts& parts);

}  // namespace weir::server
