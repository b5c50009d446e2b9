#include "server/preflight.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <set>

#include "base/units.h"
#include "net/interfaces.h"
#include "net/privileges.h"
#include "server/doors.h"
#include "server/health_checks.h"
#include "server/host.h"
#include "server/kernel_advice.h"
#include "server/listener_tls.h"
#include "server/name_watches.h"
#include "server/rate_advice.h"
#include "server/warmer.h"

namespace weir::server {
namespace {

using config::Config;
using config::Place;
using config::Problems;
using config::Severity;

// As for process.workers; a session's id has room for so many.
constexpr unsigned kMostWorkers = 256;
// What admission::ClientTable takes for each client, a little more than measured.
constexpr std::uint64_t kBytesPerClient = 72;

void add(Problems& problems, Severity severity, const Place& place, std::string text) {
  problems.push_back({severity, place, std::move(text)});
}

// Who Weir will be once it runs.
net::UserIds future_user(const Config& config, Problems& problems) {
  net::UserIds now{"this user", ::geteuid(), ::getegid()};
  const auto& wanted = config.process.user;
  if (wanted.value.empty()) return now;
  auto user = net::find_user(wanted.value);
  if (!user) {
    add(problems, Severity::kError, wanted.place, user.error().message());
    return now;
  }
  if (user->uid != now.uid && now.uid != 0) {
    add(problems, Severity::kError, wanted.place,
        fmt::format("only root can become user \"{}\": start Weir as root, or remove process.user",
                    wanted.value));
  } else if (user->uid != now.uid && !net::may_change_user()) {
    add(problems, Severity::kError, wanted.place,
        fmt::format(
            "this root may not become user \"{}\": it lacks CAP_SETUID, CAP_SETGID or CAP_SETPCAP (for a "
            "container: `cap_add`); give it these, or start Weir as that user and remove process.user",
            wanted.value));
    return now;
  }
  return std::move(*user);
}

bool has(const ListenerSet* open, const config::ListenerConfig& listener, const base::Address& bind) {
  return open != nullptr && open->has(listener, bind);
}

void check_ports(const Config& config, const ListenerSet* open, Problems& problems) {
  const auto check_port = [&](const config::Placed<base::Address>& bind, const std::string& what) {
    if (net::may_bind(bind.value.port())) return;
    add(problems, Severity::kError, bind.place,
        fmt::format(
            "{}: port {} needs a right that this user has not (CAP_NET_BIND_SERVICE): start as root with "
            "process.user set, or use a port from net.ipv4.ip_unprivileged_port_start on",
            what, bind.value.port()));
  };
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) {
      if (!has(open, listener, bind.value)) check_port(bind, "listener \"" + listener.name + "\"");
    }
  }
  if (config.admin.bind) check_port(*config.admin.bind, "the admin door");
}

void require(const net::UserIds& user, const std::string& path, net::Access access, const Place& place,
             Severity severity, std::string_view what, Problems& problems) {
  const int error = net::access_as(user, path, access);
  if (error == 0) return;
  if (error == ENOENT) return add(problems, severity, place, fmt::format("{} {} does not exist", what, path));
  const std::string_view verb = access == net::Access::kRead    ? "read"
                                : access == net::Access::kReach ? "reached"
                                                                : "written";
  add(problems, severity, place,
      fmt::format("{} {} cannot be {} by {}: {}", what, path, verb, user.name, ::strerrordesc_np(error)));
}

void require_folder(const net::UserIds& user, const std::string& path, const Place& place,
                    std::string_view what, Problems& problems) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  require(user, folder, net::Access::kMakeFiles, place, Severity::kError, what, problems);
}

