#include "server/kernel_advice.h"

#include <fmt/format.h>

#include <algorithm>

namespace weir::server {

using config::add_warning;
using config::Problems;
using net::KernelSettings;

namespace {

// What the kernel starts with; more is seldom wanted (tcp(7), tcp_synack_retries).
constexpr unsigned kUsualSynackRetries = 5;
constexpr unsigned kFastOpenAsServer = 2;

void check_somaxconn(const KernelSettings& settings, const ListenerDemands& listener, Problems& problems) {
  if (!settings.somaxconn) return;
  const unsigned most = *settings.somaxconn;
  const auto& backlog = listener.backlog;
  if (backlog.value && *backlog.value > most) {
    add_warning(problems, backlog.place,
                fmt::format("listener \"{}\": the kernel cuts a backlog of {} to {}; `sysctl -w "
                            "net.core.somaxconn={}` allows it",
                            listener.name, *backlog.value, most, *backlog.value));
  }
  const auto& fast_open = listener.fast_open;
  if (fast_open.value > most) {
    add_warning(problems, fast_open.place,
                fmt::format("listener \"{}\": the kernel cuts a fast_open of {} to {}; `sysctl -w "
                            "net.core.somaxconn={}` allows it",
                            listener.name, fast_open.value, most, fast_open.value));
  }
}

void check_fast_open(const KernelSettings& settings, const ListenerDemands& listener, Problems& problems) {
  if (listener.fast_open.value == 0 || !settings.tcp_fastopen) return;
  const unsigned bits = *settings.tcp_fastopen;
  if ((bits & kFastOpenAsServer) != 0) return;
  add_warning(
      problems, listener.fast_open.place,
      fmt::format("listener \"{}\": fast_open does nothing while net.ipv4.tcp_fastopen = {} lacks bit 2 "
                  "(as server); `sysctl -w net.ipv4.tcp_fastopen={}` sets it",
                  listener.name, bits, bits | kFastOpenAsServer));
}

void check_cookies_always(const KernelSettings& settings, const ListenerDemands& listener,
                          Problems& problems) {
  if (settings.tcp_syncookies != 2u || (!listener.defers_accept && listener.fast_open.value == 0)) return;
  const std::string_view what = !listener.defers_accept         ? "fast_open does"
                                : listener.fast_open.value == 0 ? "defer_accept does"
                                                                : "defer_accept and fast_open do";
  add_warning(problems, listener.place,
              fmt::format("listener \"{}\": {} nothing while net.ipv4.tcp_syncookies = 2 answers every "
                          "handshake with a cookie; `sysctl -w net.ipv4.tcp_syncookies=1` keeps cookies for "
                          "floods",
                          listener.name, what));
}

void check_cookies_off(const KernelSettings& settings, unsigned largest_backlog, Problems& problems) {
  if (settings.tcp_syncookies != 0u) return;
  add_warning(
      problems, {},
      "net.ipv4.tcp_syncookies = 0: half-open connections that fill a queue (a SYN flood) lock honest "
      "clients out; `sysctl -w net.ipv4.tcp_syncookies=1` answers them without keeping anything");
  if (!settings.tcp_max_syn_backlog) return;
  const unsigned most = *settings.tcp_max_syn_backlog;
  const unsigned usable = most - most / 4;
  if (usable >= largest_backlog) return;
  const auto wanted = static_cast<unsigned>(std::uint64_t{largest_backlog - 1} * 4 / 3 + 1);
  add_warning(
      problems, {},
      fmt::format("net.ipv4.tcp_max_syn_backlog = {}: with syncookies off only {} handshakes with new "
                  "clients may be under way on a socket, fewer than the backlog of {}; `sysctl -w "
                  "net.ipv4.tcp_max_syn_backlog={}` allows as many",
                  most, usable, largest_backlog, wanted));
}

void check_abort(const KernelSettings& settings, Problems& problems) {
  if (settings.tcp_abort_on_overflow.value_or(0) == 0) return;
  add_warning(
      problems, {},
      "net.ipv4.tcp_abort_on_overflow = 1: clients who meet a full accept queue see a reset, where "
      "they would get through by trying again; `sysctl -w net.ipv4.tcp_abort_on_overflow=0` lets them");
}

void check_retries(const KernelSettings& settings, Problems& problems) {
  const unsigned retries = settings.tcp_synack_retries.value_or(0);
  if (retries <= kUsualSynackRetries) return;
  add_warning(
      problems, {},
      fmt::format("net.ipv4.tcp_synack_retries = {}: a half-open connection may keep its place in the "
                  "SYN queue for more than 2 minutes; `sysctl -w net.ipv4.tcp_synack_retries={}` "
                  "makes it about one",
                  retries, kUsualSynackRetries));
}

}  // namespace

unsigned effective_backlog(const KernelSettings& settings, std::optional<unsigned> backlog) {
  constexpr unsigned kUnknown = 4096;  // as net::somaxconn has it
  const unsigned most = settings.somaxconn.value_or(kUnknown);
  return std::min(backlog.value_or(most), most);
}

void advise(const KernelSettings& settings, const std::vector<ListenerDemands>& listeners,
            Problems& problems) {
  unsigned largest_backlog = 0;  // of a TCP listener
  for (const ListenerDemands& listener : listeners) {
    check_somaxconn(settings, listener, problems);
    if (!listener.has_tcp) continue;
    check_fast_open(settings, listener, problems);
    check_cookies_always(settings, listener, problems);
    largest_backlog = std::max(largest_backlog, effective_backlog(settings, listener.backlog.value));
  }
  if (largest_backlog == 0) return;
  check_cookies_off(settings, largest_backlog, problems);
  check_abort(settings, problems);
  check_retries(settings, problems);
}

std::string describe_accept_queues(unsigned effective_backlog, unsigned sockets) {
  if (sockets == 1) return fmt::format("accept queue {}", effective_backlog);
  return fmt::format("accept queue {} on each of {} sockets, {} in all", effective_backlog, sockets,
                     std::uint64_t{effective_backlog} * sockets);
}

}  // namespace weir::server
