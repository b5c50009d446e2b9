#include "server/listener_set.h"

#include <numeric>
#include <unordered_set>

namespace weir::server {
namespace {

using base::Address;
using base::failure;
using base::Result;

// A port that the kernel chose is its listener's, and the how many'th of those it is; every other address is
// the same one whoever has it.
std::string key_of(const config::ListenerConfig& listener, const Address& address,
                   std::size_t chosen_before) {
  const bool is_chosen = address.is_ip() && address.port() == 0;
  const bool is_narrow = address.family() == AF_INET6 && address.is_wildcard() && listener.v6only;
  return (is_chosen ? listener.name + " " + std::to_string(chosen_before) + " " : "") + address.to_string() +
         (is_narrow ? " v6only" : "");
}

// Whether the kernel gives connections to `address` to a socket at `wide`, where there is none at `address`
// itself. Not of the same address.
bool covers(const Address& wide, bool v6only, const Address& address) {
  if (!wide.is_ip() || !address.is_ip() || wide.port() != address.port() || !wide.is_wildcard()) return false;
  if (wide.family() == address.family()) return !address.is_wildcard();
  return wide.family() == AF_INET6 && !v6only;
}

net::ListenOptions options_of(const config::ListenerConfig& listener, std::size_t workers) {
  net::ListenOptions options;
  options.tcp = {listener.keepalive, listener.user_timeout};
  options.backlog = listener.backlog.value ? static_cast<int>(*listener.backlog.value) : net::somaxconn();
  options.v6only = listener.v6only;
  if (listener.defer_accept)
    options.defer_accept = std::chrono::duration_cast<std::chrono::seconds>(*listener.defer_accept);
  options.fast_open = listener.fast_open;
  options.shared = workers > 1;
  options.socket_mode = listener.socket_mode;
  return options;
}

}  // namespace

std::vector<std::size_t> first_workers(std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

std::string ListenerSet::key_of(const config::ListenerConfig& listener, const Address& address) {
  return server::key_of(listener, address, 0);
}

unsigned ListenerSet::count(const config::Config& config, std::size_t workers) {
  std::size_t sockets = 0;
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) sockets += bind.value.is_unix() ? 1 : workers;
  }
  return static_cast<unsigned>(sockets);
}

ListenerSet ListenerSet::open(const config::Config& config, const std::vector<std::size_t>& workers,
                              config::Problems& problems, const ListenerSet* before) {
  ListenerSet set;
  bool failed = false;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    const config::ListenerConfig& listener = config.listeners[i];
    set.addresses_.emplace_back();
    std::size_t chosen = 0;
    for (const auto& bind : listener.bind) {
      const std::string key = server::key_of(listener, bind.value, chosen);
      if (bind.value.is_ip() && bind.value.port() == 0) ++chosen;
      auto opened = set.open_address(listener, bind.value, key, workers.size(), before);
      if (!opened) {
        failed = true;
        problems.push_back({config::Severity::kError, bind.place,
                            "listener \"" + listener.name + "\": " + opened.error().message()});
        continue;
      }
      opened->listener = i;
      set.addresses_.back().push_back(opened->address);
      set.bounds_.push_back(std::move(*opened));
    }
  }
  if (failed) {
    set.bounds_.clear();
  } else {
    if (before != nullptr) set.keep_covered(*before);
    set.assign(workers);
  }
  return set;
}