void check_paths(const Config& config, const net::UserIds& user, const ListenerSet* open,
                 Problems& problems) {
  const auto& output = config.log.output;
  if (output.value.starts_with('/')) {
    struct stat status {};
    if (::stat(output.value.c_str(), &status) != 0) {
      require_folder(user, output.value, output.place, "the log's folder", problems);
    } else if (S_ISDIR(status.st_mode) || S_ISSOCK(status.st_mode)) {
      add(problems, Severity::kError, output.place,
          fmt::format("the log {} is a {}: expected a file, which is made when it is not there", output.value,
                      S_ISDIR(status.st_mode) ? "folder" : "socket"));
    } else {
      require(user, output.value, net::Access::kWrite, output.place, Severity::kError, "the log", problems);
    }
  }
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) {
      if (!bind.value.is_unix()) continue;
      if (has(open, listener, bind.value)) {
        require(user, bind.value.path(), net::Access::kReach, bind.place, Severity::kError, "the socket",
                problems);
      } else {
        require_folder(user, bind.value.path(), bind.place, "the socket's folder", problems);
      }
    }
  }
  if (config.admin.bind && config.admin.bind->value.is_unix()) {
    require_folder(user, config.admin.bind->value.path(), config.admin.bind->place,
                   "the admin socket's folder", problems);
  }
  const auto& token = config.admin.token_file;
  if (config.admin.bind && !token.value.empty()) {
    require(user, token.value, net::Access::kRead, token.place, Severity::kError, "the admin door's token",
            problems);
  }
  for (const auto& listener : config.listeners) {
    for (const auto* side : {&listener.access.allow, &listener.access.deny}) {
      for (const auto& file : side->files) {
        // What this user cannot read is told of when it is read.
        if (::access(file.value.c_str(), R_OK) != 0) continue;
        require(user, file.value, net::Access::kRead, file.place, Severity::kError, "the list", problems);
      }
    }
  }
  for (const auto& listener : config.listeners) {
    if (!listener.terminates()) continue;
    for (const std::string& file : tls_files(*listener.tls)) {
      if (::access(file.c_str(), R_OK) != 0) continue;
      require(user, file, net::Access::kRead, listener.tls->place, Severity::kError, "the file", problems);
    }
  }
  for (const auto& pool : config.pools) {
    if (!pool.encrypts()) continue;
    for (const auto* file : {&pool.tls->ca, &pool.tls->certificate, &pool.tls->key}) {
      if (file->value.empty() || ::access(file->value.c_str(), R_OK) != 0) continue;
      require(user, file->value, net::Access::kRead, file->place, Severity::kError, "the file", problems);
    }
  }
  for (const std::string& file : config.files) {
    require(user, file, net::Access::kRead, {file, 0, 0}, Severity::kWarning, "the configuration", problems);
  }
}

// "a, b, c and 4 more"
std::string listed(const std::vector<std::string>& words) {
  constexpr std::size_t kMost = 12;
  const std::size_t shown = std::min(words.size(), kMost);
  std::string text =
      fmt::format("{}", fmt::join(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(shown), ", "));
  if (words.size() > shown) text += fmt::format(" and {} more", words.size() - shown);
  return text;
}

std::string own_addresses() {
  std::vector<std::string> words;
  for (const base::Address& address : net::interface_addresses()) words.push_back(address.ip_to_string());
  return words.empty() ? "the kernel does not tell which it has" : "it has " + listed(words);
}

// Where connections to backends are to come from.
void check_origins(const Config& config, Problems& problems) {
  for (const config::PoolConfig& pool : config.pools) {
    for (const auto& source : pool.sources) {
      if (net::is_own_address(source.value)) continue;
      add(problems, Severity::kError, source.place,
          fmt::format("pools.{}.source: {} is no address of this host; {}", pool.name,
                      source.value.ip_to_string(), own_addresses()));
    }
    const std::string& interface = pool.interface.value;
    if (!interface.empty() && !net::has_interface(interface)) {
      add(problems, Severity::kError, pool.interface.place,
          fmt::format("pools.{}.interface: this host has no interface \"{}\"; it has {}", pool.name,
                      interface, listed(net::interface_names())));
    }
    if (pool.transparent && !net::may_be_transparent()) {
      add(problems, Severity::kError, pool.place,
          fmt::format(
              "pools.{}.transparent: connecting from the clients' addresses needs a right that this user "
              "has not (CAP_NET_RAW, or CAP_NET_ADMIN): start as root, which may change to process.user and "
              "keeps it, give it to the container (`cap_add`), or remove the key",
              pool.name));
    }
  }
}

// Tables of clients take their memory at start; the kernel would end the process for it much later.
void check_tables(const Config& config, Problems& problems) {
  const std::uint64_t usable = usable_memory() / 2;
  std::set<const config::LimitsConfig*> counted;  // several listeners may share one
  std::uint64_t sum = 0;
  for (const auto& listener : config.listeners) {
    const config::LimitsConfig& limits = limits_of(config, listener);
    if (!limits.limits_clients() || !counted.insert(&limits).second) continue;
    const std::uint64_t bytes = std::uint64_t{limits.client_table_size} * kBytesPerClient;
    sum += bytes;
    if (sum <= usable) continue;
    add(problems, Severity::kError, limits.place,
        fmt::format("client_table_size = {} takes about {}, all tables up to here {}, and half of the memory "
                    "here is {}",
                    limits.client_table_size, base::human_bytes(bytes), base::human_bytes(sum),
                    base::human_bytes(usable)));
    return;
  }
}

std::vector<ListenerDemands> demands_of(const Config& config) {
  std::vector<ListenerDemands> demands;
  for (const auto& listener : config.listeners) {
    ListenerDemands of_listener;
    of_listener.name = listener.name;
    of_listener.place = listener.place;
    of_listener.backlog = listener.backlog;
    of_listener.has_tcp = std::any_of(listener.bind.begin(), listener.bind.end(),
                                      [](const auto& bind) { return bind.value.is_ip(); });
    of_listener.fast_open = {listener.fast_open, listener.place};
    of_listener.defers_accept = listener.defer_accept.has_value();
    demands.push_back(std::move(of_listener));
  }
  return demands;
}

