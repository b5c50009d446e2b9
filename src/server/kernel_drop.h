// The packet filters of the listeners with `kernel_drop`: made while the rights are there, filled and put on
// the listening sockets later. Where the kernel cannot hold a list there is no filter and a warning: the gate
// refuses the same clients all the same.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/problem.h"
#include "net/packet_filter.h"
#include "server/access_lists.h"
#include "server/doors.h"

namespace weir::server {

// One for each listener, in the order of the configuration; null where none is asked for or none can be had,
// the latter with a warning. Before the change of user.
// Those of listeners that have one already, in `doors` of the configuration `before`, are the same ones.
std::vector<std::shared_ptr<net::PacketFilter>> make_packet_filters(
    const config::Config& config, config::Problems& problems, const config::Config* before = nullptr,
    const std::vector<DoorRules>* doors = nullptr);

// `filter` with the list in it; null, with a warning, when it cannot hold the list. `filter` may be null.
std::shared_ptr<net::PacketFilter> fill_packet_filter(const std::shared_ptr<net::PacketFilter>& filter,
                                                      const AccessClients& clients,
                                                      const config::ListenerConfig& listener,
                                                      config::Problems& problems);

// How a filter that is in use took another list.
struct FilterChange {
  std::string error;      // empty: it has the new list
  bool is_stuck = false;  // it still has the old one
};

// Changes it, and says to it whether it is in force. A list that does not fit beside the old one may fit
// without it; and a filter that cannot have the new one must not go on with the old one, which may deny who
// is allowed by now: it then keeps every packet, unless it `is_stuck`.
FilterChange update_filter(net::PacketFilter& filter, const net::PacketRules& rules);

// Whether the rights of any of them must be kept to change it later (see net::FilterMode).
bool needs_net_admin(const std::vector<std::shared_ptr<net::PacketFilter>>& filters);

}  // namespace weir::server
