#include "server/predecessors.h"

#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace weir::server {

std::optional<std::uint64_t> process_began(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  // The second field is the name in brackets, which may hold anything.
  const std::size_t end_of_name = text.rfind(')');
  if (end_of_name == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(end_of_name + 1));
  std::string state;
  fields >> state;
  if (state == "Z" || state == "X") return std::nullopt;
  std::string skipped;
  for (int field = 4; field < 22; ++field) fields >> skipped;
  std::uint64_t began = 0;
  if (!(fields >> began)) return std::nullopt;
  return began;
}

void Predecessors::take(std::vector<PredecessorStatus> known) {
  const std::lock_guard lock(mutex_);
  known_ = std::move(known);
}

std::vector<PredecessorStatus> Predecessors::alive() const {
  const std::lock_guard lock(mutex_);
  std::erase_if(known_, [](const PredecessorStatus& one) { return process_began(one.pid) != one.began; });
  return known_;
}

}  // namespace weir::server
