// Clients of Weir with an address of the test's choice, for tests of who may come in. Each call is one
// connection, and says what came of it. A listener that is bound to addresses of both families is met at the
// one of the client's.
#pragma once

#include <string>

#include "support/weir_process.h"

namespace weir::test {

// Options for a connection from `host`: "127.0.0.2", "2001:2::2".
Socket::Options from(const std::string& host);

// A new connection from `host`; throws when it does not come to be.
Socket connect_from(const WeirProcess& weir, const std::string& host);

// Whether a byte comes back from an echoing backend. `target` is where `host` connects to.
bool is_served(const base::Address& target, const std::string& host);
bool is_served(const WeirProcess& weir, const std::string& host);

// How a connection ends on which the client says nothing: the way in which it was refused.
Ended how_refused(const base::Address& target, const std::string& host);
Ended how_refused(const WeirProcess& weir, const std::string& host);

// A connection that has been served once and is open: it holds what limits count.
Socket served_and_open(const WeirProcess& weir, const std::string& host);

// How many connections the listeners have refused for that reason.
std::uint64_t refused(const WeirProcess& weir, const std::string& reason);

}  // namespace weir::test
