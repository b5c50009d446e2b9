#include "server/listener_set.h"

namespace weir::server {

using base::Address;
using base::failure;
using base::Result;

unsigned ListenerSet::count(const config::Config& config, std::size_t workers) {
  std::size_t sockets = 0;
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) sockets += bind.value.is_unix() ? 1 : workers;
  }
  return static_cast<unsigned>(sockets);
}

ListenerSet ListenerSet::open(const config::Config& config, std::size_t workers, config::Problems& problems) {
  ListenerSet set;
  bool failed = false;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::ListenerConfig& listener = config.listeners[i];
    set.addresses_.emplace_back();
    set.deferred_.emplace_back(0);
    for (const auto& bind : listener.bind) {
      const auto opened = set.open_address(listener, bind.value, i, workers);
      if (opened) continue;
      failed = true;
      problems.push_back({config::Severity::kError, bind.place,
                          "listener \"" + listener.name + "\": " + opened.error().message()});
    }
  }
  if (failed) {
    set.sockets_.clear();
    set.remove_paths();
  }
  return set;
}

Result<void> ListenerSet::open_address(const config::ListenerConfig& listener, const Address& address,
                                       std::size_t index, std::size_t workers) {
  net::ListenOptions options;
  options.tcp = {listener.keepalive, listener.user_timeout};
  options.backlog = listener.backlog.value ? static_cast<int>(*listener.backlog.value) : net::somaxconn();
  options.v6only = listener.v6only;
  if (listener.defer_accept)
    options.defer_accept = std::chrono::duration_cast<std::chrono::seconds>(*listener.defer_accept);
  options.fast_open = listener.fast_open;
  options.shared = workers > 1;
  options.socket_mode = listener.socket_mode;
  auto first = net::listen_on(address, options);
  if (!first) return failure(std::move(first.error()));
  auto real = net::local_address(first->get());
  if (!real) return failure(std::move(real.error()));
  addresses_.back().push_back(*real);
  const auto add = [&](base::UniqueFd fd, std::size_t worker) {
    sockets_.push_back({std::make_shared<ListeningSocket>(std::move(fd), *real), index, worker});
  };
  if (address.is_unix()) {
    paths_.emplace_back(address.path());
    add(std::move(*first), next_worker_++ % workers);
    return {};
  }
  deferred_.back() = net::effective_defer_accept(first->get());
  add(std::move(*first), 0);
  for (std::size_t worker = 1; worker < workers; ++worker) {
    auto further = net::join(*real, options);
    if (!further) return failure(std::move(further.error()));
    add(std::move(*further), worker);
  }
  return {};
}

}  // namespace weir::server
