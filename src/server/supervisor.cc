#include "server/supervisor.h"

#include <fmt/format.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/overloaded.h"
#include "net/privileges.h"
#include "net/resolver.h"
#include "server/admin_token.h"
#include "server/kernel_drop.h"
#include "server/socket_activation.h"
#include "server/start_log.h"
#include "server/state_transfer.h"

namespace weir::server {
namespace {

using base::LogFields;
using config::Problems;

// So long the start waits for names that have no backend yet.
constexpr base::Millis kFirstAnswers{2'000};
// Commands that may wait for the control loop: more than the admin door has clients.
constexpr std::size_t kMostAsked = 64;
// Looks over all sessions that may be under way.
constexpr unsigned kMostSurveys = 4;

void add_error(Problems& problems, const base::Error& error, const config::Place& place = {}) {
  config::add_error(problems, place, error.message());
}

base::UniqueFd take_signals() {
  // A peer that has gone shows as an error of the write.
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2}) sigaddset(&set, number);
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
  // Of a socket that is passed on the right need not be here.
  const auto keep_for = [&kept](const base::Address& bind) {
    kept.bind_service |= net::is_privileged(bind.port()) && net::may_bind(bind.port());
  };
  for (const auto& listener : config.listeners) {
    for (const auto& bind : listener.bind) keep_for(bind.value);
  }
  if (config.admin.bind) keep_for(config.admin.bind->value);
  return net::become(*user, kept);
}

}  // namespace

std::unique_ptr<Supervisor> Supervisor::prepare(config::Loaded loaded, const Options& options,
                                                Problems& problems) {
  const config::Config& config = loaded.config;
  net::OwnProgram program = net::own_program();
  const Inheritance* const inheritance = options.inheritance;
  const auto activated = inheritance == nullptr ? activated_sockets(config, problems) : std::nullopt;
  const ListenerSet* const handed = inheritance != nullptr ? &inheritance->listeners()
                                    : activated            ? &*activated
                                                           : nullptr;
  check_host(config, problems, handed);
  const DescriptorPlan plan = plan_for(config, raise_descriptor_limit(), options.other_descriptors, problems);
  if (config::has_error(problems)) return nullptr;
  // To make a filter needs a right that goes with the change of user.
  const auto filters = make_packet_filters(config, problems);
  if (const auto changed = change_user(config, needs_net_admin(filters)); !changed) {
    add_error(problems, changed.error(), config.process.user.place);
  }
  if (config::has_error(problems)) return nullptr;

  const auto files_read = std::chrono::system_clock::now();
  World world = build_world(config, net::resolve, problems, config::Severity::kWarning, kLongestAsking,
                            inheritance == nullptr ? KnownAnswers() : known_answers(inheritance->state()));
  world.doors =
      build_doors(config, filters,
                  inheritance == nullptr ? AdditionsByListener() : inheritance->state().additions, problems);
  // Not before: a resolver may take its time, and until here a signal simply ends the process.
  base::UniqueFd signals = take_signals();
  std::string token = load_admin_token(config.admin, problems);
  auto log = LogWriter::open(config.log);
  if (!log) add_error(problems, log.error(), config.log.output.place);
  if (log && inheritance != nullptr) go_on_from(inheritance->state(), config, **log);
  auto loop = net::EventLoop::create();
  if (!loop) add_error(problems, loop.error());
  if (config::has_error(problems)) return nullptr;
  auto mailbox = net::Mailbox<Asked>::create(**loop, kMostAsked);
  if (!mailbox) add_error(problems, mailbox.error());
  if (config::has_error(problems)) return nullptr;
  if (options.open_first) options.open_first(problems);
  ListenerSet listeners = ListenerSet::open(config, first_workers(worker_count(config)), problems, handed);
  refuse_unix_loops(config, listeners, problems);
  if (config::has_error(problems)) return nullptr;
  const auto running = std::make_shared<Running>(Running{std::move(loaded.config), std::move(loaded.settings),
                                                         std::move(world), std::move(listeners), plan,
                                                         files_read, std::move(token)});
  put_filters(*running, problems);
  std::unique_ptr<Supervisor> supervisor(
      new Supervisor({running, std::move(*log), std::move(*loop), std::move(*mailbox), std::move(signals),
                      std::move(program), options}));
  if (const auto opened = supervisor->open_parts(); !opened) {
    add_error(problems, opened.error());
    return nullptr;
  }
  loaded.secrets.hide(problems);
  for (const auto& problem : problems) {
    tell_problem(*supervisor->log_, LogLevel::kWarning, problem);
  }
  // Clients that come meanwhile wait in the accept queues.
  supervisor->name_keeper_->await_answers(kFirstAnswers);
  return supervisor;
}

