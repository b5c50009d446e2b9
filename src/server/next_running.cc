#include "server/next_running.h"

#include <algorithm>
#include <functional>
#include <set>

#include "net/resolver.h"
#include "server/admin_token.h"
#include "server/kernel_drop.h"
#include "server/name_check.h"
#include "server/preflight.h"

namespace weir::server {
namespace {

// So long those wait for an answer who ask for a name that no configuration had before.
constexpr base::Millis kAnswersOfNewNames{2'000};
constexpr std::string_view kDoorTable = "admin";

// Who may come in belongs to where the admin door is, so with that all of its table waits for a restart.
bool keeps_door(const config::Config& config, const Running& before) {
  const auto text = [](const config::AdminConfig& admin) {
    return admin.bind ? admin.bind->value.to_string() : "";
  };
  return text(config.admin) != text(before.config.admin);
}

// Those that wait for a restart are what they were: with their old value, there again, or not there yet.
void put_back(std::vector<config::Setting>& settings, const std::vector<config::Setting>& before,
              const std::function<bool(const config::Setting&)>& waits) {
  const auto find = [](auto& among, const config::Setting& setting) {
    return std::ranges::find_if(among, [&](const config::Setting& one) {
      return one.table == setting.table && one.key == setting.key;
    });
  };
  std::erase_if(settings,
                [&](const config::Setting& one) { return waits(one) && find(before, one) == before.end(); });
  for (const config::Setting& earlier : before) {
    if (!waits(earlier)) continue;
    if (const auto now = find(settings, earlier); now != settings.end()) {
      *now = earlier;
      continue;
    }
    const auto of_table = std::find_if(settings.rbegin(), settings.rend(), [&](const config::Setting& one) {
      return one.table == earlier.table;
    });
    settings.insert(of_table.base() == settings.begin() ? settings.end() : of_table.base(), earlier);
  }
}

// What stays as it was until a restart, and the differences that say so.
void keep_until_restart(config::Config& config, bool is_door_kept, std::vector<config::Setting>& settings,
                        std::vector<config::Difference>& differences, const Running& before) {
  config.process.user = before.config.process.user;
  if (is_door_kept) config.admin = before.config.admin;
  put_back(settings, before.settings, [&](const config::Setting& one) {
    return one.change == config::Change::kRestart || (is_door_kept && one.table == kDoorTable);
  });
  if (!is_door_kept) return;
  for (config::Difference& one : differences) {
    if (one.table == kDoorTable) one.change = config::Change::kRestart;
  }
}

// The user is what it is by now, and so are its rights. A door that stays has been checked.
void check_as_we_are(config::Config config, bool is_door_kept, const ListenerSet& open,
                     config::Problems& problems) {
  config.process.user.value.clear();
  if (is_door_kept) config.admin = {};
  check_host(config, problems, &open);
}

// The sum with sockets that stay though they would not be opened anew: of more workers than there are to be,
// or of addresses that are covered by others.
DescriptorPlan plan_with_kept(const config::Config& config, const ListenerSet& listeners,
                              const NextParts& parts, config::Problems& problems) {
  // Fewer where a socket of the service manager is the only one of its address.
  const std::size_t opened =
      std::min<std::size_t>(ListenerSet::count(config, worker_count(config)), listeners.sockets().size());
  const std::size_t kept = listeners.sockets().size() - opened;
  return plan_for(config, raise_descriptor_limit(), parts.other_descriptors + static_cast<unsigned>(kept),
                  problems);
}

base::Result<WorkerSet::List> form_team(WorkerSet& workers, std::size_t count) {
  auto team = workers.form(count);
  if (!team) return team;
  for (const auto& worker : *team) {
    if (worker->started()) continue;
    if (auto started = worker->start(); !started) return base::failure(std::move(started.error()));
  }
  return team;
}

void update_filters(const std::vector<FilterUpdate>& updates, Running& running, config::Problems& problems) {
  for (const FilterUpdate& update : updates) {
    const FilterChange change = update_filter(*update.filter, update.rules);
    if (change.error.empty()) continue;
    const config::ListenerConfig& listener = running.config.listeners[update.listener];
    config::add_warning(
        problems, listener.access.place,
        "listeners." + listener.name +
            ".access.kernel_drop: denied clients are refused after they have connected: " + change.error);
    if (change.is_stuck) running.world.doors[update.listener].filter = nullptr;
  }
}

Next make_next(config::Loaded loaded, const NextParts& parts) {
  Next next;
  config::Problems& problems = next.problems;
  problems = std::move(loaded.problems);
  if (config::has_error(problems)) return next;
  const Running& before = parts.before;
  config::Config& config = loaded.config;
  next.differences = config::differences(before.settings, loaded.settings);
  const bool is_door_kept = keeps_door(config, before);
  keep_until_restart(config, is_door_kept, loaded.settings, next.differences, before);
  check_as_we_are(config, is_door_kept, before.listeners, problems);
  if (config::has_error(problems)) return next;

  std::set<std::string> changed;
  for (const config::Difference& one : next.differences) changed.insert(one.table);
  const Predecessor predecessor{before.config, before.world,
                                [&](const std::string& table) { return !changed.contains(table); }};
  const auto files_read = std::chrono::system_clock::now();
  const auto filters = make_packet_filters(config, problems, &before.config, &before.world.doors);
  const Resolve resolve = [&](const base::HostPort& name) -> base::Result<std::vector<base::Address>> {
    if (parts.is_stopping()) return base::failure({base::ErrorSide::kSystem, "Weir is stopping"});
    return net::resolve(name);
  };
  World world = build_next_world(config, resolve, predecessor, next.succession, problems);
  DoorsBefore doors{before.config, before.world.doors};
  world.doors = build_doors(config, filters, parts.additions, problems, &doors);
  next.succession.limits = std::move(doors.fresh);
  next.succession.process_rate = std::move(doors.fresh_process_rate);
  std::string token = is_door_kept ? before.admin_token : load_admin_token(config.admin, problems);
  if (config.log.output.value != before.config.log.output.value) {
    auto output = LogWriter::Output::open(config.log.output.value);
    if (output) {
      next.output = std::move(*output);
    } else {
      config::add_error(problems, config.log.output.place, output.error().message());
    }
  }
  if (config::has_error(problems) || parts.is_stopping()) return next;
  await_names(config, world, kAnswersOfNewNames);

  auto team = form_team(parts.workers, worker_count(config));
  if (!team) {
    config::add_error(problems, {}, team.error().message());
    return next;
  }
  ListenerSet listeners = ListenerSet::open(config, numbers_of(*team), problems, &before.listeners);
  refuse_unix_loops(config, listeners, problems);
  if (config::has_error(problems)) return next;
  const DescriptorPlan plan = plan_with_kept(config, listeners, parts, problems);
  if (config::has_error(problems)) return next;
  next.team = std::move(*team);
  next.running =
      std::make_unique<Running>(Running{std::move(config), std::move(loaded.settings), std::move(world),
                                        std::move(listeners), plan, files_read, std::move(token)});
  update_filters(doors.filter_updates, *next.running, problems);
  return next;
}

}  // namespace

Next prepare_next(config::Loaded loaded, const NextParts& parts) {
  const config::Secrets secrets = loaded.secrets;
  Next next = make_next(std::move(loaded), parts);
  secrets.hide(next.problems);
  return next;
}

}  // namespace weir::server
