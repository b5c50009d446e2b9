#include "support/process_facts.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string_view>

namespace weir::test {
namespace {

std::string proc(pid_t pid, const std::string& file) { return "/proc/" + std::to_string(pid) + "/" + file; }

// What follows "KEY:" in a file of such lines.
std::string keyed_line(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with(key + ":")) continue;
    const std::size_t start = line.find_first_not_of(" \t", key.size() + 1);
    return start == std::string::npos ? "" : line.substr(start);
  }
  return "";
}

}  // namespace

Millis cpu_time(pid_t pid) {
  std::ifstream file(proc(pid, "stat"));
  std::string text{std::istreambuf_iterator<char>(file), {}};
  // The program's name, in brackets, may hold anything: fields are counted from behind it.
  std::istringstream fields(text.substr(text.rfind(')') + 1));
  std::string skipped;
  for (int i = 3; i <= 13; ++i) fields >> skipped;
  long user = 0;
  long system = 0;
  if (!(fields >> user >> system)) throw std::runtime_error("no processor time of " + std::to_string(pid));
  return Millis((user + system) * 1000 / ::sysconf(_SC_CLK_TCK));
}

std::uint64_t resident_bytes(pid_t pid) {
  const std::string line = keyed_line(proc(pid, "smaps_rollup"), "Rss");
  if (line.empty()) throw std::runtime_error("no memory figures of " + std::to_string(pid));
  return std::stoull(line) * 1024;
}

std::map<pid_t, std::uint64_t> times_slept(pid_t pid) {
  std::map<pid_t, std::uint64_t> times;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "task"))) {
    const std::string line = keyed_line(entry.path() / "status", "voluntary_ctxt_switches");
    if (!line.empty()) times[std::stoi(entry.path().filename())] = std::stoull(line);
  }
  return times;
}

std::size_t descriptor_count(pid_t pid) {
  const std::filesystem::directory_iterator entries(proc(pid, "fd"));
  return static_cast<std::size_t>(std::distance(begin(entries), end(entries)));
}

std::size_t pipe_end_count(pid_t pid) {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"))) {
    std::error_code gone;
    count += std::filesystem::read_symlink(entry, gone).string().starts_with("pipe:") ? 1 : 0;
  }
  return count;
}

std::set<std::string> listening_sockets(std::uint16_t port) {
  char wanted[8];
  std::snprintf(wanted, sizeof(wanted), ":%04X", port);
  std::set<std::string> inodes;
  std::ifstream table("/proc/self/net/tcp");
  for (std::string line; std::getline(table, line);) {
    // Number, local and remote address, state, and six more before the inode (proc(5)).
    std::istringstream fields(line);
    std::string field[10];
    for (std::string& one : field) fields >> one;
    constexpr const char* kListens = "0A";
    if (field[3] == kListens && field[1].ends_with(wanted)) inodes.insert(field[9]);
  }
  return inodes;
}

bool has_one_of(pid_t pid, const std::set<std::string>& sockets) {
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"), gone)) {
    const std::string target = std::filesystem::read_symlink(entry, gone).string();
    constexpr std::string_view kSocket = "socket:[";
    if (!target.starts_with(kSocket)) continue;
    if (sockets.contains(target.substr(kSocket.size(), target.size() - kSocket.size() - 1))) return true;
  }
  return false;
}

std::uint64_t descriptor_limit_leaving(pid_t pid, std::size_t free) {
  std::set<std::uint64_t> used;
  for (const auto& entry : std::filesystem::directory_iterator(proc(pid, "fd"))) {
    used.insert(std::stoull(entry.path().filename()));
  }
  std::uint64_t limit = 0;
  // A limit is about the numbers, and the lowest free one is given out.
  while (free > 0) free -= used.contains(limit++) ? 0 : 1;
  return limit;
}

bool has_right(int right) {
  return (std::stoull(status_field(::getpid(), "CapEff"), nullptr, 16) >> right & 1) != 0;
}

std::optional<std::string> why_too_few_descriptors(std::uint64_t needed) {
  rlimit own{};
  if (::getrlimit(RLIMIT_NOFILE, &own) != 0) return "the limit of descriptors cannot be read";
  if (own.rlim_max < needed) {
    return "the hard limit of descriptors is " + std::to_string(own.rlim_max) + "; this needs " +
           std::to_string(needed);
  }
  own.rlim_cur = own.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &own) != 0) return "the limit of descriptors cannot be raised";
  return std::nullopt;
}

std::string status_field(pid_t pid, const std::string& key) { return keyed_line(proc(pid, "status"), key); }

}  // namespace weir::test
