#include "cli/door_address.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "config/load.h"
#include "server/admin_token.h"

namespace weir::cli {
namespace {

constexpr const char* kUsualConfig = "/etc/weir/weir.toml";
constexpr const char* kUsualAddress = "unix:/run/weir/admin.sock";

auto fail(std::string what) { return base::failure({base::ErrorSide::kConfiguration, std::move(what)}); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Who cannot read the secret goes without: what is only read may not need it.
std::string token_of(const config::AdminConfig& admin) {
  config::Problems problems;
  return server::load_admin_token(admin, problems);
}

base::Result<DoorAddress> door_of_config(const std::string& path) {
  const config::Loaded loaded = config::load_file(path, config::process_environment());
  // The running Weir may have an older one, but where the door is only a restart changes.
  if (!loaded.config.admin.bind) {
    const std::string error = config::first_error(loaded.problems);
    return fail(!error.empty()
                    ? error
                    : fmt::format("{}: it has no admin door: set admin.bind, for example to \"{}\"", path,
                                  kUsualAddress));
  }
  const base::Address& address = loaded.config.admin.bind->value;
  if (address.is_ip() && address.port() == 0) {
    return fail(
        fmt::format("{}: admin.bind takes a free port: say by --admin which one the log names", path));
  }
  return DoorAddress{address, token_of(loaded.config.admin)};
}

base::Result<DoorAddress> door_at(const std::string& text) {
  auto address = base::parse_address(text);
  if (!address) return fail(fmt::format("admin door \"{}\": {}", text, address.error().message()));
  return DoorAddress{*std::move(address), ""};
}

base::Result<DoorAddress> find_address(const DoorOptions& options) {
  if (!options.admin.empty()) return door_at(options.admin);
  if (!options.config.empty()) return door_of_config(options.config);
  if (const std::string said = environment("WEIR_ADMIN"); !said.empty()) return door_at(said);
  std::error_code ignored;
  if (std::filesystem::exists(kUsualConfig, ignored)) return door_of_config(kUsualConfig);
  return door_at(kUsualAddress);
}

}  // namespace

base::Result<DoorAddress> find_door(const DoorOptions& options) {
  auto door = find_address(options);
  if (!door) return door;
  if (!options.token_file.empty()) {
    config::AdminConfig admin;
    admin.bind.emplace();
    admin.token_file.value = options.token_file;
    config::Problems problems;
    door->token = server::load_admin_token(admin, problems);
    if (const std::string error = config::first_error(problems); !error.empty()) return fail(error);
  } else if (const std::string said = environment("WEIR_TOKEN"); !said.empty()) {
    door->token = said;
  }
  return door;
}

}  // namespace weir::cli
