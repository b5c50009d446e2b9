#include "capacity/weir_process.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <regex>
#include <sstream>
#include <thread>

namespace weir::capacity {
namespace {

constexpr base::Millis kStartPatience{10'000};
constexpr base::Millis kCountPatience{1'000};

std::string configuration(const std::vector<base::Address>& backends) {
  std::vector<std::string> quoted;
  for (const base::Address& backend : backends) quoted.push_back('"' + backend.to_string() + '"');
  return fmt::format(
      "[process]\nwhen_full = \"refuse\"\n[log]\nsessions = \"none\"\n[admin]\nbind = \"127.0.0.1:0\"\n"
      "[listeners.front]\nbind = \"127.0.0.1:0\"\npool = \"back\"\nidle_timeout = \"1h\"\n"
      "[pools.back]\nbackends = [{}]\n",
      fmt::join(quoted, ", "));
}

// A file without a name, which the started process reads by its number; it goes with the last who has it.
base::Result<base::UniqueFd> nameless_file(const std::string& text) {
  base::UniqueFd fd(::memfd_create("weir.toml", 0));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return base::failure(base::system_error("memfd_create", errno));
  }
  return fd;
}

base::Result<base::Address> address_in(const std::string& line, const std::string& pattern) {
  std::smatch found;
  if (!std::regex_search(line, found, std::regex(pattern))) {
    return base::failure({base::ErrorSide::kSystem, "not understood: " + line});
  }
  return base::parse_address(found[1].str());
}

std::string get_metrics(const base::Address& door) {
  const base::UniqueFd fd(::socket(door.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage storage;
  const socklen_t length = door.to_sockaddr(storage);
  const std::string request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return "";
  ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  std::array<char, 8192> piece{};
  for (ssize_t n = 0; (n = ::recv(fd.get(), piece.data(), piece.size(), 0)) > 0;) {
    answer.append(piece.data(), static_cast<std::size_t>(n));
  }
  return answer;
}

// Of refused connections and ended sessions, with how many: "backend_end 1".
std::string reasons_in(const std::string& metrics) {
  const std::regex wanted(
      R"re(weir_(?:connections_refused|sessions_closed)_total\{.*reason="(\w+)".*\} (\d+))re");
  std::vector<std::string> reasons;
  std::istringstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (std::regex_search(line, found, wanted) && found[2] != "0") {
      reasons.push_back(fmt::format("{} {}", found[1].str(), found[2].str()));
    }
  }
  return fmt::format("{}", fmt::join(reasons, ", "));
}

}  // namespace

base::Result<WeirProcess> WeirProcess::start(const std::string& binary,
                                             const std::vector<base::Address>& backends) {
  const auto file = nameless_file(configuration(backends));
  if (!file) return base::failure(file.error());
  auto child = Child::start({binary, "run", fmt::format("/proc/self/fd/{}", file->get())}, STDERR_FILENO);
  if (!child) return base::failure(child.error());
  std::string said;
  for (;;) {
    auto line = child->read_line(kStartPatience);
    if (!line)
      return base::failure(std::move(line.error()).with_context(binary + " does not start: " + said));
    said += *line + '\n';
    if (line->find(" ready ") == std::string::npos) continue;
    auto address = address_in(*line, "front=([0-9.:]+)");
    auto door = address_in(*line, "admin=([0-9.:]+)");
    if (!address || !door) return base::failure((address ? door : address).error());
    return WeirProcess(std::move(*child), std::move(*address), std::move(*door));
  }
}

std::string WeirProcess::what_gave() const {
  // What a client has seen of the end Weir may count a moment later, once the session is over on both sides.
  const auto until = std::chrono::steady_clock::now() + kCountPatience;
  for (;;) {
    std::string reasons = reasons_in(get_metrics(door_));
    if (!reasons.empty() || std::chrono::steady_clock::now() >= until) return reasons;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::uint64_t resident_bytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/statm", pid));
  std::uint64_t total = 0;
  std::uint64_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace weir::capacity
