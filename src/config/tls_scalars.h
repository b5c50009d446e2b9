// Lists of words of TLS, as listeners, routes and pools have them. No word may stand twice in one list.
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

}  // namespace weir::config
