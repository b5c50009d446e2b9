#include "server/cpus.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>

namespace weir::server {
namespace {

// The quota of this process's own control group, in processors; 0 when there is none.
double quota() {
  std::ifstream membership("/proc/self/cgroup");
  std::string line;
  while (std::getline(membership, line)) {
    if (!line.starts_with("0::/")) continue;
    std::ifstream file("/sys/fs/cgroup" + line.substr(3) + "/cpu.max");
    double most = 0;
    double period = 0;
    // Without a limit the first word is "max", which is no number.
    if (file >> most >> period && period > 0) return most / period;
  }
  return 0;
}

}  // namespace

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned cpus = ::sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
  if (const double most = quota(); most > 0) cpus = std::min(cpus, static_cast<unsigned>(std::ceil(most)));
  return std::max(cpus, 1u);
}

}  // namespace weir::server
