// What listeners and pools say of the PROXY protocol.
#pragma once

#include "config/table_reader.h"

namespace weir::config {

// `accept_proxy` and `proxy_trust` of a listener.
void read_accept_proxy(TableReader& reader, ListenerConfig& out);

// `send_proxy` and `proxy_tlvs` of a pool.
void read_send_proxy(TableReader& reader, PoolConfig& out);

}  // namespace weir::config
