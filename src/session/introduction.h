// What is known of a client beside its address, since a trusted proxy has told it or the client itself has
// before there was a backend. Kept by the session to its end, and by the line that it leaves in the log.
#pragma once

#include <string>

#include "base/address.h"

namespace weir::session {

struct Introduction {
  // The peer of the connection, when another one has named the client. Empty: the client is the peer.
  base::Address proxy{};
  base::Address destination{};  // where the client has connected to; empty: here
  std::string server_name{};    // that it asks for, in small letters
  std::string alpn{};           // the protocol that the proxy says it speaks
  std::string unique_id{};      // the proxy's name for the connection
  std::string ssl{};            // PP2_TYPE_SSL's value
};

}  // namespace weir::session
