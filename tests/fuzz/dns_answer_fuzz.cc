// Any bytes as the answer of a name server. Nothing may crash or throw, no name and no message may carry
// control characters, and what was read must be within its bounds.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/dns_answer.h"

namespace {

void check_text(std::string_view text) {
  for (const char c : text) WEIR_ASSERT(c >= ' ' && c <= '~');
}

void check(const std::vector<weir::wire::DnsAddress>& addresses) {
  for (const auto& address : addresses) {
    WEIR_ASSERT(address.address.is_ip() && address.address.port() == 0 && address.ttl.count() >= 0);
    check_text(address.name);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weir::wire;
  const auto answer = parse_dns_answer({reinterpret_cast<const char*>(data), size});
  if (!answer) {
    check_text(answer.error().message());
    return 0;
  }
  WEIR_ASSERT(!to_string(answer->type).empty());
  check_text(answer->name);
  check(answer->addresses);
  check(answer->additional);
  for (const DnsService& service : answer->services) {
    WEIR_ASSERT(service.ttl.count() >= 0);
    check_text(service.target);
  }
  WEIR_ASSERT(answer->services.empty() || answer->type == DnsType::kSrv);
  return 0;
}
