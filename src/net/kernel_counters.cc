#include "net/kernel_counters.h"

#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "base/unique_fd.h"

namespace weir::net {

using base::failure;
using base::Result;

namespace {

constexpr std::string_view kProtocol = "TcpExt:";

struct Column {
  std::string_view name;
  KernelCounters::Count KernelCounters::*counter;
};

constexpr Column kColumns[] = {
    {"ListenOverflows", &KernelCounters::listen_overflows},
    {"ListenDrops", &KernelCounters::listen_drops},
    {"SyncookiesSent", &KernelCounters::syncookies_sent},
    {"SyncookiesRecv", &KernelCounters::syncookies_received},
    {"SyncookiesFailed", &KernelCounters::syncookies_failed},
    {"TCPReqQFullDoCookies", &KernelCounters::request_queue_full_cookies},
    {"TCPReqQFullDrop", &KernelCounters::request_queue_full_drops},
    {"TCPDeferAcceptDrop", &KernelCounters::defer_accept_drops},
    {"TCPFastOpenPassive", &KernelCounters::fast_open_passive},
    {"TCPFastOpenListenOverflow", &KernelCounters::fast_open_overflows},
};

// Takes the next line off `text`, without its end; false when no whole line is left.
bool take_line(std::string_view& text, std::string_view& line) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

// Takes the next word off `line`; empty when there is none.
std::string_view take_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(begin);
  const std::size_t end = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  return word;
}

void parse_pair(std::string_view names, std::string_view values, KernelCounters& counters) {
  for (std::string_view name = take_word(names); !name.empty(); name = take_word(names)) {
    const std::string_view text = take_word(values);
    for (const Column& column : kColumns) {
      if (column.name != name) continue;
      std::uint64_t value = 0;
      const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
      if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) {
        counters.*column.counter = value;
      }
    }
  }
}

std::optional<unsigned> load_number(const std::string& path) {
  std::ifstream file(path);
  unsigned value = 0;
  return file >> value ? std::optional(value) : std::nullopt;
}

}  // namespace

void parse_kernel_counters(std::string_view text, KernelCounters& counters) {
  std::string_view names;
  std::string_view values;
  std::string_view protocol;
  while (take_line(text, values)) {
    std::string_view rest = values;
    const std::string_view word = take_word(rest);
    if (!protocol.empty() && word == protocol) {
      if (protocol == kProtocol) parse_pair(names, rest, counters);
      protocol = {};
    } else {
      protocol = word;
      names = rest;
    }
  }
}

// What fits; the parser leaves a line that was cut off alone.
Result<KernelCounters> load_kernel_counters() {
  const std::string path = "/proc/net/netstat";
  const base::UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return failure(base::system_error("open " + path, errno));
  std::array<char, 16'384> buffer;
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const ssize_t n = ::read(file.get(), buffer.data() + filled, buffer.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure(base::system_error("read " + path, errno));
    if (n == 0) break;
    filled += static_cast<std::size_t>(n);
  }
  KernelCounters counters;
  parse_kernel_counters({buffer.data(), filled}, counters);
  return counters;
}

std::optional<std::uint32_t> socket_drops(int fd) {
  std::array<std::uint32_t, SK_MEMINFO_VARS> facts{};
  socklen_t length = sizeof(facts);
  if (::getsockopt(fd, SOL_SOCKET, SO_MEMINFO, facts.data(), &length) != 0) return std::nullopt;
  return facts[SK_MEMINFO_DROPS];
}

std::optional<AcceptQueue> accept_queue(int listening_fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  if (::getsockopt(listening_fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 ||
      info.tcpi_state != TCP_LISTEN) {
    return std::nullopt;
  }
  return AcceptQueue{info.tcpi_unacked, info.tcpi_sacked, socket_drops(listening_fd).value_or(0)};
}

KernelSettings load_kernel_settings(const std::string& folder) {
  const auto ipv4 = [&](const char* name) { return load_number(folder + "/ipv4/" + name); };
  KernelSettings settings;
  settings.somaxconn = load_number(folder + "/core/somaxconn");
  settings.tcp_max_syn_backlog = ipv4("tcp_max_syn_backlog");
  settings.tcp_syncookies = ipv4("tcp_syncookies");
  settings.tcp_synack_retries = ipv4("tcp_synack_retries");
  settings.tcp_abort_on_overflow = ipv4("tcp_abort_on_overflow");
  settings.tcp_fastopen = ipv4("tcp_fastopen");
  settings.local_ports = load_local_ports(folder);
  settings.tcp_tw_reuse = ipv4("tcp_tw_reuse");
  settings.nf_conntrack_max = load_number(folder + "/netfilter/nf_conntrack_max");
  return settings;
}

}  // namespace weir::net
