// What can be known about this host before anything is started: the user and its rights, ports that need a
// right, files and folders that must be reachable, kernel limits that would make a setting untrue. `check`
// and `run` both ask.
#pragma once

#include "config/model.h"
#include "config/problem.h"
#include "net/kernel_counters.h"
#include "server/descriptors.h"
#include "server/listener_set.h"

namespace weir::server {

// Adds what is wrong to `problems`. Changes nothing on the host. The addresses of `open` need no right any
// more; null: there are none. `settings` are this kernel's, but in tests.
void check_host(const config::Config& config, config::Problems& problems, const ListenerSet* open = nullptr,
                const net::KernelSettings& settings = net::load_kernel_settings());

// The number of workers that the configuration comes to here.
unsigned worker_count(const config::Config& config);

// How many pipes each worker may have for splicing, under a `limit` of descriptors.
unsigned pipes_per_worker(const config::Config& config, std::uint64_t limit);

// The sum of descriptors under `limit`. A warning when fewer connections fit than were asked for; an error
// when none do. `others`: see DescriptorNeeds.
DescriptorPlan plan_for(const config::Config& config, std::uint64_t limit, unsigned others,
                        config::Problems& problems);

}  // namespace weir::server
