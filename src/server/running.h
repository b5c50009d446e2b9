// What Weir runs by: a configuration and all that was made of it. Constant but for its live blocks; when the
// files are read again another one takes its place. Any thread may look at it while it holds it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/settings.h"
#include "server/descriptors.h"
#include "server/listener_set.h"
#include "server/world.h"

namespace weir::server {

struct Running {
  config::Config config;
  std::vector<config::Setting> settings;  // the same, key by key
  World world;
  ListenerSet listeners;
  DescriptorPlan descriptors;
  std::chrono::system_clock::time_point files_read;  // what is in force was read after this
  std::string admin_token;                           // empty: there is none
};

// The names of its listeners, in the order of the configuration.
std::vector<std::string> listener_names(const config::Config& config);

// Each with its real addresses, "web=127.0.0.1:80,127.0.0.1:81 mail=...".
std::string listeners_in_words(const config::Config& config, const ListenerSet& listeners);

// What is wrong with a backend whose path leads to one of our own sockets, in words.
std::optional<std::string> unix_loop(const std::string& pool, const config::BackendConfig& backend,
                                     const ListenerSet& listeners);

// An error for every backend whose path leads to one of our own sockets, by another spelling or a link: then
// the file is the same.
void refuse_unix_loops(const config::Config& config, const ListenerSet& listeners,
                       config::Problems& problems);

// The buffers that each of so many workers may have. A session needs at most one a direction, and one worker
// may come to serve every connection; but all buffers together stay within a quarter of the memory. Beyond
// that the pump does without (see relay/copy_pump.h).
std::size_t buffers_per_worker(const DescriptorPlan& descriptors, std::size_t workers);

// What a listener's sockets do not take they do without, with a warning: the gate refuses the same clients.
void put_filters(Running& running, config::Problems& problems);

}  // namespace weir::server
