// Starts a connection to a backend from where its pool says: from the source addresses in turn, from the
// client's own address, through one interface, or as the kernel likes. One step of `Connector`, and what
// checks of backends use too. Any thread; it waits for nothing.
#pragma once

#include <string>

#include "net/socket.h"
#include "pool/backend.h"

namespace weir::session {

struct Outgoing {
  net::Connecting connecting;
  // Keep it until the socket is closed. Holds nothing where no connect has begun, nor for a unix socket.
  pool::PortHold port;
};

// From the sources of `turn`: one that has no port left, or is no address of this host's, is counted as such
// and the next one is tried. With none left the error is EADDRNOTAVAIL; while all are in the pause after that
// (pool::PortCounters::kDryPause) it is so at once, without a system call. `interface` empty: any.
// Precondition: `target` is an IP address, and `turn` is of its family.
Outgoing start_in_turn(const base::Address& target, pool::SourceTurn& turn, const std::string& interface,
                       const net::TcpOptions& options);

// Whether `start_outgoing` may do it at all: from the address of a client of the other family it may not, nor
// from one that is no host's, that is the backend's own, or loopback towards another host.
bool is_within_reach(const pool::Backend& backend, const base::Address& client);

// To `backend` on behalf of `client`. In a transparent pool the connection comes from the client's address,
// with a port that the kernel chooses: the client's own one may be held towards this backend by another
// connection of that client, or by its last one in TIME_WAIT. A client without an IP address (unix) gets the
// kernel's choice there, and one of another family than the backend's gets EAFNOSUPPORT at `kSource`.
Outgoing start_outgoing(pool::Backend& backend, const base::Address& client, const net::TcpOptions& options);

}  // namespace weir::session
