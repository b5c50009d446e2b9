// TLS towards a backend, for whoever connects to one.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "pool/backend.h"
#include "pool/backend_tls.h"
#include "tls/tls_stream.h"

namespace weir::session {

// A stream over the connection `fd` to `backend`, whose handshake has not begun. `name_of_client` is the name
// that the client has asked for, or empty. `header` goes out first, not encrypted. Null when there is no
// memory. Precondition: `how` is set.
std::unique_ptr<tls::TlsStream> make_backend_stream(const pool::BackendTls& how, const pool::Backend& backend,
                                                    std::string_view name_of_client, int fd,
                                                    std::string header);

}  // namespace weir::session
