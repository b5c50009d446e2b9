// Whether two secrets are the same, in a time that does not tell how much of them is.
#pragma once

#include <string_view>

namespace weir::tls {

// That their lengths differ may show.
bool is_same_secret(std::string_view a, std::string_view b);

}  // namespace weir::tls
