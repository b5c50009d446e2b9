#include "cli/args.h"

#include <CLI/CLI.hpp>

#include <sstream>

#include "base/version.h"
#include "cli/command_facts.h"
#include "cli/commands.h"
#include "cli/completion.h"
#include "cli/ctl_args.h"
#include "cli/demo.h"
#include "cli/man_page.h"
#include "cli/output.h"
#include "config/describe.h"

namespace weir::cli {
namespace {

constexpr const char* kMainFooter =
    "Examples:\n"
    "  weir demo                        see it work, with backends of its own\n"
    "  weir check /etc/weir/weir.toml   every problem of a configuration at once\n"
    "  weir run /etc/weir/weir.toml     serve\n"
    "  weir ctl status                  what a running Weir does\n"
    "  weir top                         the same, live\n"
    "  weir reload                      have it read its configuration again\n"
    "\n"
    "Exit status: 0 done, or drained with every session ended by itself; 1 the configuration or the host "
    "does not\n"
    "allow a start; 2 wrong usage; 3 sessions were cut at the end.";

constexpr const char* kRunFooter =
    "Examples:\n"
    "  weir run conf/minimal.toml\n"
    "  BACKEND=10.0.0.7:80 weir run weir.toml    strings may hold ${BACKEND}\n"
    "\n"
    "Signals: SIGTERM or SIGINT stops accepting (after process.drain_delay, if there is one) and waits up "
    "to\n"
    "process.drain_timeout for the sessions; a second one ends at once. SIGHUP reads CONFIG again and puts "
    "it\n"
    "in force for new sessions, or says in the log what is wrong with it. SIGUSR1 opens the log's file "
    "again,\n"
    "for logrotate. SIGUSR2 has the program as it is installed now take over, while this process keeps its\n"
    "sessions for process.upgrade_drain_timeout.";

constexpr const char* kCheckFooter =
    "Examples:\n"
    "  weir check weir.toml             exit status 0 when it can be run, 1 with every problem listed\n"
    "  weir check --resolve weir.toml   also asks the resolver for each backend's name\n"
    "\n"
    "It opens nothing: whether an address is taken or can be bound shows when Weir runs. The host is looked "
    "at\n"
    "(user, files, descriptors, kernel settings) once the file itself has no mistake.";

constexpr const char* kDemoFooter =
    "Examples:\n"
    "  weir demo                    try it with curl or nc from another terminal; Ctrl-C drains and ends\n"
    "  weir demo --seconds 5        drives itself for five seconds and prints the spread\n"
    "  weir demo --port 9000 --workers 4\n"
    "\n"
    "Without a terminal it drives itself for five seconds, too.";

constexpr const char* kDescribeFooter =
    "Examples:\n"
    "  weir describe reference > conf/REFERENCE.md\n"
    "  weir describe schema > conf/weir.schema.json   a JSON Schema, for editors\n"
    "  weir describe weir.toml.5 | man -l -           the manual page of the configuration\n"
    "  source <(weir describe bash)                   completions in this shell";

// What `describe` prints, for each word that it takes.
std::string description_of(const std::string& what, const CLI::App& app) {
  if (what == "reference") return config::reference_markdown();
  if (what == "schema") return config::json_schema();
  if (what == "weir.toml.5") return config::manual_page();
  if (what == "weir.8") return man_page(facts_of(app));
  if (what == "bash") return bash_completion(facts_of(app));
  if (what == "zsh") return zsh_completion(facts_of(app));
  return fish_completion(facts_of(app));
}

}  // namespace

int main_with(int argc, char** argv) {
  open_standard_descriptors();
  CLI::App app("Weir, a layer-4 TCP load balancer and reverse proxy.", "weir");
  app.set_version_flag("--version", "weir " + std::string(base::version()));
  // None at all is complained of below: a word that is wrong comes first.
  app.require_subcommand(0, 1);
  app.footer(kMainFooter);

  std::string path;
  auto* run_command = app.add_subcommand("run", "Serve as the configuration says, until told to stop.");
  run_command->add_option("CONFIG", path, "the configuration file (TOML)")->type_name("FILE")->required();
  run_command->footer(kRunFooter);

  bool resolve = false;
  auto* check_command = app.add_subcommand("check", "List every problem of a configuration; start nothing.");
  check_command->add_option("CONFIG", path, "the configuration file (TOML)")->type_name("FILE")->required();
  check_command->add_flag("--resolve", resolve, "a backend's name that does not resolve is an error");
  check_command->footer(kCheckFooter);

  DemoOptions demo_options;
  auto* demo_command =
      app.add_subcommand("demo", "Balance over three backends of its own; no configuration needed.");
  demo_command->add_option("--port", demo_options.port, "port on 127.0.0.1 (default 8080, or a free one)")
      ->check(CLI::Range(1, 65535));
  demo_command
      ->add_option("--seconds", demo_options.seconds,
                   "drive itself with its own clients for so long, then end")
      ->check(CLI::Range(1, 86400));
  demo_command->add_option("--workers", demo_options.workers, "worker threads (default: one a processor)")
      ->check(CLI::Range(1, 256));
  demo_command->footer(kDemoFooter);

  auto* describe_command =
      app.add_subcommand("describe", "Print the configuration's reference, manual pages, completions.");
  std::string what;
  describe_command
      ->add_option("WHAT", what,
                   "the configuration as Markdown or JSON Schema, a manual page, a shell's completions")
      ->required()
      ->check(CLI::IsMember({"reference", "schema", "weir.8", "weir.toml.5", "bash", "zsh", "fish"}));
  describe_command->footer(kDescribeFooter);

  const CtlArgs ctl(app);

  try {
    app.parse(argc, argv);
    if (app.get_subcommands().empty()) throw CLI::RequiredError("A subcommand");
  } catch (const CLI::ParseError& error) {
    std::ostringstream asked_for;
    std::ostringstream wrong;
    const bool is_wrong = app.exit(error, asked_for, wrong) != 0;
    complain(wrong.str());
    if (is_wrong) return kUsage;
    return print(asked_for.str()) ? kDone : kProblem;
  }
  if (ctl.chosen()) return ctl.chosen()();
  if (run_command->parsed()) return run(path);
  if (check_command->parsed()) return check(path, resolve ? CheckNames::kResolve : CheckNames::kLeave);
  if (demo_command->parsed()) return demo(demo_options);
  const std::string text = description_of(what, app);
  return print(text) ? kDone : kProblem;
}

}  // namespace weir::cli
