#include "server/worker_set.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "base/assert.h"

namespace weir::server {
namespace {

constexpr unsigned kSessionIdWorkerBits = 8;
// As many as the configuration may ask for: there are never more, since those that have left come back.
constexpr std::size_t kMostNumbers = std::size_t{1} << kSessionIdWorkerBits;
constexpr std::uint64_t kRunMask = 0xffffff;

}  // namespace

WorkerSet::~WorkerSet() { stop(); }

base::Result<WorkerSet::List> WorkerSet::form(std::size_t count) {
  // Those of the team come first, and those that had left it are welcome back.
  const List known = all();
  List team(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(std::min(count, known.size())));
  std::set<std::size_t> taken;
  for (const auto& worker : known) taken.insert(worker->number());
  for (std::size_t number = 0; team.size() < count; ++number) {
    if (taken.contains(number)) continue;
    WEIR_ASSERT(number < kMostNumbers);
    auto worker = make(number);
    if (!worker) return base::failure(std::move(worker.error()));
    team.push_back(std::move(*worker));
  }
  return team;
}

base::Result<std::shared_ptr<Worker>> WorkerSet::make(std::size_t number) {
  session::RecordSink& sink = parts_.log.add_worker();
  auto worker = Worker::create({number, parts_.slots, first_session_id(number)}, sink);
  if (!worker) {
    parts_.log.remove_worker(sink);
    return base::failure(std::move(worker.error()));
  }
  return std::shared_ptr<Worker>(worker->release(), [&log = parts_.log, &sink](Worker* gone) {
    delete gone;
    log.remove_worker(sink);
  });
}

// No two workers and, as far as seconds tell them apart, no two runs share an id: number, time of start,
// count.
std::uint64_t WorkerSet::first_session_id(std::size_t number) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto seconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(now).count());
  std::uint64_t& last = runs_[number];
  last = std::max({last, least_run_, seconds - 1}) + 1;
  return (static_cast<std::uint64_t>(number) << (64 - kSessionIdWorkerBits)) | (last & kRunMask) << 32 | 1;
}

std::uint64_t WorkerSet::last_run() const {
  std::uint64_t last = least_run_;
  for (const auto& [number, run] : runs_) last = std::max(last, run);
  return last;
}

void WorkerSet::take(List team) {
  List retired;
  for (const auto& worker : all()) {
    if (std::find(team.begin(), team.end(), worker) == team.end()) retired.push_back(worker);
  }
  retired_ = std::move(retired);
  team_ = std::move(team);
  for (const auto& worker : retired_) worker->set_retired(true);
  for (const auto& worker : team_) worker->set_retired(false);
  publish();
}

void WorkerSet::publish() {
  List list = team_;
  list.insert(list.end(), retired_.begin(), retired_.end());
  // What ends with the old list, which goes when the lock is no longer held, may ask for the new one.
  const std::lock_guard lock(mutex_);
  all_.swap(list);
}

base::Result<void> WorkerSet::start() {
  for (const auto& worker : team_) {
    if (auto started = worker->start(); !started) return started;
  }
  return {};
}

bool WorkerSet::end_retired() {
  const auto ended = std::partition(retired_.begin(), retired_.end(),
                                    [](const auto& worker) { return !worker->is_empty(); });
  if (ended == retired_.end()) return !retired_.empty();
  const List gone(ended, retired_.end());
  for (const auto& worker : gone) worker->stop();
  retired_.erase(ended, retired_.end());
  publish();
  return !retired_.empty();
}

WorkerSet::List WorkerSet::all() const {
  const std::lock_guard lock(mutex_);
  return all_;
}

void WorkerSet::resume_accepting() const {
  for (const auto& worker : all()) worker->resume_accepting();
}

void WorkerSet::stop() const {
  for (const auto& worker : all()) worker->stop();
}

std::vector<std::size_t> numbers_of(const WorkerSet::List& workers) {
  std::vector<std::size_t> numbers;
  for (const auto& worker : workers) numbers.push_back(worker->number());
  return numbers;
}

}  // namespace weir::server
