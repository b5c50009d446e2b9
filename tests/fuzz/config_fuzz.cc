// Any bytes as a configuration: read, expanded, built and validated, without includes and with an environment
// that never changes. Nothing may crash, throw or take long, and no message may carry control characters.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/assert.h"
#include "config/build.h"
#include "config/expand.h"
#include "config/text.h"
#include "config/toml_reader.h"
#include "config/validate.h"

namespace {

std::optional<std::string> variable(const std::string& name) {
  if (name == "PORT") return "8080";
  if (name == "EMPTY") return "";
  if (name == "TEXT") return "some ${PORT} text";
  if (name == "BYTES") return "\xff\x1b[0m";
  return std::nullopt;
}

weir::config::Problems problems_of(std::string_view text) {
  using namespace weir::config;
  Problems problems;
  auto tree = parse_tree(text, "fuzz.toml");
  if (!tree) return {tree.error()};
  expand_tree(*tree, variable, problems);
  const Config config = build_config(*tree, problems);
  validate(config, problems);
  return problems;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const weir::config::Problem& problem : problems_of(text)) {
    WEIR_ASSERT(weir::config::is_plain_text(weir::config::to_string(problem)));
  }
  return 0;
}
