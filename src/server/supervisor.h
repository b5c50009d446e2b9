// The process's life: prepare everything that can fail, then start the threads, say that Weir is ready, and
// serve until told to stop. Its loop is the control thread, which is the thread that calls `run`.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "config/model.h"
#include "config/problem.h"
#include "net/mailbox.h"
#include "server/access_watch.h"
#include "server/certificate_watch.h"
#include "server/drain.h"
#include "server/listener_set.h"
#include "server/log_writer.h"
#include "server/name_keeper.h"
#include "server/pool_keeper.h"
#include "server/port_watch.h"
#include "server/preflight.h"
#include "server/pressure_watch.h"
#include "server/publisher.h"
#include "server/refusal_summary.h"
#include "server/service_manager.h"
#include "server/status.h"
#include "server/status_reader.h"
#include "server/worker.h"
#include "server/world.h"

namespace weir::server {

// How a run ended.
enum class Outcome {
  kClean,   // every session had ended by itself
  kForced,  // some were cut
};

class Supervisor final : public StatusSource {
 public:
  // What a lost terminal means (SIGHUP): a service stays, a demonstration ends.
  enum class OnHangup { kStay, kStop };

  struct Options {
    unsigned other_descriptors = 0;  // see DescriptorNeeds::others
    OnHangup on_hangup = OnHangup::kStay;
    // Opens what else must be open before clients can come in: after the change of user, before the
    // listeners.
    std::function<void(config::Problems&)> open_first;
  };

  // Checks the host, changes the user, resolves names, opens the log and every listening socket. Starts no
  // thread. With an error among `problems` the result is empty, and nothing stays open. Blocks the signals it
  // will serve.
  static std::unique_ptr<Supervisor> prepare(const config::Config& config, const Options& options,
                                             config::Problems& problems);
  ~Supervisor();
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  // Starts the threads, which accept nothing yet. When the system refuses one, nothing has happened: the
  // error says so, and this object is only good for being destroyed. Once.
  base::Result<void> start();

  // Begins to accept, says "ready" (with `admin` as the admin door's address, when there is one) and serves
  // until a signal or `request_stop`. Once, after `start`.
  Outcome run(const std::optional<base::Address>& admin);

  // As SIGTERM does: the first drains, the second cuts. Any thread.
  void request_stop();

  // The real addresses of each listener.
  const std::vector<std::vector<base::Address>>& addresses() const { return listeners_.addresses(); }

  ProcessStatus read_status() const override;

  // Whether threads run and the listeners accept. Any thread.
  bool serving() const { return serving_.load(std::memory_order_acquire); }

 private:
  struct Stop {};
  struct Prepared {
    config::Config config;
    World world;
    ListenerSet listeners;
    DescriptorPlan descriptors;
    std::unique_ptr<LogWriter> log;
    std::unique_ptr<net::EventLoop> loop;
    std::unique_ptr<net::Mailbox<Stop>> mailbox;
    base::UniqueFd signals;
    OnHangup on_hangup = OnHangup::kStay;
    std::chrono::system_clock::time_point files_read;
  };

  explicit Supervisor(Prepared&& prepared);
  void attach_filters(config::Problems& problems);
  std::shared_ptr<const Serving> make_serving() const;
  base::Result<void> make_workers(config::Problems& problems);
  void stop_workers();
  void on_signal(net::Ready);
  std::size_t buffers_per_worker() const;
  void begin_stop();
  void wake_acceptors();

  const config::Config config_;
  World world_;
  ListenerSet listeners_;
  const DescriptorPlan descriptors_;
  const std::unique_ptr<LogWriter> log_;
  const std::unique_ptr<net::EventLoop> loop_;
  const std::unique_ptr<net::Mailbox<Stop>> mailbox_;
  const base::UniqueFd signals_;
  const OnHangup on_hangup_;
  const std::chrono::system_clock::time_point files_read_;
  net::Watch signal_watch_;
  admission::ConnectionSlots slots_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::unique_ptr<Publisher> publisher_;
  std::unique_ptr<ServiceManager> service_manager_;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<AccessWatch> access_watch_;
  std::unique_ptr<CertificateWatch> certificate_watch_;
  std::unique_ptr<RefusalSummary> refusals_;
  HealthChecks health_checks_;
  PortWatch port_watch_;
  std::unique_ptr<PoolKeeper> pool_keeper_;
  std::unique_ptr<NameKeeper> name_keeper_;
  PressureWatch pressure_watch_;
  StatusReader status_reader_;
  std::atomic<bool> draining_{false};
  std::atomic<bool> serving_{false};
};

}  // namespace weir::server
