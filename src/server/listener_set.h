// Every listening socket of a configuration and who accepts from which: TCP addresses have one SO_REUSEPORT
// socket for each worker at least, unix sockets one in all. A set that follows another one takes over the
// sockets of the addresses that are still there, so that no connection which waits to be accepted is lost:
// sockets change their worker, and are never closed for want of one; a set of another process is followed in
// the same way. The paths of unix sockets go with the last set that has them, or when they are told to.
// Constant but for that.
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
  std::size_t worker = 0;    // its number
};

// A listening socket on its way from one process to another.
struct Handed {
  std::string key;  // of its address, see ListenerSet::Bound
  bool v6only = true;
  bool is_single = false;  // no others may be bound beside it
  base::UniqueFd fd;       // another descriptor of it
  // Of the process that has it.
  std::shared_ptr<ListeningSocket> socket{};
  std::shared_ptr<net::SocketPath> path{};

  // It is the other process's from now on.
  void leave() const {
    socket->leave_to_another();
    if (path != nullptr) path->leave_to_another();
  }
};

// The numbers of so many workers, from 0 on.
std::vector<std::size_t> first_workers(std::size_t count);

class ListenerSet {
 public:
  // Opens what `before` does not have; null: everything. Every address that cannot be bound leaves an error
  // among `problems`, and then nothing that is new stays open. What `before` has goes on as it is: until
  // `apply` its sockets keep their options, but that others may be bound beside them, which do not listen
  // before that. `workers` are numbers.
  static ListenerSet open(const config::Config& config, const std::vector<std::size_t>& workers,
                          config::Problems& problems, const ListenerSet* before = nullptr);

  // What another process has handed over, for `open` to follow. Fails when one is no socket.
  static base::Result<ListenerSet> of_another(std::vector<Handed> handed);

  ListenerSet(ListenerSet&&) = default;
  ListenerSet& operator=(ListenerSet&&) = delete;

  // What makes an address of a listener the same one in another set. Precondition: its port is not 0.
  static std::string key_of(const config::ListenerConfig& listener, const base::Address& address);

  // Whether `open` finds an address of a listener here, and need not bind it.
  bool has(const config::ListenerConfig& listener, const base::Address& address) const;

  // How many sockets `open` makes; for the sum of descriptors.
  static unsigned count(const config::Config& config, std::size_t workers);

  const std::vector<Assigned>& sockets() const { return sockets_; }

  // Gives the sockets that were taken over the options of this configuration, and lets those listen that were
  // bound beside them. What cannot be had is returned in words. For a set that follows another one of this
  // process; where that is another process's, `take` does it.
  std::vector<std::string> apply() const;

  // All that another process may have; a unix socket only while its path leads to it. What is accepted from
  // now on may have that one's filters. Fails when there is no descriptor left.
  base::Result<std::vector<Handed>> hand_over() const;
  // The positions among those of `hand_over` in the other process that this set, which follows them, has not
  // taken. `handed`: the set that was made of them.
  std::vector<std::size_t> not_taken(const ListenerSet& handed) const;
  // Whether `take` is due for a set that has just been opened: another process has the say over one of its
  // sockets, or one that is bound beside another's does not listen yet.
  bool must_be_taken() const;
  // This one has all of its sockets and paths, from now on or again, with filters and options; what cannot be
  // had is returned in words.
  std::vector<std::string> take() const;

  // Those of `sockets` that are in no address of this set any more.
  std::vector<Assigned> leaving(const std::vector<Assigned>& sockets) const;

  // The real addresses of each listener, in the order of the configuration.
  const std::vector<std::vector<base::Address>>& addresses() const { return addresses_; }

  // What the kernel made of `defer_accept`, by listener; zero: accepted at once.
  std::vector<std::chrono::seconds> deferred() const;

  // Removes the unix sockets' paths, as far as they are still the ones that were made here. Idempotent.
  void remove_paths() const;

  // At once those that `next` does not have: the same path may be made anew soon. Idempotent.
  void remove_paths_but(const ListenerSet& next) const;

  // Whether `path` leads to one of the unix sockets here, however it is spelt.
  bool owns(const std::string& path) const;

 private:
  // An address and what listens there.
  struct Bound {
    std::string key;  // what makes it the same one in the next configuration
    std::size_t listener = 0;
    base::Address address;  // the real one
    net::ListenOptions options;
    std::vector<std::shared_ptr<ListeningSocket>> sockets;
    std::shared_ptr<net::SocketPath> path;  // of a unix socket
    bool needs_apply = false;               // to have its options, or to listen at all
    bool is_single = false;                 // of somebody else's making: none can be bound beside it

    // Whose mode is that one's, too.
    bool has_path_of_another() const { return is_single && path != nullptr; }
  };

  ListenerSet() = default;
  base::Result<Bound> open_address(const config::ListenerConfig& listener, const base::Address& address,
                                   const std::string& key, std::size_t workers,
                                   const ListenerSet* before) const;
  void keep_covered(const ListenerSet& before);
  void assign(const std::vector<std::size_t>& workers);
  const Bound* find(const std::string& key) const;
  // The same, but for a unix socket whose path somebody has taken away.
  const Bound* find_reachable(const std::string& key) const;
  // Whether a socket here may keep another one from `address`.
  bool is_in_the_way_of(const base::Address& address, bool v6only) const;
  void share_port(std::uint16_t port) const;

  std::vector<Bound> bounds_;
  std::vector<Assigned> sockets_;
  std::vector<std::vector<base::Address>> addresses_;
};

}  // namespace weir::server
