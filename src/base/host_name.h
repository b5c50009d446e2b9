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

// Whether `plain` is one, for whom it is asked of: labels of letters, digits, '-' and '_', 1 to 63 bytes each
// (RFC 1035 section 2.3.4; names with '_' are in use), 253 in all.
inline bool is_host_name(std::string_view plain) {
  if (plain.empty() || plain.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : plain) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '.' ? label == 0 : !is_letter && c != '-' && c != '_') return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

}  // namespace weir::base
