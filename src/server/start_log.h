// The first lines of the log: what this run may hold and why, what the kernel keeps ready for it, and that it
// is ready.
#pragma once

#include <optional>

#include "config/model.h"
#include "config/problem.h"
#include "server/descriptors.h"
#include "server/listener_set.h"
#include "server/log_writer.h"
#include "server/world.h"

namespace weir::server {

struct StartParts {
  const config::Config& config;
  const World& world;
  const ListenerSet& listeners;
  const DescriptorPlan& descriptors;
  std::size_t workers;
  std::size_t buffers;  // of all workers, at most
  LogWriter& log;
};

// `admin`: the admin door's real address, when there is one.
void log_start(const StartParts& parts, const std::optional<base::Address>& admin);

// A problem of the configuration that does not stop Weir.
void tell_problem(LogWriter& log, LogLevel level, const config::Problem& problem);

}  // namespace weir::server
