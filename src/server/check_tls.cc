#include "server/check_tls.h"

#include <fmt/format.h>

#include "tls/client_context.h"

namespace weir::server {
namespace {

std::shared_ptr<const tls::ClientContext> context_that_believes(const config::PoolConfig& from,
                                                                config::Problems& problems) {
  tls::ClientSettings settings;
  settings.verify = false;
  std::vector<std::string> warnings;  // of files, and there are none
  auto context = tls::ClientContext::load(settings, warnings);
  if (context) return *std::move(context);
  config::add_error(problems, from.health->place,
                    fmt::format("pools.{}.health: {}", from.name, context.error().message()));
  return nullptr;
}

}  // namespace

pool::BackendTls build_check_tls(const config::PoolConfig& from, const pool::BackendTls& of_pool,
                                 config::Problems& problems) {
  if (!from.health || from.health->type == config::CheckType::kTcp) return {};
  const std::string& name = from.health->server_name;
  if (!from.encrypts()) {
    if (from.health->type != config::CheckType::kTls) return {};
    return {context_that_believes(from, problems), false, name};
  }
  // A check has no client whose name it could ask for.
  const std::string of_sessions = of_pool.takes_name_of_client ? "" : of_pool.server_name;
  return {of_pool.context, false, name.empty() ? of_sessions : name};
}

}  // namespace weir::server
