#include "config/build_backend.h"

#include <fmt/format.h>

#include "config/addresses.h"
#include "config/table_reader.h"

namespace weir::config {
namespace {

bool set_address(const Placed<std::string>& text, const std::string& path, ResolveUse use,
                 BackendConfig& backend, Problems& problems) {
  auto endpoint =
      use == ResolveUse::kService ? parse_service_address(text.value) : parse_backend_address(text.value);
  if (!endpoint) {
    add_error(problems, text.place, fmt::format("{}: {}", path, endpoint.error()));
    return false;
  }
  backend.address = {*std::move(endpoint), text.place};
  backend.name = text.value;
  return true;
}

// A name without a port, which comes from the answer.
bool is_service(const BackendConfig& backend) {
  const auto* name = std::get_if<base::HostPort>(&backend.address.value);
  return name != nullptr && name->port == 0;
}

bool read_table(const Node& node, const std::string& path, ResolveUse use, BackendConfig& backend,
                Problems& problems) {
  TableReader reader(Section::kBackend, node, path, node.place, problems);
  Placed<std::string> address;
  Placed<std::string> name;
  reader.read_text("address", address);
  reader.read_text("name", name);
  reader.read_count("weight", backend.weight);
  reader.read_count("max_connections", backend.max_connections);
  reader.read_flag("backup", backend.is_backup);
  reader.read_word("state", backend.mode);
  reader.finish();
  if (backend.weight == 0 && backend.mode == BackendMode::kUp) {
    reader.warn_at_key("weight",
                       "0 means state = \"drain\": it gets no new connections, and those that it has stay");
  }
  const bool is_given = address.place.line != 0;
  if (!is_given || !set_address(address, path + ".address", use, backend, problems)) return false;
  if (!name.value.empty()) backend.name = name.value;
  if (backend.weight > 1 && is_service(backend)) {
    reader.warn_at_key("weight",
                       "a service's weights come from the answer (SRV), so this one is of no use: only 0 "
                       "counts here, for a drain");
  }
  return true;
}

}  // namespace

std::optional<BackendConfig> build_backend(const Node& node, const std::string& path, ResolveUse use,
                                           Problems& problems) {
  if (node.kind == Kind::kFaulty) return std::nullopt;
  BackendConfig backend;
  bool is_usable = false;
  if (node.kind == Kind::kString) {
    is_usable = set_address({node.text, node.place}, path, use, backend, problems);
  } else if (node.kind == Kind::kTable) {
    is_usable = read_table(node, path, use, backend, problems);
  } else {
    add_error(problems, node.place,
              fmt::format("{}: {}", path, mismatch(*find_key(Section::kPool, "backends"), node)));
  }
  return is_usable ? std::optional(std::move(backend)) : std::nullopt;
}

}  // namespace weir::config
