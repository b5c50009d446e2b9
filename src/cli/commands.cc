#include "cli/commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <initializer_list>

#include "cli/admin_door.h"
#include "cli/output.h"
#include "config/load.h"
#include "net/resolver.h"
#include "server/access_lists.h"
#include "server/admin_token.h"
#include "server/kernel_drop.h"
#include "server/name_check.h"
#include "server/supervisor.h"

namespace weir::cli {
namespace {

void complain_of(const config::Problems& problems) {
  for (const auto& problem : problems) complain(config::to_string(problem) + "\n");
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

// A logrotate(8) that means another Weir, or comes while this one starts, must not end it; nor must a reload.
void hold(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : signals) sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// The kernel drops a signal that would end the first process of a container, unless there is a handler
// (pid_namespaces(7)). Until the control loop takes signals one ends it as it would any other process.
void end_by_signals_as_others_do() {
  if (::getpid() != 1) return;
  for (const int number : {SIGTERM, SIGINT}) std::signal(number, [](int told) { ::_exit(128 + told); });
}

// `check` without names: every name is taken to resolve somewhere.
base::Result<std::vector<base::Address>> leave_names(const base::HostPort&) {
  return std::vector<base::Address>{};
}

}  // namespace

int run(const std::string& path) {
  end_by_signals_as_others_do();
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
    if (inheritance != nullptr) inheritance->fail(config::errors_as_text(problems, "; "));
    complain_of(problems);
    complain(fmt::format("weir: not started: {}\n", count_of(problems)));
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
  complain_of(problems);
  if (config::has_error(problems)) {
    complain(fmt::format("{}: {}\n", path, count_of(problems)));
    return kProblem;
  }
  const bool is_told = print(fmt::format(
      "{}: ok{}\n  {}, {}, {}\n  max_connections {}\n", path,
      problems.empty() ? "" : " (" + count_of(problems) + ")",
      number_of(loaded.config.listeners.size(), "listener"), number_of(loaded.config.pools.size(), "pool"),
      number_of(server::worker_count(loaded.config), "worker"), arithmetic));
  return is_told ? kDone : kProblem;
}

}  // namespace weir::cli
