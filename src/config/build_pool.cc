#include "config/build_pool.h"

#include <fmt/format.h>

#include "config/addresses.h"
#include "config/limits.h"
#include "config/table_reader.h"
#include "config/text.h"

namespace weir::config {
namespace {

// Either form of a backend: "host:port" alone, or a table around it.
class BackendReader {
 public:
  BackendReader(std::string pool_path, Problems& problems)
      : path_(std::move(pool_path) + ".backends"), problems_(problems) {}

  void read(const Node& node, std::vector<BackendConfig>& out) {
    if (node.kind == Kind::kFaulty) return;
    BackendConfig backend;
    bool is_usable = false;
    if (node.kind == Kind::kString) {
      is_usable = set_address({node.text, node.place}, path_, backend);
    } else if (node.kind == Kind::kTable) {
      is_usable = read_table(node, backend);
    } else {
      add_error(problems_, node.place,
                fmt::format("{}: {}", path_, mismatch(*find_key(Section::kPool, "backends"), node)));
    }
    if (is_usable) out.push_back(std::move(backend));
  }

 private:
  bool read_table(const Node& node, BackendConfig& backend) {
    TableReader reader(Section::kBackend, node, path_, node.place, problems_);
    Placed<std::string> address;
    Placed<std::string> name;
    reader.read_text("address", address);
    reader.read_text("name", name);
    reader.read_count("weight", backend.weight);
    reader.finish();
    const bool is_given = address.place.line != 0;
    if (!is_given || !set_address(address, path_ + ".address", backend)) return false;
    if (!name.value.empty()) backend.name = name.value;
    return true;
  }

  bool set_address(const Placed<std::string>& text, const std::string& path, BackendConfig& backend) {
    auto endpoint = parse_backend_address(text.value);
    if (!endpoint) {
      add_error(problems_, text.place, fmt::format("{}: {}", path, endpoint.error()));
      return false;
    }
    backend.address = {*std::move(endpoint), text.place};
    backend.name = text.value;
    return true;
  }

  std::string path_;
  Problems& problems_;
};

void read_backends(TableReader& reader, PoolConfig& out, Problems& problems) {
  const Node* node = reader.take("backends");
  if (node == nullptr) return;
  const Key& key = *find_key(Section::kPool, "backends");
  if (node->kind != Kind::kList) {
    const std::string_view advice = node->kind == Kind::kString ? "; put it in brackets" : "";
    return reader.fail("backends", node->place, mismatch(key, *node).append(advice));
  }
  if (node->items.empty()) {
    return reader.fail("backends", node->place, "the list is empty: a pool needs at least one backend");
  }
  if (node->items.size() > kMaxBackends) {
    return reader.fail(
        "backends", node->place,
        fmt::format("found {} backends, at most {} are allowed in a pool", node->items.size(), kMaxBackends));
  }
  BackendReader backends("pools." + out.name, problems);
  for (const Node& item : node->items) backends.read(item, out.backends);
}

}  // namespace

PoolConfig build_pool(const Entry& entry, Problems& problems) {
  PoolConfig out;
  out.name = entry.key;
  out.place = entry.place;
  TableReader reader(Section::kPool, entry.value, "pools." + entry.key, entry.place, problems);
  reader.read_word("policy", out.policy);
  read_backends(reader, out, problems);
  reader.read_duration("connect_timeout", out.connect_timeout);
  reader.read_count("retries", out.retries);
  reader.finish();
  return out;
}

}  // namespace weir::config
