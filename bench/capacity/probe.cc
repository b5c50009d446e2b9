#include "capacity/probe.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

#include "base/units.h"
#include "capacity/weir_process.h"

namespace weir::capacity {
namespace {

constexpr base::Millis kStartPatience{10'000};
constexpr base::Millis kAnswerPatience{20};

struct Servers {
  std::vector<Child> children;
  std::vector<base::Address> addresses;
};

base::Result<Servers> start_servers(const ProbeOptions& options, int count) {
  Servers servers;
  for (int i = 0; i < count; ++i) {
    auto child = Child::start({options.self, "--serve", std::to_string(options.server_limit)}, STDOUT_FILENO);
    if (!child) return base::failure(child.error());
    const auto port = child->read_line(kStartPatience);
    if (!port) return base::failure(port.error());
    const auto address = base::parse_address("127.0.0.1:" + *port);
    if (!address) return base::failure(address.error());
    servers.children.push_back(std::move(*child));
    servers.addresses.push_back(*address);
  }
  return servers;
}

// How many servers told that they had to turn a client away.
std::string what_gave(Servers& servers) {
  int full = 0;
  for (Child& child : servers.children) full += child.read_line(kAnswerPatience) ? 1 : 0;
  return full == 0 ? "" : fmt::format("{} of {} out of descriptors", full, servers.children.size());
}

std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
  return after > before ? after - before : 0;
}

void show_progress(const std::string& what, std::size_t held) {
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r{}: {} held ", what, held);
}

void clear_progress() {
  if (::isatty(STDERR_FILENO) == 1) fmt::print(stderr, "\r\033[K");
}

Outcome climb(const std::string& what, const base::Address& target, const Bounds& bounds, Servers& servers,
              const WeirProcess* weir) {
  Outcome outcome;
  outcome.what = what;
  const std::uint64_t memory = weir == nullptr ? 0 : resident_bytes(weir->pid());
  Climb connections(target, bounds);
  connections.run([&](std::size_t held) { show_progress(what, held); });
  clear_progress();
  outcome.held = connections.held();
  outcome.stopped_by = connections.stopped_by();
  if (weir != nullptr) {
    outcome.weir_bytes = growth(memory, resident_bytes(weir->pid()));
    outcome.weir_says = weir->what_gave();
  }
  outcome.servers_say = what_gave(servers);
  outcome.standing = connections.still_standing();
  return outcome;
}

base::Result<Outcome> climb_one_server(const ProbeOptions& options) {
  auto servers = start_servers(options, 1);
  if (!servers) return base::failure(servers.error());
  return climb("one server", servers->addresses[0], options.bounds, *servers, nullptr);
}

base::Result<Outcome> climb_through_weir(const ProbeOptions& options) {
  auto servers = start_servers(options, options.servers);
  if (!servers) return base::failure(servers.error());
  const auto weir = WeirProcess::start(options.weir, servers->addresses);
  if (!weir) return base::failure(weir.error());
  return climb(fmt::format("{} servers through Weir", options.servers), weir->address(), options.bounds,
               *servers, &*weir);
}

std::string per_connection(std::uint64_t bytes, std::size_t count) {
  return bytes == 0 || count == 0 ? "-" : fmt::format("{} B", bytes / count);
}

}  // namespace

base::Result<std::vector<Outcome>> probe(const ProbeOptions& options) {
  std::vector<Outcome> outcomes;
  for (const auto& step : {climb_one_server, climb_through_weir}) {
    auto outcome = step(options);
    if (!outcome) return base::failure(std::move(outcome.error()));
    outcomes.push_back(std::move(*outcome));
  }
  return outcomes;
}

void print_table(const std::vector<Outcome>& outcomes) {
  constexpr const char* kRow = "{:<24} {:>8} {:>11} {:>10}  {}\n";
  fmt::print(fmt::runtime(kRow), "", "held", "at the end", "Weir each", "stopped by");
  for (const Outcome& outcome : outcomes) {
    fmt::print(fmt::runtime(kRow), outcome.what, outcome.held, outcome.standing,
               per_connection(outcome.weir_bytes, outcome.held), outcome.stopped_by);
    const auto remark = [&](const char* who, const std::string& words) {
      if (!words.empty()) fmt::print(fmt::runtime(kRow), "", "", "", "", fmt::format("  {}: {}", who, words));
    };
    remark("servers", outcome.servers_say);
    remark("Weir counts", outcome.weir_says);
  }
}

}  // namespace weir::capacity
