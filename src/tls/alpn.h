// Lists of protocols as they go over the wire (RFC 7301 section 3.1).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weir::tls {

// Each with its length in front. Precondition: each has 1 to 255 bytes.
std::string alpn_wire(const std::vector<std::string>& protocols);

// The first of `ours` that is among `theirs`, both as they go over the wire; empty when there is none. It
// lies in `ours` or in `theirs`.
std::string_view select_protocol(std::string_view ours, std::string_view theirs);

}  // namespace weir::tls
