// Any bytes as the beginning of a stream with a PROXY header. Nothing may crash, the outcome may not depend
// on where the bytes are cut, and what was read and is written again must be read as the same.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "wire/proxy_header.h"
#include "wire/proxy_write.h"

namespace {

using namespace weir::wire;
using Outcome = ProxyRead::Outcome;

void check_cuts(std::string_view bytes, const ProxyRead& whole) {
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 64) {
    const ProxyRead part = read_proxy_header(bytes.substr(0, size));
    if (part.outcome == Outcome::kNeedsMore) {
      WEIR_ASSERT(part.needed > size && part.needed <= kMaxProxyHeader);
      continue;
    }
    WEIR_ASSERT(part.outcome == whole.outcome && part.header.size == whole.header.size);
    WEIR_ASSERT(part.outcome == Outcome::kHeader || part.fault == whole.fault);
  }
}

ProxyHeader read_again(const std::string& written, const ProxyHeader& header) {
  const ProxyRead again = read_proxy_header(written);
  WEIR_ASSERT(again.outcome == Outcome::kHeader && again.header.size == written.size());
  WEIR_ASSERT(again.header.source.unmapped() == header.source.unmapped());
  WEIR_ASSERT(again.header.destination.unmapped() == header.destination.unmapped());
  return again.header;
}

// As a client that Weir passes on, in both versions.
void check_writing(const ProxyHeader& header, bool with_checksum) {
  const ProxyEnds ends{header.source, header.destination};
  read_again(proxy_line(ends), header);
  if (header.authority.size() + header.alpn.size() + header.ssl.size() > 60'000) return;
  const std::string block =
      proxy_block(ends, {header.authority, header.alpn, header.unique_id, header.ssl, with_checksum});
  const ProxyHeader again = read_again(block, header);
  WEIR_ASSERT(again.authority == header.authority && again.alpn == header.alpn);
  WEIR_ASSERT(again.unique_id == header.unique_id && again.ssl == header.ssl);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const ProxyRead whole = read_proxy_header(bytes);
  WEIR_ASSERT(!word(whole.fault).empty());
  check_cuts(bytes, whole);
  if (whole.outcome != Outcome::kHeader) return 0;
  const ProxyHeader& header = whole.header;
  WEIR_ASSERT(header.size <= size && header.unique_id.size() <= 128);
  WEIR_ASSERT(header.source.is_ip() == header.destination.is_ip());
  if (header.source.is_ip()) check_writing(header, (size & 1) != 0);
  return 0;
}
