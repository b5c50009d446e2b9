#include "config/build_certificate.h"

#include <fmt/format.h>

#include "config/text.h"

namespace weir::config {
namespace {

// Both files at once, since neither is of use without the other.
void read_pair(TableReader& reader, const Node& table, CertificateConfig& out) {
  const Entry* chain = table.find("chain");
  const Entry* key = table.find("key");
  const auto read = [&](std::string_view name, const Entry* other, std::string_view fault, std::string& to) {
    if (table.find(name) == nullptr && other != nullptr) {
      const std::string same = other->value.kind == Kind::kString ? other->value.text : "site.pem";
      return reader.fail_missing(name,
                                 fmt::format("{}: name its file; when both are in one, name that twice, "
                                             "with {} = {} too",
                                             fault, name, quote(same)));
    }
    Placed<std::string> path;
    reader.read_path(name, path);
    to = std::move(path.value);
  };
  read("chain", key, "a key without its chain", out.chain);
  read("key", chain, "a chain without its key", out.key);
}

}  // namespace

void read_certificates(TableReader& reader, const std::string& path, TlsConfig& out, Problems& problems) {
  reader.each_item("certificates", [&](const Node& item) {
    if (item.kind != Kind::kTable) {
      return reader.fail("certificates", item.place,
                         mismatch(*find_key(Section::kListenerTls, "certificates"), item));
    }
    CertificateConfig certificate;
    certificate.place = item.place;
    TableReader keys(Section::kCertificate, item, path + ".certificates", item.place, problems);
    read_pair(keys, item, certificate);
    keys.finish();
    out.certificates.push_back(std::move(certificate));
  });
}

}  // namespace weir::config
