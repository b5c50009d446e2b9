#include "config/build_source.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/addresses.h"
#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

// What the kernel lets be the name of an interface: IFNAMSIZ less the terminating NUL.
constexpr std::size_t kMaxInterfaceName = 15;

void add_source(TableReader& reader, const Node& node, std::vector<Placed<base::Address>>& out) {
  if (node.kind == Kind::kFaulty) return;
  if (node.kind != Kind::kString) {
    return reader.fail("source", node.place, mismatch(*find_key(Section::kPool, "source"), node));
  }
  const auto address = parse_source_address(node.text);
  if (!address) return reader.fail("source", node.place, address.error());
  const auto same =
      std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.value == *address; });
  if (same != out.end()) {
    return reader.fail("source", node.place,
                       fmt::format("{} is already at {}: an address brings its ports only once",
                                   quote(node.text), to_string(same->place)));
  }
  out.push_back({*address, node.place});
}

void read_addresses(TableReader& reader, std::vector<Placed<base::Address>>& out) {
  const Node* node = reader.take("source");
  if (node == nullptr) return;
  if (node->kind != Kind::kList) {
    const std::string_view advice = node->kind == Kind::kString ? "; put it in brackets" : "";
    return reader.fail("source", node->place,
                       mismatch(*find_key(Section::kPool, "source"), *node).append(advice));
  }
  if (node->items.size() > kMaxSources) {
    return reader.fail(
        "source", node->place,
        fmt::format("found {} addresses, at most {} are allowed", node->items.size(), kMaxSources));
  }
  for (const Node& item : node->items) add_source(reader, item, out);
}

void check_interface(TableReader& reader, const Placed<std::string>& interface) {
  const std::string& name = interface.value;
  const bool is_possible = name.size() <= kMaxInterfaceName && name != "." && name != ".." &&
                           name.find_first_of(" /:") == std::string::npos;
  if (is_possible) return;
  reader.fail("interface", interface.place,
              fmt::format("{} cannot be the name of a network interface: expected 1 to {} characters without "
                          "spaces, \"/\" and \":\", e.g. \"eth0\"",
                          quote(name), kMaxInterfaceName));
}

}  // namespace

void read_source(TableReader& reader, PoolConfig& out) {
  read_addresses(reader, out.sources);
  reader.read_flag("transparent", out.transparent);
  reader.read_text("interface", out.interface);
  check_interface(reader, out.interface);
  if (out.transparent && !out.sources.empty()) {
    reader.fail_at_key(
        "transparent",
        "with \"source\" the address would be another than the client's: remove one of the two");
  }
}

}  // namespace weir::config
