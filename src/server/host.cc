#include "server/host.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace weir::server {
namespace {

// A file of this process's own control group; one that cannot be opened when there is no such group or file.
std::ifstream control_group_file(const std::string& name) {
  std::ifstream membership("/proc/self/cgroup");
  std::string line;
  while (std::getline(membership, line)) {
    if (line.starts_with("0::/")) return std::ifstream("/sys/fs/cgroup" + line.substr(3) + "/" + name);
  }
  return {};
}

}  // namespace

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned cpus = ::sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
  std::ifstream file = control_group_file("cpu.max");
  double most = 0;
  double period = 0;
  // Without a limit the first word is "max", which is no number.
  if (file >> most >> period && period > 0)
    cpus = std::min(cpus, static_cast<unsigned>(std::ceil(most / period)));
  return std::max(cpus, 1u);
}

std::uint64_t usable_memory() {
  std::uint64_t bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::ifstream file = control_group_file("memory.max");
  std::uint64_t most = 0;
  if (file >> most) bytes = std::min(bytes, most);
  return bytes;
}

}  // namespace weir::server
