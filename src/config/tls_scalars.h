// Values of TLS that listeners, routes, pools and checks have alike. No word may stand twice in one list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/table_reader.h"

namespace weir::config {

// `alpn`: the names of protocols (RFC 7301).
void read_alpn(TableReader& reader, std::vector<std::string>& out);

// `name`: OpenSSL's names of what `meaning` says ("a cipher suite"); `example` is one of them.
void read_algorithms(TableReader& reader, std::string_view name, std::string_view meaning,
                     std::string_view example, std::vector<std::string>& out);

// `server_name`: a host name, or as it is when it is empty or `special`. Empty when it could not be read.
std::string read_server_name(TableReader& reader, std::string_view special = "");

}  // namespace weir::config
