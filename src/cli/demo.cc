#include "cli/demo.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <functional>
#include <mutex>
#include <thread>

#include "base/units.h"
#include "cli/admin_door.h"
#include "cli/commands.h"
#include "cli/demo_backend.h"
#include "cli/demo_clients.h"
#include "cli/demo_display.h"
#include "cli/output.h"
#include "config/load.h"
#include "net/socket.h"
#include "net/thread.h"
#include "server/supervisor.h"

namespace weir::cli {
namespace {

constexpr unsigned kUsualPort = 8080;
constexpr unsigned kUsualDoor = 9900;
constexpr const char* kAnyDoor = "127.0.0.1:0";
constexpr unsigned kSecondsWithoutTerminal = 5;
constexpr base::Millis kUpdateInterval{500};

std::size_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

bool is_free(unsigned port) {
  const auto address = base::parse_address(fmt::format("127.0.0.1:{}", port));
  return address && net::listen_on(*address, {}).has_value();
}

// A port that was asked for is used or fails; the usual one gives way to a free one.
unsigned choose_port(const DemoOptions& options) {
  if (options.port) return *options.port;
  return is_free(kUsualPort) ? kUsualPort : 0;
}

std::string configuration(unsigned port, const DemoOptions& options, const std::vector<std::string>& names,
                          const std::vector<base::Address>& backends) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    list += fmt::format("  {{ address = \"{}\", name = \"{}\" }},\n", backends[i].to_string(), names[i]);
  }
  const std::string workers = options.workers ? std::to_string(*options.workers) : "\"auto\"";
  return fmt::format(
      "[process]\nworkers = {}\ndrain_timeout = \"5s\"\n[log]\nlevel = \"error\"\nsessions = \"none\"\n"
      "[admin]\nbind = \"{}\"\n[listeners.demo]\nbind = \"127.0.0.1:{}\"\npool = "
      "\"demo\"\n[pools.demo]\nbackends = [\n{}]\n",
      workers, kAnyDoor, port, list);
}

// The usual one gives way to a free one: this can be tried beside a Weir that runs, or with its port for
// clients.
std::unique_ptr<admin::HttpServer> open_some_door(unsigned port,
                                                  const std::unique_ptr<server::Supervisor>& supervisor,
                                                  config::Problems& problems) {
  if (port != kUsualDoor) {
    config::Problems usual_is_taken;
    const auto usual = base::parse_address(fmt::format("127.0.0.1:{}", kUsualDoor));
    auto door = open_door({*usual, {}}, supervisor, nullptr, usual_is_taken);
    if (door != nullptr) return door;
  }
  return open_door({*base::parse_address(kAnyDoor), {}}, supervisor, nullptr, problems);
}

void print_welcome(const base::Address& address, const base::Address& door, bool usual_port_taken,
                   bool drives_itself) {
  if (usual_port_taken) print(fmt::format("Port {} is taken; using another.\n", kUsualPort));
  print(fmt::format("Weir listens on {} and spreads connections over three backends of its own.\n",
                    address.to_string()));
  if (!drives_itself) {
    const std::string url = "http://" + address.to_string() + "/";
    const auto line = [](const std::string& command, std::string_view meaning) {
      print(fmt::format("  {:<38} {}\n", command, meaning));
    };
    print("\nTry, in another terminal:\n");
    line("curl " + url, "the answer names its backend");
    line(fmt::format("nc {} {}", address.ip_to_string(), address.port()), "lines come back from one backend");
    line("wrk -c 64 -d 5 " + url, "a load, if you have wrk");
    line("http://" + door.to_string() + "/", "in a browser: the dashboard");
    print("Ctrl-C drains and prints the final spread.\n\n");
  }
}

// Shows the live line until it is destroyed, and tells when the time is over.
class Display {
 public:
  // After `seconds` it calls `time_over`, once.
  Display(server::Supervisor& supervisor, std::optional<unsigned> seconds, bool terminal,
          std::function<void()> time_over)
      : supervisor_(supervisor), seconds_(seconds), terminal_(terminal), time_over_(std::move(time_over)) {}
  ~Display() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  base::Result<void> start() {
    auto thread = net::start_thread("display", [this] { run(); });
    if (!thread) return base::failure(std::move(thread.error()));
    thread_ = std::move(*thread);
    return {};
  }

