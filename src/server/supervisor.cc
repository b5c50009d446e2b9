#include "server/supervisor.h"

#include <fmt/format.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "net/privileges.h"
#include "net/resolver.h"
#include "server/host.h"
#include "server/kernel_drop.h"
#include "server/start_log.h"

namespace weir::server {
namespace {

using base::LogFields;
using config::Problems;

constexpr unsigned kSessionIdWorkerBits = 8;
// So long the start waits for names that have no backend yet.
constexpr base::Millis kFirstAnswers{2'000};

void add_error(Problems& problems, const base::Error& error, const config::Place& place = {}) {
  config::add_error(problems, place, error.message());
}

base::UniqueFd take_signals() {
  // A peer that has gone shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return base::UniqueFd(::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC));
}

base::Result<void> change_user(const config::Config& config, bool keep_net_admin) {
  if (config.process.user.value.empty()) return {};
  const auto user = net::find_user(config.process.user.value);
  if (!user) return base::failure(user.error());
  net::KeptRights kept;
  kept.net_admin = keep_net_admin;
  kept.net_raw = std::any_of(config.pools.begin(), config.pools.end(),
                             [](const config::PoolConfig& pool) { return pool.transparent; });
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

  const auto files_read = std::chrono::system_clock::now();
  World world = build_world(config, net::resolve, problems);
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
                      std::move(*mailbox), std::move(signals), options.on_hangup, files_read}));
  if (const auto made = supervisor->make_workers(problems); !made) {
    add_error(problems, made.error());
    return nullptr;
  }
  for (const auto& problem : problems) {
    const std::string place = config::to_string(problem.place);
    supervisor->log_->event(LogLevel::kWarning, "configuration",
                            place.empty() ? problem.text : place + ": " + problem.text);
  }
  // Clients that come meanwhile wait in the accept queues.
  supervisor->name_keeper_->await_answers(kFirstAnswers);
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
      files_read_(prepared.files_read),
      slots_(descriptors_.max_connections, [this] { wake_acceptors(); }),
      health_checks_(*loop_, {config_, world_.pools, *log_}),
      port_watch_(*loop_, {config_, world_.pools, *log_}),
      pressure_watch_(*loop_, {listener_names(config_), listeners_, *log_}),
      status_reader_({config_, world_, listeners_, slots_, workers_, *log_, pressure_watch_, name_keeper_,
                      port_watch_}) {}

Supervisor::~Supervisor() { stop_workers(); }

// A listener whose sockets do not take the filter does without: the gate refuses the same clients.
void Supervisor::attach_filters(Problems& problems) {
  for (std::size_t i = 0; i < world_.doors.size(); ++i) {
    std::shared_ptr<net::PacketFilter>& filter = world_.doors[i].filter;
    for (const Assigned& one : listeners_.sockets()) {
      if (filter == nullptr || one.listener != i || !one.socket->is_tcp()) continue;
      const auto attached = one.socket->attach(filter);
      if (attached) continue;
      config::add_warning(
          problems, config_.listeners[i].access.place,
          fmt::format("listeners.{}.access.kernel_drop: denied clients are refused after they have "
                      "connected: {}",
                      config_.listeners[i].name, attached.error().message()));
      for (const Assigned& other : listeners_.sockets()) {
        if (other.listener == i) other.socket->take_off_filter();
      }
      filter = nullptr;
    }
  }
}

std::shared_ptr<const Serving> Supervisor::make_serving() const {
  auto serving = std::make_shared<Serving>();
  for (std::size_t i = 0; i < config_.listeners.size(); ++i) {
    serving->listeners.push_back(std::make_shared<const Listener>(
        Listener{config_.listeners[i].name, world_.routes[i], world_.doors[i], world_.tallies[i]}));
  }
  serving->sockets = listeners_.sockets();
  for (const auto& worker : workers_) serving->team.push_back(worker.get());
  serving->when_full = config_.process.when_full;
  return serving;
}

base::Result<void> Supervisor::make_workers(Problems& problems) {
  attach_filters(problems);
  const unsigned count = worker_count(config_);
  for (unsigned i = 0; i < count; ++i) {
    auto worker =
        Worker::create({i, slots_, buffers_per_worker(), pipes_per_worker(config_, descriptors_.limit),
                        base::Micros(config_.process.busy_poll), first_session_id(i),
                        warm_shares(config_, world_.pools, i, count)},
                       log_->add_worker());
    if (!worker) return base::failure(std::move(worker.error()));
    workers_.push_back(std::move(*worker));
  }
  const std::shared_ptr<const Serving> serving = make_serving();
  for (const auto& worker : workers_) worker->serve(serving);
  publisher_ = std::make_unique<Publisher>(*loop_, workers_, serving);
  service_manager_ = std::make_unique<ServiceManager>(*loop_, workers_);
  drain_ = std::make_unique<Drain>(
      *loop_,
      Drain::Parts{workers_, slots_, *log_, *publisher_, config_.process.drain_delay,
                   config_.process.drain_timeout, [this] { listeners_.remove_paths(); }},
      [this] { loop_->stop(); });
  auto watch = AccessWatch::create(*loop_, {config_, world_.doors, *publisher_, *log_, files_read_});
  if (!watch) return base::failure(std::move(watch.error()));
  access_watch_ = std::move(*watch);
  auto certificates = CertificateWatch::create(*loop_, {config_, world_.tls, *log_, files_read_});
  if (!certificates) return base::failure(std::move(certificates.error()));
  certificate_watch_ = std::move(*certificates);
  auto keeper =
      PoolKeeper::create(*loop_, {config_, world_.pools, workers_, *log_, health_checks_, port_watch_});
  if (!keeper) return base::failure(std::move(keeper.error()));
  pool_keeper_ = std::move(*keeper);
  auto names = NameKeeper::create(*loop_, {config_, world_.pools, world_.names, *log_});
  if (!names) return base::failure(std::move(names.error()));
  name_keeper_ = std::move(*names);
  refusals_ = std::make_unique<RefusalSummary>(
      *loop_, RefusalSummary::Parts{listener_names(config_), world_.tallies, workers_, *log_});
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
    if (auto started = worker->start(); !started) return started;
  }
  // Before anyone asks for the status: what the kernel says is in it from the first answer on.
  pressure_watch_.start();
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
  log_start({config_, world_, listeners_, descriptors_, workers_.size(),
             buffers_per_worker() * workers_.size(), *log_},
            admin);
  access_watch_->start();
  certificate_watch_->start();
  health_checks_.start();
  port_watch_.start();
  pool_keeper_->start();
  name_keeper_->start();
  refusals_->start();
  wake_acceptors();
  serving_.store(true, std::memory_order_release);
  service_manager_->ready(fmt::format("serving; listeners: {}, pools: {}, workers: {}",
                                      config_.listeners.size(), config_.pools.size(), workers_.size()));
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
    if (info.ssi_signo == SIGUSR1) {
      log_->event(LogLevel::kInfo, "signal",
                  log_->is_file() ? "the log is opened again" : "the log is no file: there is none to open",
                  fields);
      log_->reopen();
      continue;
    }
    log_->event(LogLevel::kInfo, "signal", "", fields);
    begin_stop();
  }
}

ProcessStatus Supervisor::read_status() const {
  ProcessStatus status = status_reader_.read();
  status.draining = draining_.load(std::memory_order_acquire);
  return status;
}

void Supervisor::begin_stop() {
  draining_.store(true, std::memory_order_release);
  service_manager_->stopping("stopping, when its sessions have ended");
  drain_->request();
}

}  // namespace weir::server
