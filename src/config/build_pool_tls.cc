#include "config/build_pool_tls.h"

#include "config/tls_scalars.h"

namespace weir::config {
namespace {

void read_name(TableReader& reader, PoolTlsConfig& out) {
  constexpr std::string_view kFromClient = "from_client";
  const std::string name = read_server_name(reader, kFromClient);
  if (name.empty()) return;
  if (name == kFromClient) {
    out.naming = BackendName::kFromClient;
  } else {
    out.naming = BackendName::kGiven;
    out.server_name = name;
  }
}

// Both or none.
void read_own_certificate(TableReader& reader, PoolTlsConfig& out, const Problems& problems) {
  const std::size_t before = problems.size();
  reader.read_path("certificate", out.certificate);
  reader.read_path("key", out.key);
  if (problems.size() != before) return;
  const bool has_certificate = !out.certificate.value.empty();
  const bool has_key = !out.key.value.empty();
  if (has_certificate && !has_key) {
    reader.fail_at_key("certificate",
                       "a certificate without its key: write \"key\" too; when both are in one file, name it "
                       "twice");
  }
  if (has_key && !has_certificate) {
    reader.fail_at_key("key",
                       "a key without its certificate: write \"certificate\" too; when both are in one file, "
                       "name it twice");
  }
}

PoolTlsConfig build_pool_tls(const Node& table, const std::string& path, Problems& problems) {
  PoolTlsConfig out;
  out.place = table.place;
  TableReader reader(Section::kPoolTls, table, path, table.place, problems);
  reader.read_flag("enabled", out.enabled);
  reader.read_flag("verify", out.verify);
  reader.read_path("ca", out.ca);
  read_name(reader, out);
  read_own_certificate(reader, out, problems);
  read_alpn(reader, out.alpn);
  reader.read_word("min_version", out.min_version);
  reader.finish();
  if (!out.verify && !out.ca.value.empty()) {
    reader.fail_at_key("ca",
                       "it has no effect with verify = false, which takes any certificate: remove one of the "
                       "two");
  }
  return out;
}

}  // namespace

void read_pool_tls(TableReader& reader, const std::string& path, PoolConfig& out, Problems& problems) {
  const Node* written = reader.written("tls");
  const Node& table = reader.nested("tls");
  if (written == nullptr || written->kind != Kind::kTable) return;
  out.tls = build_pool_tls(table, path + ".tls", problems);
}

}  // namespace weir::config
