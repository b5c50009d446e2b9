// Any bytes as the beginning of a TLS stream. Nothing may crash, the outcome may not depend on where the
// bytes are cut, and what was read must be within its bounds.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/assert.h"
#include "wire/client_hello.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using weir::wire::ClientHello;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ClientHello whole;
  whole.feed(bytes);
  ClientHello in_parts;
  for (std::size_t at = 0, part = 1; at < size; at += part, part = part % 7 + 1)
    in_parts.feed(bytes.substr(at, part));
  WEIR_ASSERT(whole.outcome() == in_parts.outcome() && whole.fault() == in_parts.fault());
  WEIR_ASSERT(whole.server_name() == in_parts.server_name() && whole.protocols() == in_parts.protocols());
  WEIR_ASSERT(whole.server_name().size() <= 255);
  for (const char c : whole.server_name()) WEIR_ASSERT(c > ' ' && c <= '~' && !(c >= 'A' && c <= 'Z'));
  for (const auto& protocol : whole.protocols()) WEIR_ASSERT(!protocol.empty() && protocol.size() <= 255);
  WEIR_ASSERT((whole.outcome() == ClientHello::Outcome::kMalformed) == !whole.fault().empty());
  return 0;
}
