#include "config/build_listener.h"

#include <fmt/format.h>

#include "config/addresses.h"
#include "config/build_admission.h"
#include "config/build_proxy.h"
#include "config/build_tls.h"
#include "config/limits.h"
#include "config/table_reader.h"
#include "config/text.h"

namespace weir::config {
namespace {

void add_bind(TableReader& reader, const Node& node, ListenerConfig& out) {
  const Key& key = *find_key(Section::kListener, "bind");
  if (node.kind == Kind::kFaulty) return;
  if (node.kind != Kind::kString) return reader.fail("bind", node.place, mismatch(key, node));
  const auto addresses = parse_listen_addresses(node.text);
  if (!addresses) return reader.fail("bind", node.place, addresses.error());
  if (out.bind.size() + addresses->size() > kMaxBindAddresses) {
    return reader.fail("bind", node.place,
                       fmt::format("more than {} addresses with the ranges of ports spread out: split the "
                                   "listener",
                                   kMaxBindAddresses));
  }
  for (const base::Address& address : *addresses) out.bind.push_back({address, node.place});
}

void read_bind(TableReader& reader, ListenerConfig& out) {
  const Node* node = reader.take("bind");
  if (node == nullptr) return;
  if (node->kind != Kind::kList) return add_bind(reader, *node, out);
  if (node->items.empty()) {
    reader.fail("bind", node->place, "the list is empty: expected at least one address");
  }
  for (const Node& item : node->items) add_bind(reader, item, out);
}

}  // namespace

ListenerConfig build_listener(const Entry& entry, Problems& problems) {
  ListenerConfig out;
  out.name = entry.key;
  out.place = entry.place;
  TableReader reader(Section::kListener, entry.value, "listeners." + entry.key, entry.place, problems);
  read_bind(reader, out);
  reader.read_flag("v6only", out.v6only);
  reader.read_file_mode("socket_mode", out.socket_mode);
  reader.read_text("pool", out.pool);
  reader.read_count("backlog", out.backlog);
  reader.read_duration("idle_timeout", out.idle_timeout);
  reader.read_duration("half_close_timeout", out.half_close_timeout);
  reader.read_duration("max_lifetime", out.max_lifetime);
  reader.read_duration("keepalive", out.keepalive);
  reader.read_duration("user_timeout", out.user_timeout);
  reader.read_duration("reset_linger", out.reset_linger);
  reader.read_duration("defer_accept", out.defer_accept);
  reader.read_count("fast_open", out.fast_open);
  read_accept_proxy(reader, out);
  reader.read_duration("preread_timeout", out.preread_timeout);
  const std::string path = "listeners." + entry.key;
  read_tls(reader, path, out, problems);
  if (!out.reads_ahead() && out.preread_timeout != ListenerConfig().preread_timeout) {
    reader.warn_at_key("preread_timeout", "it says nothing without accept_proxy and tls");
  }
  out.access = build_access(reader.nested("access"), path + ".access", problems);
  build_listener_limits(reader.nested("limits"), path + ".limits", out, problems);
  reader.finish();
  return out;
}

}  // namespace weir::config
