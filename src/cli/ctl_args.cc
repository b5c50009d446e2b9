#include "cli/ctl_args.h"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "cli/ctl.h"
#include "cli/top.h"
#include "pool/backend_mode.h"

namespace weir::cli {
namespace {

constexpr const char* kCtlFooter =
    "Where the admin door is: --admin, or else admin.bind of --config, or else WEIR_ADMIN, or else that of\n"
    "/etc/weir/weir.toml, or else unix:/run/weir/admin.sock. The token for a change by TCP: --token-file, or "
    "else\n"
    "WEIR_TOKEN, or else admin.token_file of the configuration.\n"
    "\n"
    "Examples:\n"
    "  weir ctl status\n"
    "  weir ctl backend drain web 10.0.0.1:80     no new sessions; those that it has stay\n"
    "  weir ctl sessions --client 203.0.113.0/24 --sort bytes\n"
    "  weir ctl deny web 203.0.113.0/24\n"
    "  weir ctl backends --json | jq '.pools[].backends[] | select(.state != \"up\")'\n"
    "\n"
    "What is changed here stays until the configuration itself says something else of the same thing, or "
    "until\n"
    "Weir ends. Exit status: 0 done; 1 it could not be done, or nobody answers; 2 wrong usage.";

constexpr const char* kReloadFooter =
    "Does what SIGHUP does, and waits until it is done: prints what has changed, or everything that is wrong "
    "with\n"
    "the configuration, which then stays as it was (exit status 1).\n"
    "\n"
    "Examples:\n"
    "  weir reload\n"
    "  weir reload --admin unix:/run/weir/admin.sock";

constexpr const char* kUpgradeFooter =
    "Does what SIGUSR2 does, and waits until it is done: the new process takes over the listening sockets, "
    "the old one\n"
    "keeps its sessions for process.upgrade_drain_timeout (`weir ctl processes` shows it). Where the new one "
    "cannot\n"
    "start nothing changes, and the reason is printed (exit status 1).\n"
    "\n"
    "Examples:\n"
    "  weir upgrade";

constexpr const char* kTopFooter =
    "Keys: 1 to 5 or Tab for the pages (backends, listeners, sessions, clients, refusals), arrows to select "
    "and to\n"
    "sort, / to filter, d, u and m to drain a backend, to take it back and for its maintenance, x to close "
    "a\n"
    "session, p to hold still, ? for help, q to leave. Whatever changes something asks first.\n"
    "\n"
    "Examples:\n"
    "  weir top\n"
    "  weir top --admin 127.0.0.1:9900 --token-file /etc/weir/admin.token";

using nlohmann::json;

std::string backend_target(const std::string& pool, const std::string& backend) {
  return "/v1/pools/" + escaped(pool) + "/backends/" + escaped(backend);
}

void add_door(CLI::App& app, CtlOptions& options) {
  app.add_option("--admin", options.door.admin, "the admin door's address: 127.0.0.1:9900 or unix:/PATH");
  app.add_option("--config", options.door.config, "the configuration that says where it is")
      ->type_name("FILE");
  app.add_option("--token-file", options.door.token_file, "the file with the door's token")
      ->type_name("FILE");
}

void add_json(CLI::App& app, CtlOptions& options) {
  app.add_flag("--json", options.json, "print the door's own answer, all of it");
}

}  // namespace

struct CtlArgs::Values {
  explicit Values(CLI::App& app) {
    CLI::App& reload_app = *app.add_subcommand(
        "reload", "Have a running Weir read its configuration again; say what that changes.");
    reload_app.footer(kReloadFooter);
    add_door(reload_app, options);
    add_json(reload_app, options);
    reload_app.callback([this] { choose([this] { return reload(options); }); });

    CLI::App& upgrade_app = *app.add_subcommand(
        "upgrade", "Have the program as it is installed now take over from the one that runs.");
    upgrade_app.footer(kUpgradeFooter);
    add_door(upgrade_app, options);
    add_json(upgrade_app, options);
    upgrade_app.callback([this] { choose([this] { return upgrade(options); }); });

    CLI::App& top_app = *app.add_subcommand("top", "A live view of a running Weir, in the terminal.");
    top_app.footer(kTopFooter);
    add_door(top_app, options);
    top_app.add_option("--interval", interval, "seconds between two readings (default 1)")
        ->check(CLI::Range(1, 3600));
    top_app.callback(
        [this] { choose([this] { return top(options.door, std::chrono::seconds(interval)); }); });

    ctl = app.add_subcommand("ctl", "See what a running Weir does, and change it.");
    ctl->footer(kCtlFooter);
    ctl->require_subcommand(1);
    ctl->fallthrough();
    add_door(*ctl, options);
    add_json(*ctl, options);
    add_views();
    add_sessions();
    add_backends();
    add_lists();
    add_process();
  }

