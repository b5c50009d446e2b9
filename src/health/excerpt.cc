#include "health/excerpt.h"

#include <fmt/format.h>

#include <iterator>

namespace weir::health {

std::string excerpt(std::string_view foreign, std::size_t most) {
  std::string out = "\"";
  for (const char c : foreign.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", byte);
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  out += '"';
  return foreign.size() > most ? out + "..." : out;
}

}  // namespace weir::health
