// The command line of the capacity probe.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "capacity/limited_server.h"
#include "capacity/probe.h"
#include "descriptors.h"

namespace {

constexpr const char* kFooter =
    "Examples:\n"
    "  capacity                       servers of 250 descriptors: where one stops, where three behind Weir "
    "stop\n"
    "  capacity --servers 5 --server-limit 100\n"
    "  capacity --unlimited --sources 4 --most 100000    what this machine holds, from 4 client addresses\n"
    "\n"
    "Exit status: 0 measured, 1 something could not be started, 2 wrong usage.";

std::filesystem::path self() { return std::filesystem::read_symlink("/proc/self/exe"); }

// Beside this program's folder in the build's tree, where CMake puts it.
std::string default_weir() { return (self().parent_path() / "weir").string(); }

}  // namespace

int main(int argc, char** argv) {
  weir::capacity::ProbeOptions options;
  options.weir = default_weir();
  options.self = self().string();
  options.bounds.most = 20'000;
  int seconds = 60;
  bool unlimited = false;
  int served = -1;

  CLI::App app("How many idle connections limited servers hold, alone and behind Weir.", "capacity");
  app.footer(kFooter);
  app.add_option("--servers", options.servers, "servers behind Weir (default 3)")->check(CLI::Range(1, 64));
  auto* limit =
      app.add_option("--server-limit", options.server_limit,
                     "descriptors of each server, which gives each connection a thread (default 250)");
  limit->check(CLI::Range(16, 100'000));
  app.add_flag("--unlimited", unlimited, "servers without that limit")->excludes(limit);
  app.add_option("--sources", options.bounds.sources, "client addresses, from 127.0.1.1 on (default 1)")
      ->check(CLI::Range(1, 200));
  app.add_option("--most", options.bounds.most, "connections at which a climb ends anyway (default 20000)")
      ->check(CLI::Range(1, 10'000'000));
  app.add_option("--seconds", seconds, "time after which a climb ends anyway (default 60)")
      ->check(CLI::Range(1, 86'400));
  app.add_option("--weir", options.weir, "the binary to probe (default: beside this one)")
      ->check(CLI::ExistingFile);
  app.add_option("--serve", served)->group("");  // how the probe starts itself as a server
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (served >= 0) return weir::capacity::serve(served);

  weir::bench::raise_descriptors();
  if (unlimited) options.server_limit = 0;
  options.bounds.time = std::chrono::seconds(seconds);
  const auto outcomes = weir::capacity::probe(options);
  if (!outcomes) {
    fmt::print(stderr, "capacity: {}\n", outcomes.error().message());
    return 1;
  }
  weir::capacity::print_table(*outcomes);
  return 0;
}
