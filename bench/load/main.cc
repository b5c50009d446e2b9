// The command line of the request load.
#include <fmt/format.h>
#include <sys/prctl.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "descriptors.h"
#include "load/connections.h"
#include "load/pace.h"
#include "load/responder.h"

namespace {

using weir::base::Address;
using weir::base::Millis;
using weir::base::Result;
using weir::load::Connections;
using weir::load::Responder;

constexpr const char* kFooter =
    "Examples:\n"
    "  request_load closed --to 127.0.0.1:8080 --connections 64 --seconds 3\n"
    "  request_load closed --to 127.0.0.1:8080 --connections 64 --each --from 127.1.0.1 --addresses 32\n"
    "  request_load open --to 127.0.0.1:8080 --connections 64 --rate 10000 --seconds 10 --warm-up 1\n"
    "  request_load idle --to 127.0.0.1:8080 --connections 9000 --seconds 30\n"
    "\n"
    "Both ends of a proxy on port 8080 whose backend is 127.0.0.2:8081, in one process:\n"
    "  request_load closed --to 127.0.0.1:8080 --connections 64 --answer-at 127.0.0.2:8081\n"
    "\n"
    "What became of the requests is told in one line of JSON.\n"
    "Exit status: 0 measured, 1 something could not be started, 2 wrong usage.";

struct Options {
  std::string to, from = "127.1.0.1", tls;
  std::vector<std::string> answer_at;
  std::string answer_in;
  weir::load::Clients clients;
  double rate = 1'000;
  double seconds = 1, warm_up = 0, patience = 10;
  std::size_t read_rate = 0;
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

Result<Address> parse_ipv4(const std::string& text) {
  auto address = weir::base::parse_address(text);
  if (address && address->family() != AF_INET)
    return weir::base::failure({weir::base::ErrorSide::kConfiguration, text + " is no IPv4 address"});
  return address;
}

Result<Responder> make_responder(const Options& options) {
  std::vector<Address> addresses;
  for (const std::string& text : options.answer_at) {
    const auto address = parse_ipv4(text);
    if (!address) return weir::base::failure(address.error());
    addresses.push_back(*address);
  }
  return Responder::create(addresses, options.answer_in);
}

Result<Connections> make_clients(Options& options) {
  const auto target = parse_ipv4(options.to);
  if (!target) return weir::base::failure(target.error());
  const auto first = parse_ipv4(options.from + ":0");
  if (!first) return weir::base::failure(first.error());
  options.clients.target = *target;
  options.clients.first_address = *first;
  options.clients.bytes_per_tick = options.read_rate / weir::load::kTicksPerSecond;
  if (!options.tls.empty())
    options.clients.tls =
        options.tls == "full" ? weir::load::Handshakes::kFull : weir::load::Handshakes::kResumed;
  options.clients.patience = to_millis(options.patience);
  return Connections::create(options.clients);
}

int run(const std::string& load, Options options) {
  const weir::load::Span span{to_millis(options.warm_up), to_millis(options.seconds)};
  auto responder = make_responder(options);
  if (!responder) return fail(responder.error().message());
  if (load == "answer") {
    weir::load::only_answer(*responder, span);
    return 0;
  }
  auto clients = make_clients(options);
  if (!clients) return fail(clients.error().message());
  if (auto answers = clients->answer_by(*responder); !answers) return fail(answers.error().message());
  if (load == "closed") weir::load::run_closed(*clients, span);
  if (load == "open") weir::load::run_open(*clients, span, options.rate);
  if (load == "idle") weir::load::run_idle(*clients, span);
  fmt::print("{}\n", clients->tally().to_json());
  return 0;
}

void add_answering(CLI::App* load, Options& options) {
  load->add_option("--seconds", options.seconds, "how long is measured (default 1)")
      ->check(CLI::Range(0.1, 3600.0));
  load->add_option(
      "--answer-at", options.answer_at,
      "IPV4:PORT where this process itself answers tiny requests, as the backend (0.0.0.0 is every "
      "address of the loopback net)");
  load->add_option("--answer-in", options.answer_in,
                   "path of the network namespace in which it does (default: this one; as root)");
}

void add_clients(CLI::App* load, Options& options) {
  load->add_option("--to", options.to, "where to connect to, IPV4:PORT")->required();
  load->add_option("--connections", options.clients.connections, "at any time (default 1)")
      ->check(CLI::Range(1, 100'000));
  load->add_option("--path", options.clients.path, "what is asked for (default /)");
  load->add_option("--from", options.from, "the first client address (default 127.1.0.1)");
  load->add_option("--addresses", options.clients.addresses,
                   "client addresses, which take turns (default 0: the kernel chooses)")
      ->check(CLI::Range(0, 65'000));
  load->add_option("--warm-up", options.warm_up, "seconds before that, which do not count (default 0)")
      ->check(CLI::Range(0.0, 600.0));
  load->add_flag(
      "--discard", options.clients.discards,
      "bodies are dropped by the kernel and not read (MSG_TRUNC, tcp(7)): a load that costs little");
  load->add_option(
          "--read-rate", options.read_rate,
          "bytes a second that a connection reads at most (default 0: all that come); in \"closed\" one that "
          "gets less than half of it in the last quarter of the time counts as unanswered")
      ->check(CLI::Range(0, 1'000'000'000));
  load->add_option(
          "--tls", options.tls,
          "\"full\" or \"resumed\": TLS 1.3 with every connection, with a handshake in full or, once there "
          "is a session, by that (one that is not resumed counts as a read error)")
      ->check(CLI::IsMember({"full", "resumed"}));
  load->add_flag(
      "--hello", options.clients.says_hello,
      "the first message of TLS goes before the first request, and nothing else of it: for proxies "
      "that look at it and pass it on, in front of --answer-at, which passes over it");
  load->add_option("--patience", options.patience, "seconds for an answer (default 10)")
      ->check(CLI::Range(0.1, 600.0));
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Asks an HTTP server for the same thing again and again, and tells how long answers took.",
               "request_load");
  app.footer(kFooter);
  app.require_subcommand(1);
  CLI::App* closed = app.add_subcommand("closed", "each connection asks again as soon as it is answered");
  CLI::App* open = app.add_subcommand("open", "so many requests a second, whatever becomes of those before");
  CLI::App* idle = app.add_subcommand(
      "idle",
      "each connection asks once, and then stays without a word; \"begins\" on stderr says since when");
  CLI::App* answer = app.add_subcommand("answer", "asks nothing, and is only the backend");
  for (CLI::App* load : {closed, open, idle}) add_clients(load, options);
  for (CLI::App* load : {closed, open, idle, answer}) add_answering(load, options);
  open->add_option("--rate", options.rate, "requests a second (default 1000)")->check(CLI::Range(0.1, 1e6));
  for (CLI::App* load : {closed, open})
    load->add_flag("--each", options.clients.is_one_request_each, "a connection for each request");
  answer->get_option("--answer-at")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  prepare_process();
  return run(app.get_subcommands().front()->get_name(), options);
}
