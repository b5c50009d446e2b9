// Any bytes as a list of networks. Nothing may crash or throw, no message may carry control characters or be
// one of thousands, and what was read must be read alike from its own text.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/limits.h"
#include "config/prefix_list.h"
#include "config/text.h"

namespace {

void check(const weir::config::PrefixListEntry& entry) {
  WEIR_ASSERT(entry.line > 0 && entry.column > 0);
  if (!entry.prefix) return;
  const auto again = weir::base::parse_prefix(entry.prefix->to_string());
  WEIR_ASSERT(again && again->prefix == *entry.prefix && !again->has_host_bits);
  WEIR_ASSERT(entry.prefix->contains(entry.prefix->first_address()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const weir::config::PrefixList list = weir::config::parse_prefix_list(text, "fuzz.txt");
  for (const weir::config::PrefixListEntry& entry : list.entries) check(entry);
  WEIR_ASSERT(list.problems.size() <= weir::config::kMaxPrefixListProblems + 1);
  for (const weir::config::Problem& problem : list.problems) {
    WEIR_ASSERT(weir::config::is_plain_text(weir::config::to_string(problem)));
  }
  return 0;
}
