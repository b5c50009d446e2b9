#include "cli/commands.h"

#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <initializer_list>

#include "cli/admin_door.h"
#include "config/load.h"
#include "net/resolver.h"
#include "server/access_lists.h"
#include "server/admin_token.h"
#include "server/kernel_drop.h"
#include "server/name_check.h"
#include "server/supervisor.h"

namespace weir::cli {
namespace {

void print(const config::Problems& problems) {
  for (const auto& problem : problems) fmt::print(stderr, "{}\n", config::to_string(problem));
}

// "1 error", "2 errors".
std::string number_of(std::size_t count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string count_of(const config::Problems& problems) {
  std::size_t errors = 0;
  for (const auto& problem : problems) errors += problem.severity == config::Severity::kError ? 1 : 0;
  return number_of(errors, "error") + ", " + number_of(problems.size() - errors, "warning");
}

// The errors among them.
std::string in_one_line(const config::Problems& problems) {
  std::string text;
  for (const auto& problem : problems) {
    if (problem.severity != config::Severity::kError) continue;
    text += (text.empty() ? "" : "; ") + config::to_string(problem);
  }
  return text;
}

// A logrotate(8) that means another Weir, or comes while this one starts, must not end it; nor must a reload.
void hold(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// `check` without names: every name is taken to resolve somewhere.
base::Result<std::vector<base::Address>> leave_names(const base::HostPort&) {
  return std::vector<base::Address>{};
}

}  // namespace

int run(const std::string& path) {
  hold({SIGUSR1, SIGUSR2, SIGHUP});
  std::string not_inherited;
  const std::unique_ptr<server::Inheritance> inheritance = server::Inheritance::receive(not_inherited);
  config::Loaded loaded = config::load_file(path, config::process_environment());
  config::Problems problems = std::move(loaded.problems);
  if (!not_inherited.empty()) {
    config::add_warning(problems, {},
                        "started as at any other time, and not by an upgrade: " + not_inherited);
  }
  std::unique_ptr<server::Supervisor> supervisor;
  std::unique_ptr<admin::HttpServer> door;
  server::Supervisor::Options options;
  options.inheritance = inheritance.get();
  if (loaded.config.admin.bind) {
    options.open_first = [&](config::Problems& found) {
      door = open_door(*loaded.config.admin.bind, supervisor, inheritance.get(), found);
    };
    options.copy_door = [&door] { return door->copy_socket(); };
    options.leave_door = [&door](bool is_taken) { door->leave(is_taken); };
  }
  options.load = [path] { return config::load_file(path, config::process_environment()); };
  if (!config::has_error(problems)) supervisor = server::Supervisor::prepare(loaded, options, problems);
  if (supervisor != nullptr) {
    auto started = supervisor->start();
    if (started) started = supervisor->take_over();
    if (started && door != nullptr) started = door->start();
    if (!started) config::add_error(problems, {}, started.error().message());
  }
  if (supervisor == nullptr || config::has_error(problems)) {
    loaded.secrets.hide(problems);
    print(problems);
    fmt::print(stderr, "weir: not started: {}\n", count_of(problems));
    if (inheritance != nullptr) inheritance->fail(in_one_line(problems));
    return kProblem;
  }
  std::optional<base::Address> door_address;
  if (door != nullptr) door_address = door->address();
  const server::Outcome outcome = supervisor->run(door_address);
  if (door != nullptr) door->stop();
  return outcome == server::Outcome::kClean ? kDone : kForced;
}

int check(const std::string& path, CheckNames names) {
  hold({SIGUSR1});
  config::Loaded loaded = config::load_file(path, config::process_environment());
  config::Problems problems = std::move(loaded.problems);
  std::string arithmetic;
  if (!config::has_error(problems)) {
    server::check_host(loaded.config, problems);
    static_cast<void>(server::load_admin_token(loaded.config.admin, problems));
    arithmetic = server::plan_for(loaded.config, server::raise_descriptor_limit(), 0, problems).arithmetic();
    // Asked to resolve, a name that has no address is what the user wants to hear of as an error, however
    // long it takes.
    const bool asks = names == CheckNames::kResolve;
    const server::World world =
        server::build_world(loaded.config, asks ? net::resolve : leave_names, problems,
                            config::Severity::kError, std::chrono::hours(1));
    if (asks) server::check_names(loaded.config, world, problems);
    const auto filters = server::make_packet_filters(loaded.config, problems);
    for (std::size_t i = 0; i < filters.size(); ++i) {
      const config::ListenerConfig& listener = loaded.config.listeners[i];
      const auto clients = server::load_access_clients(listener.access, {}, problems);
      server::fill_packet_filter(filters[i], clients, listener, problems);
    }
  }
  loaded.secrets.hide(problems);
  print(problems);
  if (config::has_error(problems)) {
    fmt::print(stderr, "{}: {}\n", path, count_of(problems));
    return kProblem;
  }
  fmt::print("{}: ok{}\n  {}, {}, {}\n  max_connections {}\n", path,
             problems.empty() ? "" : " (" + count_of(problems) + ")",
             number_of(loaded.config.listeners.size(), "listener"),
             number_of(loaded.config.pools.size(), "pool"),
             number_of(server::worker_count(loaded.config), "worker"), arithmetic);
  return kDone;
}

}  // namespace weir::cli
