// Host names as they are compared.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

namespace weir::base {

// In small letters (ASCII's only, RFC 4343) and without a last dot, which only says that the name is whole
// (RFC 1034 section 3.1). Whether it is a name at all is not looked at.
inline std::string plain_host_name(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  std::string plain(name);
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return plain;
}

}  // namespace weir::base
