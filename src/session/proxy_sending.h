// What a pool's backends are told of a session's client by the PROXY protocol, before its first byte.
#pragma once

#include <string>

#include "base/address.h"
#include "pool/pool.h"
#include "session/introduction.h"
#include "tls/tls_stream.h"

namespace weir::session {

// Whose session it is.
struct ProxySubject {
  const base::Address& client;
  base::Address here;                  // where its connection ends; used when nobody has told another one
  const Introduction* introduction{};  // may be none
  std::uint64_t session_id = 0;
};

// Adds what the client's own TLS says of it, which then is not what a proxy before has said.
void describe_tls(Introduction& client, const tls::Facts& facts);

// The header; empty for a pool that sends none. Of the TLVs those that are asked for and known: what another
// proxy has said of TLS and of the protocol as it came, the name as names are compared, in small letters; the
// unique id is the session's own, as it is in the log.
std::string proxy_header(const pool::ProxySending& how, const ProxySubject& subject);

}  // namespace weir::session
