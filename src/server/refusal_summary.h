// Tells the log of refused clients, and of pauses in accepting: one line for each listener and reason in an
// interval, with their number and one of the clients, never one line a connection. On the control loop.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "net/watch.h"
#include "server/log_writer.h"
#include "server/worker_set.h"

namespace weir::server {

class RefusalSummary {
 public:
  struct Parts {
    std::vector<std::string> listeners;                   // names
    std::vector<std::shared_ptr<ListenerTally>> tallies;  // by listener
    const WorkerSet& workers;
    LogWriter& log;
  };

  RefusalSummary(net::EventLoop& loop, Parts parts);

  // Begins: what was refused before is not told.
  void start();

  // The listeners of another configuration, from now on.
  void change(std::vector<std::string> listeners, std::vector<std::shared_ptr<ListenerTally>> tallies);

  // Tells what has been refused since the last time, and begins a new interval.
  void tell();

 private:
  using Counts = std::array<std::uint64_t, admission::kRefusals>;
  struct Seen {
    Counts refused{};
    Counts would_refuse{};
    Counts paused{};
  };

  void on_interval();
  Seen count(std::size_t listener) const;
  void tell_of(std::size_t listener, const Counts& now, Counts& before, bool dry_run);
  void tell_of_pauses(std::size_t listener, const Counts& now, Counts& before);
  base::LogFields fields_of(std::size_t listener, admission::Refusal reason, std::uint64_t count) const;

  void begin();

  Parts parts_;
  std::vector<Seen> seen_;  // by listener
  base::TimePoint last_;
  std::chrono::system_clock::time_point last_time_;  // the same on the clock of the samples
  net::Timer timer_;
};

// The last refused clients of all workers, the newest first.
std::vector<admission::RefusalSample> newest_refusals(const WorkerSet& workers);

}  // namespace weir::server
