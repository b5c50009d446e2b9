// What ends TLS at listeners: made from the configuration, and shared by all workers. The files are read
// here, at the start and again when they change.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "config/problem.h"
#include "session/handshake.h"
#include "tls/server_contexts.h"
#include "tls/ticket_keys.h"

namespace weir::server {

struct ListenerTls {
  std::shared_ptr<session::TlsTermination> termination;  // null: nobody's TLS ends at this listener
  std::shared_ptr<tls::TicketKeys> tickets;              // null: there are none
};

// Reads what `listener` needs; what is wrong goes to `problems`. With an error among them the listener is not
// to be used. Precondition: the configuration is valid. Tickets that were sealed with `known`, keys that no
// file has, are good here too.
ListenerTls build_listener_tls(const config::ListenerConfig& listener, config::Problems& problems,
                               const std::shared_ptr<tls::TicketKeys>& known = nullptr);

// Every file that it has read.
std::vector<std::string> tls_files(const config::TlsConfig& from);

// What reading them again has brought.
struct ReloadedTls {
  std::shared_ptr<const tls::ServerContexts> contexts;  // null: an error is among the problems
  std::shared_ptr<tls::TicketKeys> tickets;             // of a file; null: none
  config::Problems problems;
};

// Reads the files again for a listener that has `live`, and changes nothing of it.
ReloadedTls reload_listener_tls(const config::ListenerConfig& listener, const ListenerTls& live);

// From the next handshake on. Precondition: `fresh` has contexts.
void put_in_force(const ReloadedTls& fresh, const ListenerTls& live);

}  // namespace weir::server