 private:
  void run() {
    const base::TimePoint begun = base::precise_now();
    base::TimePoint last = begun;
    server::ProcessStatus before = supervisor_.read_status();
    bool asked = false;
    std::unique_lock lock(mutex_);
    while (!changed_.wait_for(lock, kUpdateInterval, [this] { return ending_; })) {
      const base::TimePoint now = base::precise_now();
      server::ProcessStatus status = supervisor_.read_status();
      const double seconds = std::chrono::duration<double>(now - last).count();
      if (terminal_) print("\r\x1b[K" + live_line(before, status, seconds, terminal_columns()));
      before = std::move(status);
      last = now;
      if (seconds_ && !asked && now - begun >= std::chrono::seconds(*seconds_)) {
        asked = true;
        time_over_();
      }
    }
    if (terminal_) print("\r\x1b[K");
  }

  server::Supervisor& supervisor_;
  const std::optional<unsigned> seconds_;
  const bool terminal_;
  const std::function<void()> time_over_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ending_ = false;  // guarded by mutex_
  std::thread thread_;
};

int problem(const std::string& text) {
  complain("weir demo: " + text + "\n");
  return kProblem;
}

}  // namespace

int demo(const DemoOptions& options) {
  const bool terminal = ::isatty(STDOUT_FILENO) != 0;
  std::optional<unsigned> seconds = options.seconds;
  if (!seconds && !terminal) seconds = kSecondsWithoutTerminal;

  const std::vector<std::string> names{"alpha", "beta", "gamma"};
  auto backends = DemoBackends::open(names);
  if (!backends) return problem(backends.error().message());
  const unsigned port = choose_port(options);
  config::Loaded loaded = config::load_text(configuration(port, options, names, (*backends)->addresses()), "",
                                            config::process_environment());
  loaded.config.files.clear();  // this configuration is in no file
  // The backends and the clients live in this process too: each takes as many descriptors as Weir's own side
  // of it.
  const auto others = static_cast<unsigned>(server::raise_descriptor_limit() / 2);
  config::Problems problems = std::move(loaded.problems);
  std::unique_ptr<server::Supervisor> supervisor;
  std::unique_ptr<admin::HttpServer> door;
  if (!config::has_error(problems)) {
    server::Supervisor::Options started;
    started.other_descriptors = others;
    started.open_first = [&](config::Problems& found) { door = open_some_door(port, supervisor, found); };
    supervisor = server::Supervisor::prepare(std::move(loaded), started, problems);
  }
  if (supervisor == nullptr) {
    for (const auto& one : problems) complain(config::to_string(one) + "\n");
    return kProblem;
  }
  auto began = (*backends)->start();
  if (began) began = supervisor->start();
  if (began) began = door->start();
  if (!began) return problem(began.error().message());
  const base::Address address = supervisor->running()->listeners.addresses().front().front();
  print_welcome(address, door->address(), !options.port && port != kUsualPort, seconds.has_value());

  DemoClients clients(address, [&] { return supervisor->read_status().draining; });
  if (seconds) {
    if (const auto driving = clients.start(); !driving) return problem(driving.error().message());
  }
  server::Outcome outcome = server::Outcome::kClean;
  {
    Display display(*supervisor, seconds, terminal, [&] {
      clients.stop();
      supervisor->request_stop();
    });
    if (const auto shown = display.start(); !shown) return problem(shown.error().message());
    outcome = supervisor->run(door->address());
  }
  door->stop();
  clients.stop();
  bool is_told = print(spread_table(supervisor->read_status()));
  if (seconds) {
    is_told &= print(fmt::format("{} requests answered, {} failed\n", base::human_count(clients.answered()),
                                 clients.failed()));
  }
  if (outcome == server::Outcome::kForced) print("Some sessions were still open and were cut.\n");
  if (!is_told || clients.failed() > 0 || (seconds && clients.answered() == 0)) return kProblem;
  return outcome == server::Outcome::kClean ? kDone : kForced;
}

}  // namespace weir::cli