  void choose(std::function<int()> what) { chosen = std::move(what); }

  CLI::App& command(CLI::App& under, const char* word, const char* help) {
    CLI::App& added = *under.add_subcommand(word, help);
    added.fallthrough();
    return added;
  }

  // One that only shows, with an optional name.
  void view(View what, const char* word, const char* help, const char* argument = nullptr,
            const char* argument_help = "") {
    CLI::App& added = command(*ctl, word, help);
    if (argument != nullptr) added.add_option(argument, name, argument_help);
    added.callback([this, what] { choose([this, what] { return show(options, what, name); }); });
  }

  void add_views() {
    view(View::kOverview, "status", "The process, its listeners, pools and backends.");
    view(View::kProcesses, "processes",
         "This process, and those of before an upgrade that keep their sessions.");
    view(View::kListeners, "listeners", "Listeners with their counters and accept queues.");
    view(View::kPools, "pools", "Pools: how many backends are healthy, who waits.");
    view(View::kBackends, "backends", "Backends with their state and counters.", "POOL",
         "only those of this pool");
    view(View::kSession, "session", "Everything about one session.", "ID",
         "as the log and `sessions` have it");
    view(View::kRefusals, "refusals",
         "Refused clients: how many by listener and reason, and some of the last.");
    view(View::kLimits, "limits",
         "Each limit and how much of it is used, the process's and those of listeners.");
    view(View::kSettings, "config", "The configuration in force, and where each setting was written.", "PART",
         "only settings with this in their name");
    ctl->get_subcommand("session")->get_option("ID")->required();
    CLI::App& names =
        command(*ctl, "names", "Names alone, one a line, as completions and scripts want them.");
    names.add_option("WHAT", name, "what has them")
        ->required()
        ->check(CLI::IsMember({"pools", "backends", "listeners"}));
    names.add_option("POOL", pool, "of backends: only of this pool");
    names.callback([this] { choose([this] { return show_names(options, name, pool); }); });
  }

  CLI::Option& add_filter(CLI::App& app, const char* flag, const char* key, const char* help) {
    return *app.add_option_function<std::string>(
        flag, [this, key](const std::string& value) { query.emplace_back(key, value); }, help);
  }

  void add_sessions() {
    CLI::App& sessions = command(*ctl, "sessions", "Open sessions.");
    CLI::App& clients = command(*ctl, "clients", "The clients with most open sessions.");
    for (CLI::App* app : {&sessions, &clients}) {
      add_filter(*app, "--listener", "listener", "only of this listener").type_name("LISTENER");
      add_filter(*app, "--pool", "pool", "only at this pool").type_name("POOL");
      add_filter(*app, "--backend", "backend", "only at this backend").type_name("BACKEND");
      add_filter(*app, "--limit", "limit", "lines at most (default 100)");
    }
    add_filter(sessions, "--client", "client", "only clients of this network or address");
    add_filter(sessions, "--state", "state", "only in this state: preread, handshake, connect, relay, ...");
    add_filter(sessions, "--min-age", "min_age", "only as old as that: 30s, 10m");
    add_filter(sessions, "--sort", "sort", "by id, or those that moved most first")
        .check(CLI::IsMember({"id", "bytes"}));
    add_filter(sessions, "--after", "after", "the next page after this id");
    sessions.callback([this] { choose([this] { return show(options, View::kSessions, "", query); }); });
    clients.callback([this] { choose([this] { return show(options, View::kClients, "", query); }); });

    CLI::App& close = command(*ctl, "close", "Close a session: both sides are reset.");
    close.add_option("ID", name, "as the log and `sessions` have it")->required();
    close.callback([this] {
      choose([this] {
        return change(options, {"DELETE", "/v1/sessions/" + escaped(name), ""},
                      "session " + name + " is closed");
      });
    });
  }

  // A command about one backend of a pool.
  CLI::App& about_backend(CLI::App& under, const char* word, const char* help) {
    CLI::App& added = command(under, word, help);
    added.add_option("POOL", pool)->required();
    added.add_option("BACKEND", name, "its name, as `weir ctl backends` has it")->required();
    return added;
  }

  void add_mode(CLI::App& under, const char* word, const char* mode, const char* help) {
    about_backend(under, word, help).callback([this, mode] {
      choose([this, mode] {
        return change(options, {"PATCH", backend_target(pool, name), json{{"state", mode}}.dump()},
                      "backend " + name + " of pool " + pool + ": " + mode);
      });
    });
  }

