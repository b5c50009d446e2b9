#include "server/socket_activation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "net/socket.h"

namespace weir::server {
namespace {

constexpr int kAny = 0;
constexpr int kListens = 1;
constexpr int kUnsetEnvironment = 1;

struct Passed {
  base::UniqueFd fd;
  std::string name;  // FileDescriptorName= of the socket's unit
};

std::vector<Passed> passed_sockets() {
  char** names = nullptr;
  const int count = ::sd_listen_fds_with_names(kUnsetEnvironment, &names);
  std::vector<Passed> passed;
  for (int i = 0; i < count; ++i) {
    passed.push_back({base::UniqueFd(SD_LISTEN_FDS_START + i), names != nullptr ? names[i] : ""});
    if (names != nullptr) ::free(names[i]);
  }
  ::free(names);
  return passed;
}

// Of the listener whose address it has; null: of none.
const config::ListenerConfig* listener_at(const config::Config& config, const base::Address& address) {
  const auto found =
      std::find_if(config.listeners.begin(), config.listeners.end(), [&](const auto& listener) {
        return std::any_of(listener.bind.begin(), listener.bind.end(),
                           [&](const auto& bind) { return bind.value == address; });
      });
  return found == config.listeners.end() ? nullptr : &*found;
}

// Whether a socket at [::] is for IPv4 too is decided by whoever made it, ipv6(7).
bool takes_ipv4_otherwise(int fd, const base::Address& address, bool v6only) {
  int is_v6only = 0;
  socklen_t length = sizeof(is_v6only);
  return address.family() == AF_INET6 && address.is_wildcard() &&
         ::getsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_v6only, &length) == 0 && (is_v6only != 0) != v6only;
}

}  // namespace

std::optional<ListenerSet> activated_sockets(const config::Config& config, config::Problems& problems) {
  std::vector<Handed> taken;
  for (Passed& one : passed_sockets()) {
    const auto refuse = [&](const std::string& why) {
      config::add_warning(
          problems, {}, fmt::format("the socket \"{}\" of the service manager is closed: {}", one.name, why));
    };
    if (::sd_is_socket(one.fd.get(), kAny, SOCK_STREAM, kListens) <= 0) {
      refuse("it is no stream socket that listens");
      continue;
    }
    const auto address = net::local_address(one.fd.get());
    const config::ListenerConfig* listener = address ? listener_at(config, *address) : nullptr;
    if (listener == nullptr) {
      refuse(fmt::format("no listener is bound to {}", address ? address->to_string() : "its address"));
      continue;
    }
    if (takes_ipv4_otherwise(one.fd.get(), *address, listener->v6only)) {
      config::add_warning(problems, {},
                          fmt::format("the socket \"{}\" of the service manager {} clients by IPv4, and "
                                      "listeners.{}.v6only = {} does not say so: make that the same as "
                                      "BindIPv6Only= of its unit (systemd.socket(5))",
                                      one.name, listener->v6only ? "takes" : "does not take", listener->name,
                                      listener->v6only));
    }
    // Whoever accepts from it must not wait there.
    ::fcntl(one.fd.get(), F_SETFL, ::fcntl(one.fd.get(), F_GETFL) | O_NONBLOCK);
    taken.push_back({ListenerSet::key_of(*listener, *address), listener->v6only, true, std::move(one.fd)});
  }
  if (taken.empty()) return std::nullopt;
  std::stable_sort(taken.begin(), taken.end(),
                   [](const Handed& a, const Handed& b) { return a.key < b.key; });
  auto sockets = ListenerSet::of_another(std::move(taken));
  if (!sockets) {
    config::add_error(problems, {}, sockets.error().message());
    return std::nullopt;
  }
  return std::optional<ListenerSet>(std::move(*sockets));
}

}  // namespace weir::server
