// The command line of the request load.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "descriptors.h"
#include "load/connections.h"
#include "load/pace.h"

namespace {

using weir::base::Millis;

constexpr const char* kFooter =
    "Examples:\n"
    "  request_load closed --to 127.0.0.1:8080 --connections 64 --seconds 3\n"
    "  request_load closed --to 127.0.0.1:8080 --connections 64 --each --from 127.1.0.1 --addresses 32\n"
    "  request_load open --to 127.0.0.1:8080 --connections 64 --rate 10000 --seconds 10 --warm-up 1\n"
    "  request_load idle --to 127.0.0.1:8080 --connections 9000 --seconds 30\n"
    "\n"
    "What became of the requests is told in one line of JSON.\n"
    "Exit status: 0 measured, 1 something could not be started, 2 wrong usage.";

struct Options {
  std::string to, from = "127.1.0.1";
  weir::load::Clients clients;
  double rate = 1'000;
  double seconds = 1, warm_up = 0, patience = 10;
};

int fail(const std::string& what) {
  fmt::print(stderr, "request_load: {}\n", what);
  return 1;
}

// As many descriptors as may be; and no wait is lengthened so that others can share its wake-up.
void prepare_process() {
  weir::bench::raise_descriptors();
  ::prctl(PR_SET_TIMERSLACK, 1);
}

Millis to_millis(double seconds) { return Millis(static_cast<std::int64_t>(seconds * 1000)); }

int run(const std::string& load, Options options) {
  const auto target = weir::base::parse_address(options.to);
  if (!target) return fail(target.error().message());
  const auto first = weir::base::parse_address(options.from + ":0");
  if (!first || first->family() != AF_INET) return fail("--from takes an IPv4 address");
  options.clients.target = *target;
  options.clients.first_address = *first;
  options.clients.patience = to_millis(options.patience);
  auto connections = weir::load::Connections::create(options.clients);
  if (!connections) return fail(connections.error().message());
  const weir::load::Span span{to_millis(options.warm_up), to_millis(options.seconds)};
  if (load == "closed") weir::load::run_closed(*connections, span);
  if (load == "open") weir::load::run_open(*connections, span, options.rate);
  if (load == "idle") weir::load::run_idle(*connections, span);
  fmt::print("{}\n", connections->tally().to_json());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Asks an HTTP server for the same thing again and again, and tells how long answers took.",
               "request_load");
  app.footer(kFooter);
  app.require_subcommand(1);
  const auto add_load = [&](const char* name, const char* about) {
    CLI::App* load = app.add_subcommand(name, about);
    load->add_option("--to", options.to, "where to connect to, IPV4:PORT")->required();
    load->add_option("--connections", options.clients.connections, "at any time (default 1)")
        ->check(CLI::Range(1, 100'000));
    load->add_option("--path", options.clients.path, "what is asked for (default /)");
    load->add_option("--from", options.from, "the first client address (default 127.1.0.1)");
    load->add_option("--addresses", options.clients.addresses,
                     "client addresses, which take turns (default 0: the kernel chooses)")
        ->check(CLI::Range(0, 65'000));
    load->add_option("--seconds", options.seconds, "how long is measured (default 1)")
        ->check(CLI::Range(0.1, 3600.0));
    load->add_option("--warm-up", options.warm_up, "seconds before that, which do not count (default 0)")
        ->check(CLI::Range(0.0, 600.0));
    load->add_flag(
        "--discard", options.clients.discards,
        "bodies are dropped by the kernel and not read (MSG_TRUNC, tcp(7)): a load that costs little");
    load->add_option("--patience", options.patience, "seconds for an answer (default 10)")
        ->check(CLI::Range(0.1, 600.0));
    return load;
  };
  CLI::App* closed = add_load("closed", "each connection asks again as soon as it is answered");
  CLI::App* open = add_load("open", "so many requests a second, whatever becomes of those before");
  open->add_option("--rate", options.rate, "requests a second (default 1000)")->check(CLI::Range(0.1, 1e6));
  for (CLI::App* load : {closed, open})
    load->add_flag("--each", options.clients.is_one_request_each, "a connection for each request");
  add_load(
      "idle",
      "each connection asks once, and then stays without a word; \"all stand\" on stderr says since when");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  prepare_process();
  return run(app.get_subcommands().front()->get_name(), options);
}