Supervisor::Supervisor(Prepared&& prepared)
    : options_(std::move(prepared.options)),
      running_(std::move(prepared.running)),
      log_(std::move(prepared.log)),
      loop_(std::move(prepared.loop)),
      mailbox_(std::move(prepared.mailbox)),
      signals_(std::move(prepared.signals)),
      program_(std::move(prepared.program)),
      slots_(running_->descriptors.max_connections, [this] { workers_.resume_accepting(); }),
      workers_({slots_, *log_}),
      health_checks_(*loop_, {running_->config, running_->world.pools, *log_}),
      port_watch_(*loop_, {running_->world.pools, *log_}),
      pressure_watch_(*loop_, {listener_names(running_->config), running_->listeners, *log_}),
      status_reader_({[this] { return running(); }, slots_, workers_, *log_, pressure_watch_, name_keeper_,
                      port_watch_}) {
  settle_timer_.bind<&Supervisor::put_in_force_when_settled>(*loop_, this);
  begin_timer_.bind<&Supervisor::begin_reload>(*loop_, this);
  clear_timer_.bind<&Supervisor::clear_away>(*loop_, this);
  upgrade_timer_.bind<&Supervisor::begin_upgrade>(*loop_, this);
  if (options_.inheritance != nullptr) predecessors_.take(options_.inheritance->state().processes);
}

Supervisor::~Supervisor() { workers_.stop(); }

std::shared_ptr<const Running> Supervisor::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

std::shared_ptr<Serving> Supervisor::make_serving(const Running& running) const {
  auto serving = std::make_shared<Serving>();
  const config::Config& config = running.config;
  const World& world = running.world;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    serving->listeners.push_back(std::make_shared<const Listener>(
        Listener{config.listeners[i].name, world.routes[i], world.doors[i], world.tallies[i]}));
  }
  serving->sockets = running.listeners.sockets();
  const WorkerSet::List& team = workers_.team();
  for (std::size_t i = 0; i < team.size(); ++i) {
    serving->team.push_back(team[i].get());
    serving->warm[team[i]->number()] = warm_shares(config, world.pools, i, team.size());
  }
  serving->buffers_each = buffers_per_worker(running.descriptors, team.size());
  serving->pipes_each = pipes_per_worker(config, running.descriptors.limit);
  serving->busy_poll = base::Micros(config.process.busy_poll);
  serving->when_full = config.process.when_full;
  return serving;
}

