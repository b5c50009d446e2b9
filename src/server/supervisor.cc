#include "server/supervisor.h"

#include <fmt/format.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <iterator>
#include <map>
#include <set>

#include "base/units.h"
#include "net/privileges.h"
#include "net/resolver.h"
#include "server/host.h"
#include "server/kernel_advice.h"
#include "server/kernel_drop.h"

namespace weir::server {
namespace {

using base::LogFields;
using config::Problems;

constexpr unsigned kSessionIdWorkerBits = 8;

void add_error(Problems& problems, const base::Error& error, const config::Place& place = {}) {
  config::add_error(problems, place, error.message());
}

base::UniqueFd take_signals() {
  // A peer that has gone shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return base::UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

base::Result<void> change_user(const config::Config& config, bool keep_net_admin) {
  if (config.process.user.value.empty()) return {};
  const auto user = net::find_user(config.process.user.value);
  if (!user) return base::failure(user.error());
  net::KeptRights kept;
  kept.net_admin = keep_net_admin;
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) {
      if (net::is_privileged(bind.value.port())) kept.bind_service = true;
    }
  }
  if (config.admin.bind && net::is_privileged(config.admin.bind->value.port())) kept.bind_service = true;
  return net::become(*user, kept);
}

// No two workers and, as far as seconds tell them apart, no two runs share an id: worker, time of start,
// count.
std::uint64_t first_session_id(std::size_t worker) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  const std::uint64_t run = (seconds & 0xffffff) << 32;
  return (static_cast<std::uint64_t>(worker) << (64 - kSessionIdWorkerBits)) | run | 1;
}

// A backend's path may lead to one of our own sockets by another spelling or a link: then the file is the
// same.
void refuse_unix_loops(const config::Config& config, const ListenerSet& listeners, Problems& problems) {
  for (const auto& pool : config.pools) {
    for (const auto& backend : pool.backends) {
      const auto* address = std::get_if<base::Address>(&backend.address.value);
      if (address == nullptr || !address->is_unix() || !listeners.owns(address->path())) continue;
      config::add_error(
          problems, backend.address.place,
          fmt::format("pools.{}.backends: {} is this process's own listener, so connections would go "
                      "round in a loop: write the address of the real server",
                      pool.name, address->to_string()));
    }
  }
}

std::vector<std::string> listener_names(const config::Config& config) {
  std::vector<std::string> names;
  for (const auto& listener : config.listeners) names.push_back(listener.name);
  return names;
}

std::string join(const std::vector<base::Address>& addresses) {
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "" : ",") + address.to_string();
  return text;
}

}  // namespace

std::unique_ptr<Supervisor> Supervisor::prepare(const config::Config& config, const Options& options,
                                                Problems& problems) {
  check_host(config, problems);
  const DescriptorPlan plan = plan_for(config, raise_descriptor_limit(), options.other_descriptors, problems);
  if (config::has_error(problems)) return nullptr;
  // To make a filter needs a right that goes with the change of user.
  const auto filters = make_packet_filters(config, problems);
  if (const auto changed = change_user(config, needs_net_admin(filters)); !changed) {
    add_error(problems, changed.error(), config.process.user.place);
  }
  if (config::has_error(problems)) return nullptr;

  World world = build_world(config, net::resolve, problems);
  const auto lists_read = std::chrono::system_clock::now();
  world.doors = build_doors(config, filters, problems);
  // Not before: a resolver may take its time, and until here a signal simply ends the process.
  base::UniqueFd signals = take_signals();
  auto log = LogWriter::open(config.log);
  if (!log) add_error(problems, log.error(), config.log.output.place);
  auto loop = net::EventLoop::create();
  if (!loop) add_error(problems, loop.error());
  auto mailbox = net::Mailbox<Stop>::create(8);
  if (!mailbox) add_error(problems, mailbox.error());
  if (config::has_error(problems)) return nullptr;
  if (options.open_first) options.open_first(problems);
  ListenerSet listeners = ListenerSet::open(config, worker_count(config), problems);
  refuse_unix_loops(config, listeners, problems);
  if (config::has_error(problems)) return nullptr;

  std::unique_ptr<Supervisor> supervisor(
      new Supervisor({config, std::move(world), std::move(listeners), plan, std::move(*log), std::move(*loop),
                      std::move(*mailbox), std::move(signals), options.on_hangup, lists_read}));
  if (const auto made = supervisor->make_workers(problems); !made) {
    add_error(problems, made.error());
    return nullptr;
  }
  net::report_loop_warnings([log = supervisor->log_.get()](std::string_view message) {
    log->event(LogLevel::kWarning, "event_loop", message);
  });
  for (const auto& problem : problems) {
    supervisor->log_->event(LogLevel::kWarning, "configuration", config::to_string(problem));
  }
  return supervisor;
}