Result<ListenerSet::Bound> ListenerSet::open_address(const config::ListenerConfig& listener,
                                                     const Address& address, const std::string& key,
                                                     std::size_t workers, const ListenerSet* before) const {
  Bound bound;
  bound.key = key;
  bound.options = options_of(listener, workers);
  bound.address = address;
  const Bound* known = before == nullptr ? nullptr : before->find_reachable(bound.key);
  if (known != nullptr) {
    bound.address = known->address;
    bound.sockets = known->sockets;
    bound.path = known->path;
    bound.is_single = known->is_single;
    if (bound.is_single) workers = bound.sockets.size();
    if (bound.has_path_of_another()) bound.options.socket_mode.reset();
    if (address.is_ip() && workers > bound.sockets.size()) before->share_port(bound.address.port());
  } else {
    auto first = net::listen_on(address, bound.options);
    if (!first && before != nullptr && before->is_in_the_way_of(address, bound.options.v6only)) {
      before->share_port(address.port());
      first = net::bind_beside(address, bound.options);
      bound.needs_apply = true;
    }
    if (!first) return failure(std::move(first.error()));
    auto real = net::local_address(first->get());
    if (!real) return failure(std::move(real.error()));
    bound.address = *real;
    if (address.is_unix()) bound.path = std::make_shared<net::SocketPath>(address.path());
    bound.sockets.push_back(std::make_shared<ListeningSocket>(std::move(*first), *real));
  }
  if (known != nullptr) bound.needs_apply = true;
  while (address.is_ip() && bound.sockets.size() < workers) {
    // Beside one that is served nobody may wait before somebody accepts: the whole may be given up yet.
    auto further = bound.needs_apply ? net::bind_beside(bound.address, bound.options)
                                     : net::join(bound.address, bound.options);
    if (!further) return failure(std::move(further.error()));
    bound.sockets.push_back(std::make_shared<ListeningSocket>(std::move(*further), bound.address));
  }
  return bound;
}

void ListenerSet::assign(const std::vector<std::size_t>& workers) {
  std::size_t turn = 0;  // those that are alone go round
  for (const Bound& bound : bounds_) {
    for (std::size_t i = 0; i < bound.sockets.size(); ++i) {
      const bool is_alone = bound.address.is_unix() || bound.is_single;
      const std::size_t at = is_alone ? turn++ : i;
      sockets_.push_back({bound.sockets[i], bound.listener, workers[at % workers.size()]});
    }
  }
}

const ListenerSet::Bound* ListenerSet::find(const std::string& key) const {
  const auto found =
      std::find_if(bounds_.begin(), bounds_.end(), [&](const Bound& one) { return one.key == key; });
  return found == bounds_.end() ? nullptr : &*found;
}

const ListenerSet::Bound* ListenerSet::find_reachable(const std::string& key) const {
  const Bound* found = find(key);
  const bool is_lost =
      found != nullptr && found->path != nullptr && !found->path->is_at(found->address.path());
  return is_lost ? nullptr : found;
}

bool ListenerSet::has(const config::ListenerConfig& listener, const Address& address) const {
  return find_reachable(key_of(listener, address)) != nullptr;
}

bool ListenerSet::is_in_the_way_of(const Address& address, bool v6only) const {
  return std::any_of(bounds_.begin(), bounds_.end(), [&](const Bound& one) {
    return (address.is_ip() && one.address == address) || covers(one.address, one.options.v6only, address) ||
           covers(address, v6only, one.address);
  });
}

// The kernel prefers the narrower one, so it would have to be closed in one moment with all who come: it
// stays as another one of the wider.
void ListenerSet::keep_covered(const ListenerSet& before) {
  const std::size_t opened = bounds_.size();
  for (const Bound& earlier : before.bounds_) {
    if (find(earlier.key) != nullptr) continue;
    for (std::size_t i = 0; i < opened; ++i) {
      if (!covers(bounds_[i].address, bounds_[i].options.v6only, earlier.address)) continue;
      Bound kept = earlier;
      kept.listener = bounds_[i].listener;
      kept.options = bounds_[i].options;
      kept.needs_apply = true;
      bounds_.push_back(std::move(kept));
      break;
    }
  }
}

void ListenerSet::share_port(std::uint16_t port) const {
  for (const Bound& bound : bounds_) {
    if (!bound.address.is_ip() || bound.address.port() != port) continue;
    // Where this fails the socket that is to be bound beside it fails, and says so.
    for (const auto& socket : bound.sockets) static_cast<void>(socket->share());
  }
}

std::vector<std::string> ListenerSet::apply() const {
  std::vector<std::string> faults;
  for (const Bound& bound : bounds_) {
    if (!bound.needs_apply) continue;
    for (const auto& socket : bound.sockets) {
      if (const auto changed = socket->change(bound.options); !changed) {
        faults.push_back(changed.error().message());
      }
    }
  }
  return faults;
}