base::Result<void> Supervisor::open_parts() {
  const Running& running = *running_;
  const Inheritance* const inheritance = options_.inheritance;
  const HandedState state = inheritance == nullptr ? HandedState() : inheritance->state();
  workers_.run_after(state.run);
  auto team = workers_.form(worker_count(running.config));
  if (!team) return base::failure(std::move(team.error()));
  workers_.take(std::move(*team));
  const std::shared_ptr<const Serving> serving = make_serving(running);
  for (const auto& worker : workers_.team()) worker->serve(serving);
  publisher_ = std::make_unique<Publisher>(*loop_, workers_, serving);
  service_manager_ = std::make_unique<ServiceManager>(*loop_, workers_);
  drain_ = std::make_unique<Drain>(*loop_,
                                   Drain::Parts{workers_, slots_, *log_, *publisher_,
                                                [this] { return running_->config.process.drain_delay; },
                                                [this] { return running_->config.process.drain_timeout; },
                                                [this] { running_->listeners.remove_paths(); }},
                                   [this] { loop_->stop(); });
  auto watch = AccessWatch::create(
      *loop_, {running.config, running.world.doors, *publisher_, *log_, running.files_read, state.additions});
  if (!watch) return base::failure(std::move(watch.error()));
  access_watch_ = std::move(*watch);
  auto certificates =
      CertificateWatch::create(*loop_, {running.config, running.world.tls, *log_, running.files_read});
  if (!certificates) return base::failure(std::move(certificates.error()));
  certificate_watch_ = std::move(*certificates);
  auto keeper = PoolKeeper::create(
      *loop_, {running.config, running.world.pools, workers_, *log_, health_checks_, port_watch_});
  if (!keeper) return base::failure(std::move(keeper.error()));
  pool_keeper_ = std::move(*keeper);
  auto names = NameKeeper::create(*loop_, {running.config, running.world.pools, running.world.names, *log_,
                                           PoolAlterations(state.alterations), &running.listeners});
  if (!names) return base::failure(std::move(names.error()));
  name_keeper_ = std::move(*names);
  // Not before the pools have those whom operators have added.
  if (inheritance != nullptr) {
    go_on_from(state, inheritance->tickets(), running.config, running.world, base::precise_now());
  }
  refusals_ = std::make_unique<RefusalSummary>(
      *loop_, RefusalSummary::Parts{listener_names(running.config), running.world.tallies, workers_, *log_});
  auto reloader = Reloader::create(
      *loop_,
      [this] {
        return prepare_next(options_.load(), {*this->running(), access_watch_->additions(), workers_,
                                              options_.other_descriptors,
                                              [this] { return draining_.load(std::memory_order_relaxed); }});
      },
      [this](Next&& next, base::Millis took) { reload_made(std::move(next), took); });
  if (!reloader) return base::failure(std::move(reloader.error()));
  reloader_ = std::move(*reloader);
  auto upgrader =
      Upgrader::create(*loop_, program_, [this](Upgrader::Outcome&& made) { upgrade_made(std::move(made)); });
  if (!upgrader) return base::failure(std::move(upgrader.error()));
  upgrader_ = std::move(*upgrader);
  desk_ = std::make_unique<CommandDesk>(
      CommandDesk::Parts{[this] { return this->running(); },
                         [this](session::SurveyRequest request, session::Survey::Done done) {
                           return survey(std::move(request), std::move(done));
                         },
                         *log_, *name_keeper_, *access_watch_});
  return {};
}

base::Result<void> Supervisor::start() {
  if (auto started = log_->start(); !started) return started;
  if (auto started = workers_.start(); !started) return started;
  // Before anyone asks for the status: what the kernel says is in it from the first answer on.
  pressure_watch_.start();
  return {};
}

std::string Supervisor::serving_in_words() const {
  return fmt::format("serving; listeners: {}, pools: {}, workers: {}", running_->config.listeners.size(),
                     running_->config.pools.size(), workers_.team().size());
}

Outcome Supervisor::run(const std::optional<base::Address>& admin) {
  mailbox_->open([this](Asked&& asked) { carry_out(std::move(asked)); });
  signal_watch_.bind<&Supervisor::on_signal>(*loop_, signals_.get(), this);
  WEIR_ASSERT(signal_watch_.want(net::Interest::kRead));
  const std::size_t workers = workers_.team().size();
  log_start({running_->config, running_->world, running_->listeners, running_->descriptors, workers,
             buffers_per_worker(running_->descriptors, workers) * workers, *log_},
            admin);
  access_watch_->start();
  certificate_watch_->start();
  health_checks_.start();
  port_watch_.start();
  pool_keeper_->start();
  name_keeper_->start();
  refusals_->start();
  take_what_was_handed_over();
  workers_.resume_accepting();
  say_ready();
  loop_->run();
  is_over_.store(true, std::memory_order_release);
  forget_reloads("not read again: Weir is stopping");
  upgrader_.reset();
  // What is being read now is not to be put in force any more. One question to a name server may be waited
  // for.
  reloader_.reset();
  workers_.stop();
  refusals_->tell();
  LogFields fields;
  fields.text("outcome", drain_->forced() ? "forced" : "clean");
  log_->event(LogLevel::kInfo, "stopped",
              drain_->forced() ? "some sessions were cut" : "every session had ended", fields);
  log_->stop();
  return drain_->forced() ? Outcome::kForced : Outcome::kClean;
}

void Supervisor::request_stop() {
  take(StopCommand{}, [](CommandAnswer&&) {});
}

void Supervisor::take(Command command, CommandDone done) {
  if (is_over_.load(std::memory_order_acquire)) {
    return done({CommandResult::kStopping, "Weir is stopping", {}});
  }
  if (mailbox_->post({std::move(command), done})) return;
  done({CommandResult::kBusy, "too many commands wait: ask again", {}});
}

