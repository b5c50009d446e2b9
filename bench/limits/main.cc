// The command line of the connection load.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "descriptors.h"
#include "limits/attempts.h"
#include "limits/greeter.h"
#include "limits/loads.h"
#include "limits/refuser.h"

namespace {

using weir::base::Millis;
using weir::limits::Attempts;

constexpr const char* kFooter =
    "Examples:\n"
    "  connection_load serve --at 127.0.0.2:20000\n"
    "  connection_load offer --to 127.0.0.1:8080 --rate 5000 --seconds 10 --clients 16\n"
    "  connection_load flood --to 127.0.0.1:8080 --at-once 64 --count 40000 --hold 1\n"
    "\n"
    "Each load tells what became of its connections in one line of JSON.\n"
    "Exit status: 0 measured, 1 something could not be started, 2 wrong usage.";

struct Options {
  std::string at, to, from = "127.1.0.1";
  int clients = 1;
  int patience_ms = 2000;
  std::uint32_t rate = 1000;
  int seconds = 1;
  std::uint32_t at_once = 64;
  std::uint64_t count = 1000;
  std::uint64_t hold = 0;
};

int fail(const std::string& what) {
  fmt::print(stderr, "connection_load: {}\n", what);
  return 1;
}

// Whoever started this is still looking at what is kept: until it closes our standard input.
void wait_for_end_of_input() {
  char away[256];
  while (::read(STDIN_FILENO, away, sizeof(away)) > 0) {
  }
}

void tell(const weir::limits::Tally& tally) {
  fmt::print("{}\n", tally.to_json());
  std::fflush(stdout);
}

// Each client address first takes what it may have; false when it does not get it.
bool hold_first(Attempts& attempts, std::uint64_t wanted) {
  if (wanted == 0) return true;
  weir::limits::crowd(attempts, wanted);
  attempts.when_served(Attempts::Served::kClose);
  return attempts.tally().served == wanted;
}

int run(const std::string& load, const Options& options) {
  if (load == "serve" || load == "refuse") {
    const auto address = weir::base::parse_address(options.at);
    if (!address) return fail(address.error().message());
    const auto ended = load == "serve" ? weir::limits::greet(*address) : weir::limits::refuse(*address);
    return fail(ended.error().message());
  }
  const auto target = weir::base::parse_address(options.to);
  if (!target) return fail(target.error().message());
  const auto first = weir::base::parse_address(options.from + ":0");
  if (!first || first->family() != AF_INET) return fail("--from takes an IPv4 address");
  auto attempts = Attempts::create(*target, {*first, options.clients}, Millis(options.patience_ms));
  if (!attempts) return fail(attempts.error().message());
  if (!hold_first(*attempts, options.hold * static_cast<std::uint64_t>(options.clients))) {
    return fail("what was to be held was not served: " + attempts->tally().to_json());
  }
  if (load == "offer") weir::limits::offer(*attempts, options.rate, Millis(options.seconds * 1000));
  if (load == "flood") weir::limits::flood(*attempts, options.at_once, options.count);
  if (load == "knock") weir::limits::knock(*attempts, options.count);
  if (load == "crowd") weir::limits::crowd(*attempts, options.count);
  tell(attempts->tally());
  if (load == "crowd") wait_for_end_of_input();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Offers connections to a TCP server and counts what becomes of them.", "connection_load");
  app.footer(kFooter);
  app.require_subcommand(1);
  const auto add_server = [&](const char* name, const char* about) {
    app.add_subcommand(name, about)->add_option("--at", options.at, "where to listen, IPV4:PORT")->required();
  };
  add_server("serve", "be the backend: greet each client with a byte");
  add_server("refuse", "accept each client and reset it: the least that a refusal can cost");
  const auto add_load = [&](const char* name, const char* about) {
    CLI::App* load = app.add_subcommand(name, about);
    load->add_option("--to", options.to, "where to connect to, IPV4:PORT")->required();
    load->add_option("--from", options.from, "the first client address (default 127.1.0.1)");
    load->add_option("--clients", options.clients, "client addresses, which take turns (default 1)")
        ->check(CLI::Range(1, 65'000));
    load->add_option("--patience-ms", options.patience_ms, "for a connection's first byte (default 2000)")
        ->check(CLI::Range(1, 60'000));
    load->add_option("--hold", options.hold, "connections that each client address takes first and keeps")
        ->check(CLI::Range(0, 10'000));
    return load;
  };
  const auto add_count = [&](CLI::App* load) {
    load->add_option("--count", options.count, "connections in all (default 1000)")
        ->check(CLI::Range(1, 10'000'000));
  };
  auto* offer = add_load("offer", "so many a second, for some seconds");
  offer->add_option("--rate", options.rate, "connections a second")->check(CLI::Range(1, 1'000'000));
  offer->add_option("--seconds", options.seconds, "how long")->check(CLI::Range(1, 3600));
  auto* flood = add_load("flood", "a number under way at any time, as fast as it goes");
  flood->add_option("--at-once", options.at_once, "connections under way")->check(CLI::Range(1, 10'000));
  add_count(flood);
  add_count(add_load("knock", "SYNs whose answers nobody waits for"));
  add_count(add_load("crowd", "all at once; keeps what is served until standard input ends"));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  weir::bench::raise_descriptors();
  return run(app.get_subcommands().front()->get_name(), options);
}