Supervisor::Supervisor(Prepared&& prepared)
    : config_(std::move(prepared.config)),
      world_(std::move(prepared.world)),
      listeners_(std::move(prepared.listeners)),
      descriptors_(std::move(prepared.descriptors)),
      log_(std::move(prepared.log)),
      loop_(std::move(prepared.loop)),
      mailbox_(std::move(prepared.mailbox)),
      signals_(std::move(prepared.signals)),
      on_hangup_(prepared.on_hangup),
      lists_read_(prepared.lists_read),
      slots_(descriptors_.max_connections, [this] { wake_acceptors(); }) {}

Supervisor::~Supervisor() {
  stop_workers();
  net::report_loop_warnings(nullptr);
}

// A listener whose sockets do not take the filter does without: the gate refuses the same clients.
void Supervisor::attach_filters(const std::vector<Assigned>& sockets, Problems& problems) {
  for (std::size_t i = 0; i < world_.doors.size(); ++i) {
    std::shared_ptr<net::PacketFilter>& filter = world_.doors[i].filter;
    for (const Assigned& socket : sockets) {
      if (filter == nullptr || socket.listener != i || !socket.is_tcp) continue;
      const auto attached = filter->attach(socket.fd.get());
      if (attached) continue;
      config::add_warning(
          problems, config_.listeners[i].access.place,
          fmt::format("listeners.{}.access.kernel_drop: denied clients are refused after they have "
                      "connected: {}",
                      config_.listeners[i].name, attached.error().message()));
      for (const Assigned& other : sockets) {
        if (other.listener == i && other.is_tcp) filter->detach(other.fd.get());
      }
      filter = nullptr;
    }
  }
}

base::Result<void> Supervisor::make_workers(Problems& problems) {
  std::vector<Assigned> sockets = listeners_.take();
  attach_filters(sockets, problems);
  const unsigned count = worker_count(config_);
  for (unsigned i = 0; i < count; ++i) {
    auto worker = Worker::create({i, world_.routes, world_.doors, buffers_per_worker(), first_session_id(i)},
                                 log_->add_worker());
    if (!worker) return base::failure(std::move(worker.error()));
    workers_.push_back(std::move(*worker));
  }
  for (Assigned& socket : sockets) {
    Worker& worker = *workers_[socket.worker];
    worker.add_acceptor(std::move(socket), {slots_, config_.process.when_full});
  }
  drain_ = std::make_unique<Drain>(
      *loop_, Drain::Parts{workers_, slots_, *log_, listener_names(config_), config_.process.drain_timeout},
      [this] { loop_->stop(); });
  auto watch = AccessWatch::create(*loop_, {config_, world_.doors, workers_, *log_, lists_read_});
  if (!watch) return base::failure(std::move(watch.error()));
  access_watch_ = std::move(*watch);
  refusals_ = std::make_unique<RefusalSummary>(
      *loop_, RefusalSummary::Parts{listener_names(config_), workers_, *log_});
  return {};
}

// A session needs at most a buffer a direction, and one worker may come to serve every connection; but all
// buffers together stay within a quarter of the memory. Beyond that the pump does without (see
// relay/copy_pump.h).
std::size_t Supervisor::buffers_per_worker() const {
  const std::size_t wanted = std::size_t{2} * descriptors_.max_connections;
  const std::size_t affordable = usable_memory() / 4 / net::Buffer::kSize / worker_count(config_);
  return std::clamp(wanted, std::size_t{16}, std::max(affordable, std::size_t{16}));
}

void Supervisor::wake_acceptors() {
  for (const auto& worker : workers_) worker->resume_accepting();
}

