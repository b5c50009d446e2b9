// Every listening socket of the process, opened before any thread starts, and who accepts from which: TCP
// addresses have one SO_REUSEPORT socket for each worker, unix sockets one in all. Removes the paths of unix
// sockets when it is told to.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/problem.h"
#include "net/socket.h"
#include "net/socket_path.h"
#include "server/listening_socket.h"

namespace weir::server {

// One listening socket and the worker that accepts from it.
struct Assigned {
  std::shared_ptr<ListeningSocket> socket;
  std::size_t listener = 0;  // position in the configuration
  std::size_t worker = 0;
};

class ListenerSet {
 public:
  // Opens all sockets. Every address that cannot be bound leaves an error among `problems`, and nothing stays
  // open.
  static ListenerSet open(const config::Config& config, std::size_t workers, config::Problems& problems);

  ListenerSet(ListenerSet&&) = default;
  ListenerSet& operator=(ListenerSet&&) = delete;

  // How many sockets `open` makes; for the sum of descriptors.
  static unsigned count(const config::Config& config, std::size_t workers);

  const std::vector<Assigned>& sockets() const { return sockets_; }

  // The real addresses of each listener, in the order of the configuration.
  const std::vector<std::vector<base::Address>>& addresses() const { return addresses_; }

  // What the kernel made of `defer_accept`, by listener; zero: accepted at once.
  const std::vector<std::chrono::seconds>& deferred() const { return deferred_; }

  // Removes the unix sockets' paths, as far as they are still the ones that were made here. Idempotent.
  void remove_paths() { paths_.clear(); }

  // Whether `path` leads to one of the unix sockets here, however it is spelt.
  bool owns(const std::string& path) const {
    return std::any_of(paths_.begin(), paths_.end(), [&](const auto& own) { return own.is_at(path); });
  }

 private:
  ListenerSet() = default;
  base::Result<void> open_address(const config::ListenerConfig& listener, const base::Address& address,
                                  std::size_t index, std::size_t workers);

  std::vector<Assigned> sockets_;
  std::vector<std::vector<base::Address>> addresses_;
  std::vector<std::chrono::seconds> deferred_;
  std::vector<net::SocketPath> paths_;
  std::size_t next_worker_ = 0;  // unix sockets go round
};

}  // namespace weir::server