// Ports are each pair's own, of source and backend; a name counts as one address, of the sources' family.
// Clients that are connected for from their own addresses have ports of their own.
void count_pairs(const config::PoolConfig& pool, RateDemand& demand) {
  if (pool.transparent) return;
  for (const auto& backend : pool.backends) {
    const auto* address = std::get_if<base::Address>(&backend.address.value);
    if (address != nullptr && (!address->is_ip() || address->is_loopback())) continue;
    const auto sources = std::count_if(pool.sources.begin(), pool.sources.end(), [&](const auto& source) {
      return address == nullptr || source.value.family() == address->unmapped().family();
    });
    demand.backends += 1;
    demand.pairs += static_cast<std::uint64_t>(std::max<std::ptrdiff_t>(sources, 1));
  }
}

std::vector<RateDemand> rate_demands_of(const Config& config) {
  std::vector<RateDemand> demands;
  for (const auto& listener : config.listeners) {
    const config::LimitsConfig& limits = limits_of(config, listener);
    if (!limits.connection_rate) continue;
    const base::Rate rate = limits.connection_rate->rate;
    RateDemand demand{listener.name, limits.place, base::to_string(rate), 0, 0, 0};
    demand.per_minute = rate.count * 60 / static_cast<std::uint64_t>(rate.period.count());
    for (const auto& pool : config.pools) {
      if (pool.name == listener.pool.value) count_pairs(pool, demand);
    }
    demands.push_back(std::move(demand));
  }
  return demands;
}

}  // namespace

void check_host(const Config& config, Problems& problems, const ListenerSet* open,
                const net::KernelSettings& settings) {
  const net::UserIds user = future_user(config, problems);
  check_ports(config, open, problems);
  check_paths(config, user, open, problems);
  check_origins(config, problems);
  check_tables(config, problems);
  advise(settings, demands_of(config), problems);
  advise_on_rates(settings, rate_demands_of(config), problems);
}

unsigned worker_count(const Config& config) {
  return config.process.workers.value_or(std::min(usable_cpus(), kMostWorkers));
}

unsigned pipes_per_worker(const Config& config, std::uint64_t limit) {
  const unsigned workers = worker_count(config);
  if (const auto& asked = config.process.splice_pipes) return (*asked + workers - 1) / workers;
  constexpr unsigned kUsual = 16;
  // All of them take a 32nd of the descriptors at most.
  return static_cast<unsigned>(std::min<std::uint64_t>(kUsual, limit / 64 / workers));
}

namespace {

base::Result<DescriptorPlan> try_plan(const Config& config, std::uint64_t limit, unsigned others) {
  DescriptorNeeds needs;
  needs.workers = worker_count(config);
  needs.listening_sockets = ListenerSet::count(config, needs.workers);
  needs.admin_door = config.admin.bind.has_value();
  for (const auto& listener : config.listeners) needs.packet_filters += listener.access.kernel_drop ? 1 : 0;
  needs.pipes = std::uint64_t{pipes_per_worker(config, limit)} * needs.workers;
  needs.tarpit = most_tarpitted(config);
  needs.checks = most_probes(config);
  needs.resolver = most_resolver_sockets(config);
  needs.warm = most_warm(config);
  needs.others = others;
  return plan_descriptors(limit, needs, config.process.max_connections.value);
}

// The limit under which `asked` connections fit. What else is needed may grow with it, up to a bound.
std::uint64_t limit_for(const Config& config, std::uint32_t asked, const DescriptorPlan& plan,
                        unsigned others) {
  DescriptorPlan enough = plan;
  while (enough.most_connections < asked) {
    const std::uint64_t missing = (asked - enough.most_connections) * DescriptorPlan::kPerConnection;
    enough = try_plan(config, enough.limit + missing, others).value();
  }
  return enough.limit;
}

}  // namespace

DescriptorPlan plan_for(const Config& config, std::uint64_t limit, unsigned others, Problems& problems) {
  auto plan = try_plan(config, limit, others);
  if (!plan) {
    add(problems, Severity::kError, {config.files.empty() ? "" : config.files.front(), 0, 0},
        plan.error().message());
    return {};
  }
  const auto& asked = config.process.max_connections.value;
  if (asked && *asked > plan->most_connections) {
    add(problems, Severity::kWarning, config.process.max_connections.place,
        fmt::format(
            "process.max_connections = {} does not fit: {}; raise the limit (`ulimit -n`, LimitNOFILE= in "
            "systemd, ulimits: in compose) to {}",
            *asked, plan->arithmetic(), limit_for(config, *asked, *plan, others)));
  }
  return *std::move(plan);
}

}  // namespace weir::server