base::Result<void> Supervisor::start() {
  if (auto started = log_->start(); !started) return started;
  for (const auto& worker : workers_) {
    if (auto started = worker->start(workers_); !started) return started;
  }
  return {};
}

// Every session has ended, or none has begun, so a mailbox that is full now empties by itself.
void Supervisor::stop_workers() {
  for (const auto& worker : workers_) {
    while (worker->started() && !worker->post(StopWorker{})) std::this_thread::yield();
  }
  for (const auto& worker : workers_) worker->join();
}

Outcome Supervisor::run(const std::optional<base::Address>& admin) {
  mailbox_->open(*loop_, [this](Stop&&) { begin_stop(); });
  signal_watch_.bind<&Supervisor::on_signal>(*loop_, signals_.get(), this);
  WEIR_ASSERT(signal_watch_.want(net::Interest::kRead));
  log_start(admin);
  access_watch_->start();
  refusals_->start();
  wake_acceptors();
  serving_.store(true, std::memory_order_release);
  loop_->run();
  stop_workers();
  refusals_->tell();
  LogFields fields;
  fields.text("outcome", drain_->forced() ? "forced" : "clean");
  log_->event(LogLevel::kInfo, "stopped",
              drain_->forced() ? "some sessions were cut" : "every session had ended", fields);
  log_->stop();
  return drain_->forced() ? Outcome::kForced : Outcome::kClean;
}

void Supervisor::log_start(const std::optional<base::Address>& admin) {
  LogFields limits;
  limits.text("buffers",
              base::human_bytes(buffers_per_worker() * workers_.size() * net::Buffer::kSize) + " at most");
  log_->event(LogLevel::kInfo, "limits", "max_connections " + descriptors_.arithmetic(), limits);
  log_tables();
  log_queues();
  std::string listeners;
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    fmt::format_to(std::back_inserter(listeners), "{}{}={}", i == 0 ? "" : " ", config_.listeners[i].name,
                   join(listeners_.addresses()[i]));
  }
  LogFields fields;
  fields.number("workers", workers_.size());
  fields.number("max_connections", descriptors_.max_connections);
  fields.text("listeners", listeners);
  if (admin) fields.text("admin", admin->to_string());
  log_->event(LogLevel::kInfo, "ready", "", fields);
}

// What the kernel keeps ready for the listeners, and what it made of `defer_accept`: a line for all that are
// alike.
void Supervisor::log_queues() const {
  const net::KernelSettings settings = net::load_kernel_settings();
  std::map<std::string, std::string> listeners_by_text;
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    const config::ListenerConfig& listener = config_.listeners[i];
    unsigned sockets = 0;
    for (const auto& bind : listener.bind) {
      sockets += bind.value.is_ip() ? static_cast<unsigned>(workers_.size()) : 1;
    }
    std::string text = describe_accept_queues(effective_backlog(settings, listener.backlog.value), sockets);
    const auto deferred = std::chrono::duration_cast<base::Millis>(listeners_.deferred()[i]);
    if (deferred.count() > 0) text += ", defer_accept as the kernel rounds it " + base::to_string(deferred);
    std::string& names = listeners_by_text[text];
    names += (names.empty() ? "" : " ") + listener.name;
  }
  for (const auto& [text, names] : listeners_by_text) {
    LogFields fields;
    fields.text("listeners", names);
    log_->event(LogLevel::kInfo, "limits", text, fields);
  }
}

// The memory that tables of clients have taken; those that are shared are told of once.
void Supervisor::log_tables() const {
  std::set<const admission::LimitSet*> told;
  for (std::size_t i = 0; i < world_.doors.size(); ++i) {
    const admission::LimitSet* limits = world_.doors[i].gate.limits.get();
    if (limits->table() == nullptr || !told.insert(limits).second) continue;
    LogFields fields;
    fields.text("listener", config_.listeners[i].name);
    fields.number("clients", limits->table()->capacity());
    fields.text("memory", base::human_bytes(limits->table()->memory_bytes()));
    log_->event(LogLevel::kInfo, "limits", "a table of clients", fields);
  }
}

void Supervisor::request_stop() { static_cast<void>(mailbox_->post(Stop{})); }

