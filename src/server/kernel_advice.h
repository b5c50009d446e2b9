// What the kernel's settings make of the configuration: one warning for each that would make a configured
// number untrue, with the exact `sysctl` line, and the sentence on accept queues for the start-up line. A
// pure function of both, so that every case can be tested without rights; server/preflight reads the settings
// and asks.
//
// What bounds the queues of a listening socket, Linux 4.4 to 6.18:
//
// The accept queue: `backlog` as cut by net.core.somaxconn (__sys_listen); sk_acceptq_is_full lets in one
// more.
//
// The SYN queue: the same number (inet_csk_reqsk_queue_is_full). When it is full tcp_conn_request sends
// cookies where tcp_syncookies = 1 and drops the SYN where it is 0; where it is 2 cookies are sent always and
// the queue stays empty. With 0, and only then, it also drops SYNs of clients that it has not met before
// (tcp_peer_is_proven) once less than a quarter of tcp_max_syn_backlog is left. With cookies on that setting
// is not looked at.
//
// Both hold for each listening socket, so workers multiply them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/problem.h"
#include "net/kernel_counters.h"

namespace weir::server {

// What a listener asks of the kernel.
struct ListenerDemands {
  std::string name;
  config::Place place;                              // of the listener
  config::Placed<std::optional<unsigned>> backlog;  // unset: as much as the kernel allows
  config::Placed<unsigned> fast_open;               // 0: off
  bool defers_accept = false;
  bool has_tcp = true;  // false: unix sockets only, which somaxconn bounds too, and nothing else here
};

// Adds a warning for each setting that stands against a demand, or against every TCP listener under pressure;
// the latter once, without a place. A setting that is not known is not warned of.
void advise(const net::KernelSettings& settings, const std::vector<ListenerDemands>& listeners,
            config::Problems& problems);

// The backlog that a listener really gets.
unsigned effective_backlog(const net::KernelSettings& settings, std::optional<unsigned> backlog);

// "accept queue 4096 on each of 2 sockets, 8192 in all"; "accept queue 4096" for a single one.
std::string describe_accept_queues(unsigned effective_backlog, unsigned sockets);

}  // namespace weir::server
