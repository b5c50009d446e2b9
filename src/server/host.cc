#include "server/host.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace weir::server {
namespace {

// The files called `name` of this process's control group and of those it lies in: a limit of any of them
// holds.
std::vector<std::string> control_group_files(const std::string& name) {
  std::ifstream membership("/proc/self/cgroup");
  std::vector<std::string> files;
  std::string line;
  while (std::getline(membership, line)) {
    if (!line.starts_with("0::/")) continue;
    for (std::filesystem::path group = line.substr(3);; group = group.parent_path()) {
      files.push_back("/sys/fs/cgroup" + (group / name).string());
      if (group == group.root_path()) break;
    }
  }
  return files;
}

}  // namespace

unsigned usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  unsigned cpus = ::sched_getaffinity(0, sizeof(set), &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set))
                                                                 : std::thread::hardware_concurrency();
  for (const std::string& name : control_group_files("cpu.max")) {
    std::ifstream file(name);
    double most = 0;
    double period = 0;
    // Without a limit the first word is "max", which is no number.
    if (file >> most >> period && period > 0)
      cpus = std::min(cpus, static_cast<unsigned>(std::ceil(most / period)));
  }
  return std::max(cpus, 1u);
}

std::uint64_t usable_memory() {
  std::uint64_t bytes = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const std::string& name : control_group_files("memory.max")) {
    std::ifstream file(name);
    std::uint64_t most = 0;
    if (file >> most) bytes = std::min(bytes, most);
  }
  return bytes;
}

}  // namespace weir::server