void Supervisor::on_signal(net::Ready) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    LogFields fields;
    const char* name = ::sigabbrev_np(static_cast<int>(info.ssi_signo));
    fields.text("name", name != nullptr ? "SIG" + std::string(name) : std::to_string(info.ssi_signo));
    if (info.ssi_signo == SIGHUP && on_hangup_ == OnHangup::kStay) {
      log_->event(LogLevel::kWarning, "signal",
                  "this version cannot reload: restart Weir to read the file again", fields);
      continue;
    }
    log_->event(LogLevel::kInfo, "signal", "", fields);
    begin_stop();
  }
}

void Supervisor::begin_stop() {
  draining_.store(true, std::memory_order_release);
  listeners_.remove_paths();
  drain_->request();
}

ProcessStatus Supervisor::read_status() const {
  ProcessStatus status;
  status.draining = draining_.load(std::memory_order_acquire);
  status.connections = slots_.used();
  status.max_connections = slots_.limit();
  status.max_connections_asked = config_.process.max_connections.value.value_or(0);
  status.log_lines_lost = log_->lost();
  add_listeners(status);
  add_pools(status);
  add_refusals(status);
  return status;
}

void Supervisor::add_listeners(ProcessStatus& status) const {
  status.workers.resize(workers_.size());
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    ListenerStatus& sum = status.listeners.emplace_back();
    sum.name = config_.listeners[i].name;
    sum.pool = config_.listeners[i].pool.value;
    sum.addresses = listeners_.addresses()[i];
    if (const net::PacketFilter* filter = world_.doors[i].filter.get()) {
      sum.packets_dropped = filter->dropped();
      sum.kernel_drop = filter->mode() == net::FilterMode::kBpf ? "bpf" : "classic";
    }
    const admission::LimitSet& limits = *world_.doors[i].gate.limits;
    sum.tarpitted = limits.held_refused();
    sum.unlimited_clients = limits.unlimited_clients();
    if (limits.table() != nullptr) {
      sum.clients = limits.table()->size();
      sum.most_clients = limits.table()->capacity();
    }
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      const session::ListenerCounters& counters = workers_[w]->counters(i);
      sum.accepted += counters.accepted.value();
      sum.open += counters.open();
      sum.handed_over += counters.handed_over.value();
      sum.upload_bytes += counters.upload_bytes.value();
      sum.download_bytes += counters.download_bytes.value();
      for (std::size_t r = 0; r < sum.closed.size(); ++r) sum.closed[r] += counters.closed[r].value();
      for (std::size_t r = 0; r < sum.refused.size(); ++r) {
        sum.refused[r] += counters.refused[r].value();
        sum.would_refuse[r] += counters.would_refuse[r].value();
        sum.paused[r] += counters.paused[r].value();
      }
      status.workers[w].accepted += counters.accepted.value();
      status.workers[w].open += counters.open();
    }
  }
}

void Supervisor::add_refusals(ProcessStatus& status) const {
  for (const admission::RefusalSample& sample : newest_refusals(workers_)) {
    status.refusals.push_back({sample.time, config_.listeners[sample.listener].name, sample.client,
                               admission::word(sample.reason), sample.dry_run});
  }
}

void Supervisor::add_pools(ProcessStatus& status) const {
  for (const auto& pool : world_.pools) {
    PoolStatus& shown = status.pools.emplace_back();
    shown.name = pool->settings().name;
    for (const auto& backend : pool->backends()) {
      const pool::BackendIdentity& identity = backend->identity();
      const pool::BackendCounters& counters = backend->counters();
      BackendStatus& line = shown.backends.emplace_back();
      line.name = identity.name;
      line.address = identity.address;
      line.weight = identity.weight;
      line.state = identity.state;
      line.state_reason = identity.state_reason;
      line.in_flight = static_cast<std::uint64_t>(std::max<std::int64_t>(counters.in_flight.value(), 0));
      line.attempts = counters.attempts.value();
      line.failed_attempts = counters.failed_attempts.value();
      line.sessions = counters.sessions.value();
      line.upload_bytes = counters.upload_bytes.value();
      line.download_bytes = counters.download_bytes.value();
    }
  }
}

}  // namespace weir::server