  void add_backends() {
    CLI::App& backend = command(*ctl, "backend", "Change a backend, add one, remove one.");
    backend.require_subcommand(1);
    add_mode(backend, "up", "up", "It takes new sessions again.");
    add_mode(backend, "drain", "drain", "It takes no new sessions; those that it has stay.");
    add_mode(backend, "maintenance", "maintenance",
             "It takes no new sessions; what becomes of those it has says sessions.on_maintenance.");
    CLI::App& weigh = about_backend(backend, "weight", "Change its share of new sessions.");
    weigh.add_option("WEIGHT", weight, "0 to 256; 0: no new sessions")->required();
    weigh.callback([this] {
      choose([this] {
        return change(options, {"PATCH", backend_target(pool, name), json{{"weight", *weight}}.dump()},
                      "backend " + name + " of pool " + pool + ": weight " + std::to_string(*weight));
      });
    });
    CLI::App& add = command(backend, "add", "Add a backend to a pool.");
    add.add_option("POOL", pool)->required();
    add.add_option("ADDRESS", address, "10.0.0.1:80 or unix:/PATH")->required();
    add.add_option("--name", name, "what it is called (default: the address)");
    add.add_option("--weight", weight, "its share of new sessions (default 1)");
    add.add_option("--max-connections", most, "sessions that it may have at most");
    add.add_flag("--backup", backup, "used while no other is to be had");
    add.add_option("--state", state, "what it begins in (default up); the others take no new sessions")
        ->check(CLI::IsMember(
            std::vector<std::string>(pool::kBackendModeWords.begin(), pool::kBackendModeWords.end())));
    add.callback([this] { choose([this] { return add_backend(); }); });
    about_backend(backend, "remove", "Take a backend out of its pool; its sessions meet sessions.on_removed.")
        .callback([this] {
          choose([this] {
            return change(options, {"DELETE", backend_target(pool, name), ""},
                          "backend " + name + " of pool " + pool + " is removed");
          });
        });
  }

  int add_backend() const {
    json body{{"address", address}};
    if (!name.empty()) body["name"] = name;
    if (weight) body["weight"] = *weight;
    if (most) body["max_connections"] = *most;
    if (backup) body["backup"] = true;
    if (!state.empty()) body["state"] = state;
    return change(options, {"POST", "/v1/pools/" + escaped(pool) + "/backends", body.dump()},
                  "backend " + (name.empty() ? address : name) + " is added to pool " + pool);
  }

  void add_list(const char* word, const char* help) {
    CLI::App& list = command(*ctl, word, help);
    list.add_option("LISTENER", listener)->required();
    list.add_option("NETWORK", network, "203.0.113.0/24, or an address")->required();
    list.add_flag("--remove", remove, "take it back: only what was added here can be");
    list.callback([this, side = std::string(word)] {
      choose([this, side] {
        return change(
            options,
            {remove ? "DELETE" : "POST", "/v1/listeners/" + escaped(listener) + "/access/" + side,
             json{{"network", network}}.dump()},
            network + (remove ? " is taken from `" : " is added to `") + side + "` of listener " + listener);
      });
    });
  }

  void add_lists() {
    add_list("deny", "Let clients of a network no longer in at a listener.");
    add_list("allow", "Let clients of a network in at a listener that lets only some in.");
  }

  void add_process() {
    CLI::App& level = command(*ctl, "log-level", "Change the level of the log.");
    level.add_option("LEVEL", name, "the least important messages that are still written")
        ->required()
        ->check(CLI::IsMember({"debug", "info", "warning", "error"}));
    level.callback([this] {
      choose([this] {
        return change(options, {"PUT", "/v1/log/level", json{{"level", name}}.dump()},
                      "the log's level is " + name);
      });
    });
    command(*ctl, "ready", "Whether it takes connections: for health checks.").callback([this] {
      choose([this] { return ready(options); });
    });
    command(*ctl, "reload", "The same as `weir reload`.").callback([this] {
      choose([this] { return reload(options); });
    });
    command(*ctl, "upgrade", "The same as `weir upgrade`.").callback([this] {
      choose([this] { return upgrade(options); });
    });
    command(*ctl, "drain", "Begin to stop, as SIGTERM does; a second time cuts what is left.")
        .callback([this] {
          choose([this] { return change(options, {"POST", "/v1/drain", ""}, "Weir is stopping"); });
        });
  }

  CtlOptions options;
  CLI::App* ctl = nullptr;
  unsigned interval = 1;
  std::function<int()> chosen;
  // What the arguments say; of one command only.
  std::string name;
  std::string pool;
  std::string listener;
  std::string network;
  std::string address;
  std::string state;
  std::optional<unsigned> weight;
  std::optional<unsigned> most;
  bool backup = false;
  bool remove = false;
  std::vector<std::pair<std::string, std::string>> query;
};

CtlArgs::CtlArgs(CLI::App& app) : values_(std::make_unique<Values>(app)) {}
CtlArgs::~CtlArgs() = default;
const std::function<int()>& CtlArgs::chosen() const { return values_->chosen; }

}  // namespace weir::cli
