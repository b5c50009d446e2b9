#include "net/tcp_facts.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

namespace weir::net {
namespace {

// include/net/tcp_states.h of the kernel, from 1.
constexpr std::array<std::string_view, 13> kStates{
    "unknown", "established", "syn_sent", "syn_received", "fin_wait_1", "fin_wait_2",      "time_wait",
    "close",   "close_wait",  "last_ack", "listen",       "closing",    "new_syn_received"};

}  // namespace

std::optional<TcpFacts> tcp_facts(int fd) {
  tcp_info info{};
  socklen_t length = sizeof(info);
  // A unix socket says EOPNOTSUPP.
  if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return std::nullopt;
  TcpFacts facts;
  facts.state = kStates[info.tcpi_state < kStates.size() ? info.tcpi_state : 0];
  facts.rtt = base::Micros(info.tcpi_rtt);
  facts.rtt_deviation = base::Micros(info.tcpi_rttvar);
  // What nothing has been measured for is all ones.
  facts.least_rtt = base::Micros(info.tcpi_min_rtt == ~__u32{0} ? 0 : info.tcpi_min_rtt);
  facts.bytes_acknowledged = info.tcpi_bytes_acked;
  facts.bytes_received = info.tcpi_bytes_received;
  facts.bytes_retransmitted = info.tcpi_bytes_retrans;
  facts.bytes_unsent = info.tcpi_notsent_bytes;
  facts.segments_unacknowledged = info.tcpi_unacked;
  facts.segments_retransmitted = info.tcpi_total_retrans;
  facts.congestion_window = info.tcpi_snd_cwnd;
  facts.send_segment = info.tcpi_snd_mss;
  facts.delivery_rate = info.tcpi_delivery_rate;
  facts.since_sent = base::Millis(info.tcpi_last_data_sent);
  facts.since_received = base::Millis(info.tcpi_last_data_recv);
  return facts;
}

}  // namespace weir::net
