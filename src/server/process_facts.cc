#include "server/process_facts.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "server/host.h"
#include "server/predecessors.h"

namespace weir::server {
namespace {

constexpr const char* kDescriptors = "/proc/self/fd";

// Since Linux 6.2 the folder's size is their number. Before that they are counted one by one, the one that
// this takes left out.
std::optional<std::uint64_t> count_descriptors() {
  struct stat folder {};
  if (::stat(kDescriptors, &folder) != 0) return std::nullopt;
  if (folder.st_size > 0) return static_cast<std::uint64_t>(folder.st_size);
  std::error_code failed;
  std::uint64_t count = 0;
  for (std::filesystem::directory_iterator at(kDescriptors, failed), end; !failed && at != end;
       at.increment(failed)) {
    ++count;
  }
  if (failed || count == 0) return std::nullopt;
  return count - 1;
}

std::uint64_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::optional<std::uint64_t> resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  if (!(file >> all >> resident)) return std::nullopt;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

base::Micros time_of(clockid_t clock) {
  timespec t{};
  ::clock_gettime(clock, &t);
  return std::chrono::duration_cast<base::Micros>(std::chrono::seconds(t.tv_sec) +
                                                  std::chrono::nanoseconds(t.tv_nsec));
}

// The kernel counts it from the machine's start.
std::optional<base::Micros> find_start() {
  const auto ticks = process_began(::getpid());
  if (!ticks) return std::nullopt;
  const base::Micros since_boot(static_cast<std::int64_t>(*ticks) * 1'000'000 / ::sysconf(_SC_CLK_TCK));
  return time_of(CLOCK_REALTIME) - time_of(CLOCK_BOOTTIME) + since_boot;
}

}  // namespace

ProcessFacts read_process_facts() {
  // Once: clocks that are set meanwhile must not look like another start.
  static const std::optional<base::Micros> kStarted = find_start();
  ProcessFacts facts;
  facts.open_descriptors = count_descriptors();
  facts.most_descriptors = descriptor_limit();
  facts.resident_bytes = resident_bytes();
  facts.memory_limit_bytes = usable_memory();
  facts.processor_time = time_of(CLOCK_PROCESS_CPUTIME_ID);
  facts.started = kStarted;
  return facts;
}

}  // namespace weir::server
