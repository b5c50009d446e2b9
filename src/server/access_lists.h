// Makes the access list of a listener from its configuration and its files, for the gate and for the packet
// filter.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admission/access_list.h"
#include "config/model.h"
#include "config/problem.h"
#include "net/packet_rules.h"

namespace weir::server {

// Both sides with everything that the files hold.
struct AccessClients {
  admission::ClientList allow;
  admission::ClientList deny;
};

// What an operator has added to a list since, on top of its configuration and its files.
struct AccessAdditions {
  std::vector<base::Prefix> allow;
  std::vector<base::Prefix> deny;
};
using AdditionsByListener = std::map<std::string, AccessAdditions>;

// Of the listener of that name; nothing where there are none.
AccessAdditions additions_to(const AdditionsByListener& all, const std::string& listener);

// Reads every file. What was added to `allow` counts only where the configuration has one. With an error
// among what it adds to `problems` the lists are not to be used.
AccessClients load_access_clients(const config::AccessConfig& from, const AccessAdditions& additions,
                                  config::Problems& problems);

std::shared_ptr<const admission::AccessList> access_list_of(const AccessClients& clients);

// The same rule for a packet filter, which sees no unix sockets.
net::PacketRules packet_rules_of(const AccessClients& clients);

}  // namespace weir::server
