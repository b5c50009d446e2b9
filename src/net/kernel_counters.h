// The kernel's side of the door, as far as it tells: TCP's counters of this network namespace, the accept
// queue of one listening socket, and the settings that bound both. It only reads; what a number means for
// Weir is decided in admission/flood_watch (a flood, an overflow) and server/kernel_advice (a setting that
// makes the configuration untrue). No state; any thread, though /proc/net is that of the main thread's
// namespace whoever reads it. The counters are the namespace's, so other programs' listening sockets count in
// them too.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/local_ports.h"

namespace weir::net {

// Counted since the namespace began. Unset: this kernel has no such counter. What each one counts is said
// with the function of Linux 6 that does it (net/ipv4/tcp_input.c, tcp_ipv4.c, tcp_minisocks.c,
// syncookies.c).
struct KernelCounters {
  using Count = std::optional<std::uint64_t>;

  // tcp_conn_request, tcp_v4_syn_recv_sock: the accept queue was full. Either a SYN was dropped or the last
  // ACK of a handshake was; the client tries again after a second or more.
  Count listen_overflows;
  // tcp_listendrop: every SYN and last ACK that a listening socket dropped. It includes ListenOverflows and
  // TCPReqQFullDrop, and is the only one to count the SYNs that are dropped with cookies off because the SYN
  // queue is three quarters of tcp_max_syn_backlog long.
  Count listen_drops;
  // cookie_v4_init_sequence: SYNs answered with a cookie, so that nothing had to be kept.
  Count syncookies_sent;
  // cookie_v4_check: ACKs that brought a good cookie back: real clients.
  Count syncookies_received;
  // cookie_v4_check: ACKs for no connection with a bad cookie, while the socket had lately sent cookies: late
  // or invented ones, but also the rest of connections that ended.
  Count syncookies_failed;
  // tcp_syn_flood_action: the SYN queue was full and a cookie was due. With tcp_syncookies = 2: every SYN.
  Count request_queue_full_cookies;
  // tcp_syn_flood_action: the SYN queue was full, cookies are off and the SYN was dropped.
  Count request_queue_full_drops;
  // tcp_check_req: last ACKs without data that TCP_DEFER_ACCEPT left aside.
  Count defer_accept_drops;
  // tcp_try_fastopen: connections whose first bytes came with the SYN.
  Count fast_open_passive;
  // tcp_fastopen_queue_check: SYNs with data that the fast open queue had no place for.
  Count fast_open_overflows;

  bool operator==(const KernelCounters&) const = default;
};

// Takes what `text` (of /proc/net/netstat) holds: pairs of lines, the first naming the
// columns of the second. A column that is missing or no number leaves its counter alone, and so does a line
// that was cut off before its end.
void parse_kernel_counters(std::string_view text, KernelCounters& counters);

// Reads that file. Fails when it cannot be read. Takes 0.1 to 0.4 ms.
base::Result<KernelCounters> load_kernel_counters();

// Packets that the kernel dropped at this socket (SO_MEMINFO); wraps at 2^32. Nothing when it does not tell.
std::optional<std::uint32_t> socket_drops(int fd);

// Connections that wait to be accepted. The kernel lets `depth` reach `limit` + 1 (sk_acceptq_is_full).
struct AcceptQueue {
  unsigned depth = 0;
  unsigned limit = 0;       // the backlog, as cut by somaxconn
  std::uint32_t drops = 0;  // `socket_drops`, those of its packet filter among them

  bool operator==(const AcceptQueue&) const = default;
};

// Of a listening TCP socket (TCP_INFO, whose tcpi_unacked and tcpi_sacked mean this there:
// tcp_get_info). Nothing for unix sockets, which do not tell, and for sockets that do not listen.
std::optional<AcceptQueue> accept_queue(int listening_fd);

// Settings below /proc/sys/net, see tcp(7) and listen(2). Unset: the file is not there or cannot be read.
struct KernelSettings {
  std::optional<unsigned> somaxconn;            // core/somaxconn
  std::optional<unsigned> tcp_max_syn_backlog;  // ipv4/...
  std::optional<unsigned> tcp_syncookies;       // 0 never, 1 when the SYN queue is full, 2 always
  std::optional<unsigned> tcp_synack_retries;
  std::optional<unsigned> tcp_abort_on_overflow;
  std::optional<unsigned> tcp_fastopen;      // bits: 1 as client, 2 as server
  std::optional<LocalPorts> local_ports;     // ip_local_port_range, ip_local_reserved_ports
  std::optional<unsigned> tcp_tw_reuse;      // 0 never, 1 always, 2 on loopback
  std::optional<unsigned> nf_conntrack_max;  // netfilter/...; only where connections may be tracked

  bool operator==(const KernelSettings&) const = default;
};

// `folder` stands for /proc/sys/net in tests.
KernelSettings load_kernel_settings(const std::string& folder = "/proc/sys/net");

}  // namespace weir::net
