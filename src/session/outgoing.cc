#include "session/outgoing.h"

#include <cerrno>
#include <utility>

namespace weir::session {
namespace {

using base::Address;
using net::Connecting;

bool has_begun(const Connecting& connecting) {
  return connecting.error == 0 || connecting.error == EINPROGRESS;
}

Outgoing start_as_client(const Address& target, const Address& client, const pool::BackendWay& way,
                         const net::TcpOptions& options) {
  const std::shared_ptr<pool::PortCounters>& counters = way.sources.all().front();
  net::ConnectFrom from;
  from.source = client.unmapped().with_port(0);
  from.transparent = true;
  from.interface = way.origin->interface;
  if (from.source->family() != target.family()) {
    return {{base::UniqueFd(), EAFNOSUPPORT, net::ConnectStep::kSource}, {}};
  }
  Outgoing outgoing{net::start_connect(target, options, from), {}};
  if (has_begun(outgoing.connecting)) outgoing.port = pool::PortHold(counters);
  if (outgoing.connecting.out_of_ports()) counters->found_dry(base::coarse_now());
  return outgoing;
}

// Of one host: no multicast and no broadcast, and no wildcard, which would be this one.
bool is_of_one_host(const Address& address) {
  if (address.is_wildcard()) return false;
  if (address.family() == AF_INET6) return !IN6_IS_ADDR_MULTICAST(&address.ipv6_host());
  const std::uint32_t ip = ntohl(address.ipv4_host().s_addr);
  return ip >> 24 != 0 && !IN_MULTICAST(ip) && !IN_BADCLASS(ip);
}

// Whether a connection to `target` can come from a client's address, which may only be what a proxy has said
// of it. Loopback stays within this host, where all may have one address.
bool may_come_from(const Address& client, const Address& target) {
  if (client.family() != target.family() || !is_of_one_host(client)) return false;
  return target.is_loopback() || (!client.is_loopback() && client.with_port(0) != target.with_port(0));
}

}  // namespace

Outgoing start_in_turn(const Address& target, pool::SourceTurn& turn, const std::string& interface,
                       const net::TcpOptions& options) {
  const base::TimePoint now = base::coarse_now();
  pool::SourceTurn::Order order = turn.order(now);
  // What it is when none is asked, since all are in their pause.
  Outgoing outgoing{{base::UniqueFd(), EADDRNOTAVAIL}, {}};
  net::ConnectFrom from;
  from.interface = interface;
  while (const std::shared_ptr<pool::PortCounters>* counters = order.next()) {
    from.source = (*counters)->source();
    outgoing.connecting = net::start_connect(target, options, from);
    if (outgoing.connecting.out_of_ports()) {
      (*counters)->found_dry(now);
    } else if (outgoing.connecting.not_our_address()) {
      (*counters)->found_missing();
    } else {
      if (has_begun(outgoing.connecting)) outgoing.port = pool::PortHold(*counters);
      return outgoing;
    }
  }
  order.came_to_nothing();
  return outgoing;
}

bool is_within_reach(const pool::Backend& backend, const Address& client) {
  const Address& target = backend.identity().address;
  return !backend.way().is_transparent() || !client.is_ip() || !target.is_ip() ||
         may_come_from(client.unmapped(), target.unmapped());
}

Outgoing start_outgoing(pool::Backend& backend, const Address& client, const net::TcpOptions& options) {
  const Address& address = backend.identity().address;
  if (!address.is_ip()) return {net::start_connect(address, options), {}};
  // An IPv4 address that is written as IPv6 is reached from IPv4 ones.
  const Address target = address.unmapped();
  const pool::BackendWay& way = backend.way();
  if (way.is_transparent() && client.is_ip()) return start_as_client(target, client, way, options);
  static const std::string kAnyInterface;
  return start_in_turn(target, way.sources, way.origin == nullptr ? kAnyInterface : way.origin->interface,
                       options);
}

}  // namespace weir::session
