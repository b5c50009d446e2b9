#include "admin/process_views.h"

#include <string>

#include "base/version.h"

namespace weir::admin {

using metrics::FamilyType;
using metrics::TextFormat;
using server::WorkerStatus;

void process_facts_metrics(TextFormat& out, const server::ProcessFacts& facts) {
  out.family("weir_build_info", FamilyType::kGauge, "1, with the version as a label.");
  out.sample({{"version", base::version()}}, 1);
  if (facts.open_descriptors) {
    out.family("process_open_fds", FamilyType::kGauge, "Descriptors that are open.");
    out.sample(*facts.open_descriptors);
  }
  out.family("process_max_fds", FamilyType::kGauge, "The most descriptors that may be open.");
  out.sample(facts.most_descriptors);
  if (facts.resident_bytes) {
    out.family("process_resident_memory_bytes", FamilyType::kGauge,
               "Memory that is resident; what the kernel has for sockets is not among it.");
    out.sample(*facts.resident_bytes);
  }
  out.family("weir_process_memory_limit_bytes", FamilyType::kGauge,
             "Memory of the machine, or the limit of the control group when that is smaller.");
  out.sample(facts.memory_limit_bytes);
  out.family("process_cpu_seconds_total", FamilyType::kCounter,
             "Processor time of all threads, user and system.");
  out.seconds_sample({}, facts.processor_time);
  if (!facts.started) return;
  out.family("process_start_time_seconds", FamilyType::kGauge,
             "When the process was started, in seconds since 1970.");
  out.seconds_sample({}, *facts.started);
}

void worker_metrics(TextFormat& out, const std::vector<WorkerStatus>& workers) {
  const auto by_worker = [&](auto write) {
    for (const WorkerStatus& worker : workers) write(std::to_string(worker.number), worker);
  };
  out.family("weir_worker_sessions_open", FamilyType::kGauge, "Sessions that the worker serves now.");
  by_worker([&](const std::string& name, const auto& w) { out.sample({{"worker", name}}, w.open); });
  out.family("weir_worker_sessions_total", FamilyType::kCounter,
             "Sessions that the worker has served or serves.");
  by_worker([&](const std::string& name, const auto& w) { out.sample({{"worker", name}}, w.accepted); });
  out.family("weir_worker_retired", FamilyType::kGauge,
             "1 for a worker that a reload has left over: it keeps its sessions and is given no more.");
  by_worker([&](const std::string& name, const auto& w) { out.sample({{"worker", name}}, w.is_retired); });
  out.family(
      "weir_worker_turn_seconds", FamilyType::kHistogram,
      "How long the turns of the worker's loop took, which is how long what is ready waits at most; all "
      "of them together are the time that it was busy.");
  by_worker([&](const std::string& name, const auto& w) { out.histogram({{"worker", name}}, w.turns); });
  out.family("weir_worker_turn_age_seconds", FamilyType::kGauge,
             "How long the turn that is under way has lasted; 0 while the worker waits.");
  by_worker([&](const std::string& name, const auto& w) {
    out.seconds_sample({{"worker", name}}, w.turn_age);
  });
}

}  // namespace weir::admin
