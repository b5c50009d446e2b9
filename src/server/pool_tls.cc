#include "server/pool_tls.h"

#include <fmt/format.h>

#include "tls/client_context.h"

namespace weir::server {
namespace {

tls::ClientSettings settings_of(const config::PoolTlsConfig& from) {
  tls::ClientSettings settings;
  settings.verify = from.verify;
  settings.ca = from.ca.value;
  settings.certificate = from.certificate.value;
  settings.key = from.key.value;
  settings.alpn = from.alpn;
  settings.min_version = from.min_version == config::TlsVersion::k13 ? tls::Version::k13 : tls::Version::k12;
  return settings;
}

}  // namespace

pool::BackendTls build_pool_tls(const config::PoolConfig& from, config::Problems& problems) {
  if (!from.encrypts()) return {};
  std::vector<std::string> warnings;
  auto context = tls::ClientContext::load(settings_of(*from.tls), warnings);
  const auto in_words = [&](const std::string& text) {
    return fmt::format("pools.{}.tls: {}", from.name, text);
  };
  for (const std::string& text : warnings) config::add_warning(problems, from.tls->place, in_words(text));
  if (!context) {
    config::add_error(problems, from.tls->place, in_words(context.error().message()));
    return {};
  }
  return {*std::move(context), from.tls->naming == config::BackendName::kFromClient, from.tls->server_name};
}

}  // namespace weir::server
