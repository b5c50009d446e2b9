#include "config/build_name_servers.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/addresses.h"
#include "config/limits.h"
#include "config/text.h"

namespace weir::config {
namespace {

const Key& the_key() { return *find_key(Section::kResolve, "servers"); }

void add_server(TableReader& reader, const Node& node, std::vector<Placed<base::Address>>& out) {
  if (node.kind == Kind::kFaulty) return;
  if (node.kind != Kind::kString) return reader.fail("servers", node.place, mismatch(the_key(), node));
  const auto address = parse_name_server(node.text);
  if (!address) return reader.fail("servers", node.place, address.error());
  const auto same =
      std::find_if(out.begin(), out.end(), [&](const auto& one) { return one.value == *address; });
  if (same == out.end()) return out.push_back({*address, node.place});
  reader.fail("servers", node.place,
              fmt::format("{} is already at {}", quote(node.text), to_string(same->place)));
}

}  // namespace

void read_name_servers(TableReader& reader, std::vector<Placed<base::Address>>& out) {
  const Node* node = reader.take("servers");
  if (node == nullptr) return;
  if (node->kind != Kind::kList) {
    const std::string_view advice = node->kind == Kind::kString ? "; put it in brackets" : "";
    return reader.fail("servers", node->place, mismatch(the_key(), *node).append(advice));
  }
  if (node->items.size() > kMaxNameServers) {
    return reader.fail(
        "servers", node->place,
        fmt::format("found {} name servers, at most {} are asked", node->items.size(), kMaxNameServers));
  }
  for (const Node& item : node->items) add_server(reader, item, out);
}

}  // namespace weir::config
