// What the tests of the packet filter share: rules as text, and clients that connect from an address of their
// choice and say what they met.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/address.h"
#include "net/packet_filter.h"
#include "net/socket.h"
#include "unit/support.h"

namespace weir::test {

// "10.0.0.0/8", "2001:db8::/32".
inline net::PacketRule packet_rule(std::string_view prefix, bool deny) {
  const std::size_t slash = prefix.find('/');
  const std::string address(prefix.substr(0, slash));
  net::PacketRule rule;
  rule.family = address.find(':') == std::string::npos ? AF_INET : AF_INET6;
  rule.length = static_cast<std::uint8_t>(std::stoi(std::string(prefix.substr(slash + 1))));
  rule.deny = deny;
  EXPECT_EQ(::inet_pton(rule.family, address.c_str(), rule.bytes.data()), 1) << prefix;
  return rule;
}
inline net::PacketRule allow(std::string_view prefix) { return packet_rule(prefix, false); }
inline net::PacketRule deny(std::string_view prefix) { return packet_rule(prefix, true); }

inline net::PacketRules allow_but(std::initializer_list<net::PacketRule> rules) { return {rules, false}; }
inline net::PacketRules deny_but(std::initializer_list<net::PacketRule> rules) { return {rules, true}; }

inline base::Address ip_address(const std::string& text) {
  return *base::parse_address(text.find(':') == std::string::npos ? text + ":0" : "[" + text + "]:0");
}

inline Listening listen_at(const std::string& ip, bool v6only = true) {
  net::ListenOptions options;
  options.backlog = 64;
  options.v6only = v6only;
  auto fd = net::listen_on(ip_address(ip), options);
  EXPECT_TRUE(fd.has_value()) << fd.error().message();
  const base::Address address = *net::local_address(fd->get());
  return {std::move(*fd), address};
}

// One connect from `source` to `target`. Non-blocking and never retried by anything but the kernel's SYNs.
inline base::UniqueFd dial(const std::string& source, const base::Address& target) {
  base::UniqueFd fd(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  // The same address for many sockets, with ports chosen at the connect (ip(7)).
  const int yes = 1;
  ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
  sockaddr_storage storage;
  socklen_t length = ip_address(source).to_sockaddr(storage);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), length), 0) << source << ": " << errno;
  length = target.to_sockaddr(storage);
  const int result = ::connect(fd.get(), reinterpret_cast<sockaddr*>(&storage), length);
  EXPECT_TRUE(result == 0 || errno == EINPROGRESS) << source << ": " << errno;
  return fd;
}

inline tcp_info tcp_facts(int fd) {
  tcp_info facts{};
  socklen_t length = sizeof(facts);
  EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &facts, &length), 0);
  return facts;
}

// Whether a connect has met nothing so far: its SYN is out, and neither an answer nor an error has come.
inline bool meets_silence(const base::UniqueFd& client) {
  return tcp_facts(client.get()).tcpi_state == TCP_SYN_SENT &&
         !wait_for(client.get(), POLLIN | POLLOUT, base::Millis(0));
}

inline bool is_connected(const base::UniqueFd& client) {
  return wait_for(client.get(), POLLOUT) && net::take_error(client.get()) == 0 &&
         tcp_facts(client.get()).tcpi_state == TCP_ESTABLISHED;
}

// How many SYNs a client has sent that has met silence.
inline std::uint64_t syns_sent(const base::UniqueFd& client) {
  return std::uint64_t{1} + tcp_facts(client.get()).tcpi_total_retrans;
}

// Takes what waits in the accept queue and ends it with a reset, so that no packet of it comes later.
inline void empty_queue(int listening) {
  while (true) {
    base::UniqueFd taken{::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!taken) return;
    net::PacketFilter::detach_accepted(taken.get());
    net::abort_connection(taken);
  }
}

// Connects and says whether that was let in, which the count of dropped packets must bear out: none, or every
// SYN of the client, which sends it again each second. Waits for either the connection or a packet more that
// was dropped.
// `exactly` false: others may be dropped at the socket meanwhile.
inline bool is_let_in(const net::PacketFilter& filter, const std::string& source, const base::Address& target,
                      bool exactly = true) {
  const std::uint64_t before = filter.dropped();
  const base::UniqueFd client = dial(source, target);
  const bool told = eventually(
      [&] { return wait_for(client.get(), POLLOUT, base::Millis(0)) || filter.dropped() != before; });
  EXPECT_TRUE(told) << source << " was neither let in nor counted";
  if (meets_silence(client)) {
    const auto is_counted = [&] {
      const std::uint64_t more = filter.dropped() - before;
      return exactly ? more == syns_sent(client) : more >= syns_sent(client);
    };
    EXPECT_TRUE(eventually(is_counted)) << source << ": " << filter.dropped() - before;
    return false;
  }
  EXPECT_TRUE(is_connected(client)) << source;
  if (exactly) {
    EXPECT_EQ(filter.dropped(), before) << source;
  }
  return true;
}

inline bool is_let_in(const net::PacketFilter& filter, const std::string& source, const Listening& listening,
                      bool exactly = true) {
  const bool let_in = is_let_in(filter, source, listening.address, exactly);
  empty_queue(listening.fd.get());
  return let_in;
}

}  // namespace weir::test