bool Supervisor::survey(session::SurveyRequest request, session::Survey::Done done) {
  if (surveys_.fetch_add(1) >= kMostSurveys) {
    --surveys_;
    return false;
  }
  const auto survey = std::make_shared<session::Survey>(
      std::move(request), [this, done = std::move(done)](session::SurveyParts&& parts) {
        --surveys_;
        done(std::move(parts));
      });
  for (const auto& worker : workers_.all()) {
    if (!worker->post(TakePart{survey})) survey->leave_out();
  }
  return true;
}

void Supervisor::carry_out(const ReloadCommand&, const CommandDone& done) {
  log_->event(LogLevel::kInfo, "command", "the configuration is to be read again");
  request_reload(done);
}

void Supervisor::carry_out(const UpgradeCommand&, const CommandDone& done) {
  log_->event(LogLevel::kInfo, "command", "a new process is to take over");
  request_upgrade([done](const UpgradeResult& result) {
    done({result.is_done ? CommandResult::kDone : CommandResult::kRefused, result.message, {}});
  });
}

void Supervisor::carry_out(const StopCommand&, const CommandDone& done) {
  log_->event(LogLevel::kInfo, "command", "Weir is to stop");
  begin_stop();
  done({});
}

void Supervisor::carry_out(Asked&& asked) {
  const CommandDone& done = asked.done;
  // The sessions are here still; all else is for the process that serves.
  if (successor_ != 0 && !std::holds_alternative<CloseSessionCommand>(asked.command)) {
    return done({CommandResult::kBusy, has_taken_over(), {}});
  }
  std::visit(
      base::Overloaded{[&](const ReloadCommand& command) { carry_out(command, done); },
                       [&](const StopCommand& command) { carry_out(command, done); },
                       [&](const UpgradeCommand& command) { carry_out(command, done); },
                       [&](const CloseSessionCommand& command) { desk_->carry_out(command, done); },
                       [&](const auto& command) {
                         // What would change now is not in what the new process is told.
                         if (is_upgrading_) {
                           return done({CommandResult::kBusy, "an upgrade is under way: ask again", {}});
                         }
                         desk_->carry_out(command, done);
                       }},
      asked.command);
}

void Supervisor::on_signal(net::Ready) {
  signalfd_siginfo info{};
  while (::read(signals_.get(), &info, sizeof(info)) == static_cast<ssize_t>(sizeof(info))) {
    LogFields fields;
    const char* name = ::sigabbrev_np(static_cast<int>(info.ssi_signo));
    fields.text("name", name != nullptr ? "SIG" + std::string(name) : std::to_string(info.ssi_signo));
    if (info.ssi_signo == SIGHUP && options_.load) {
      log_->event(LogLevel::kInfo, "signal", "the configuration is read again", fields);
      request_reload({});
      continue;
    }
    if (info.ssi_signo == SIGUSR1) {
      log_->event(LogLevel::kInfo, "signal",
                  log_->is_file() ? "the log is opened again" : "the log is no file: there is none to open",
                  fields);
      log_->reopen();
      continue;
    }
    if (info.ssi_signo == SIGUSR2) {
      log_->event(LogLevel::kInfo, "signal", "a new process is to take over", fields);
      request_upgrade({});
      continue;
    }
    log_->event(LogLevel::kInfo, "signal", "", fields);
    begin_stop();
  }
}

ProcessStatus Supervisor::read_status() const {
  ProcessStatus status = status_reader_.read();
  status.draining = is_draining();
  status.predecessors = predecessors_.alive();
  return status;
}

// Who still asks a process that has handed over how the service is hears of the one that serves.
bool Supervisor::is_draining() const {
  return draining_.load(std::memory_order_acquire) && !is_retired_.load(std::memory_order_acquire);
}

std::vector<config::Setting> Supervisor::read_settings() const { return running()->settings; }

void Supervisor::begin_stop() {
  if (is_upgrading_) {
    // One that has begun is not stopped half-way.
    stop_wanted_ = true;
    return upgrader_->give_up();
  }
  draining_.store(true, std::memory_order_release);
  service_manager_->stopping("stopping, when its sessions have ended");
  drain_->request();
}

}  // namespace weir::server