Result<ListenerSet> ListenerSet::of_another(std::vector<Handed> handed) {
  ListenerSet set;
  for (Handed& one : handed) {
    auto address = net::local_address(one.fd.get());
    if (!address) return failure(std::move(address.error()).with_context("a socket that was handed over"));
    // Those of one address follow each other.
    if (set.bounds_.empty() || set.bounds_.back().key != one.key) {
      Bound& bound = set.bounds_.emplace_back();
      bound.key = one.key;
      bound.address = *address;
      bound.options.v6only = one.v6only;
      bound.is_single = one.is_single;
      if (address->is_unix()) {
        bound.path = std::make_shared<net::SocketPath>(address->path());
        bound.path->leave_to_another();
      }
    }
    set.bounds_.back().sockets.push_back(
        std::make_shared<ListeningSocket>(std::move(one.fd), *address, ListeningSocket::OfAnother()));
  }
  return set;
}

Result<std::vector<Handed>> ListenerSet::hand_over() const {
  std::vector<Handed> handed;
  for (const Bound& bound : bounds_) {
    if (bound.path != nullptr && !bound.path->is_at(bound.address.path())) continue;
    for (const auto& socket : bound.sockets) {
      auto copy = socket->copy();
      if (!copy) return failure(std::move(copy.error()));
      if (!*copy) continue;
      handed.push_back(
          {bound.key, bound.options.v6only, bound.is_single, std::move(*copy), socket, bound.path});
    }
  }
  return handed;
}

std::vector<std::size_t> ListenerSet::not_taken(const ListenerSet& handed) const {
  std::unordered_set<const ListeningSocket*> taken;
  for (const Assigned& one : sockets_) taken.insert(one.socket.get());
  std::vector<std::size_t> left;
  std::size_t position = 0;
  for (const Bound& bound : handed.bounds_) {
    for (const auto& socket : bound.sockets) {
      if (!taken.contains(socket.get())) left.push_back(position);
      ++position;
    }
  }
  return left;
}

bool ListenerSet::must_be_taken() const {
  return std::any_of(bounds_.begin(), bounds_.end(), [](const Bound& one) { return one.needs_apply; }) ||
         std::any_of(sockets_.begin(), sockets_.end(),
                     [](const Assigned& one) { return one.socket->is_anothers(); });
}

std::vector<std::string> ListenerSet::take() const {
  std::vector<std::string> faults;
  const auto note = [&](const base::Result<void>& done) {
    if (!done) faults.push_back(done.error().message());
  };
  for (const Bound& bound : bounds_) {
    if (bound.path != nullptr && !bound.has_path_of_another()) bound.path->take();
    for (const auto& socket : bound.sockets) {
      note(socket->take());
      note(socket->change(bound.options));
    }
  }
  return faults;
}

std::vector<Assigned> ListenerSet::leaving(const std::vector<Assigned>& sockets) const {
  std::unordered_set<const ListeningSocket*> kept;
  for (const Assigned& one : sockets_) kept.insert(one.socket.get());
  std::vector<Assigned> gone;
  for (const Assigned& one : sockets) {
    if (!kept.contains(one.socket.get())) gone.push_back(one);
  }
  return gone;
}

std::vector<std::chrono::seconds> ListenerSet::deferred() const {
  std::vector<std::chrono::seconds> deferred(addresses_.size());
  for (const Bound& bound : bounds_) {
    if (!bound.address.is_ip()) continue;
    deferred[bound.listener] = net::effective_defer_accept(bound.sockets.front()->fd());
  }
  return deferred;
}

void ListenerSet::remove_paths() const {
  for (const Bound& bound : bounds_) {
    if (bound.path != nullptr) bound.path->remove();
  }
}

void ListenerSet::remove_paths_but(const ListenerSet& next) const {
  for (const Bound& bound : bounds_) {
    const bool stays = std::any_of(next.bounds_.begin(), next.bounds_.end(),
                                   [&](const Bound& other) { return other.path == bound.path; });
    if (bound.path != nullptr && !stays) bound.path->remove();
  }
}

bool ListenerSet::owns(const std::string& path) const {
  return std::any_of(bounds_.begin(), bounds_.end(),
                     [&](const Bound& bound) { return bound.path != nullptr && bound.path->is_at(path); });
}

}  // namespace weir::server
