// A name as a source of backends: its A and AAAA records with one port, or its SRV records and the addresses
// of their targets. /etc/hosts and "localhost" come first, as with getaddrinfo(3). On the loop's thread; the
// loop, the channel and the hosts file outlive it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/name_lookup.h"
#include "discovery/source.h"
#include "net/dns_channel.h"
#include "net/families.h"
#include "net/hosts_file.h"
#include "net/watch.h"

namespace weir::discovery {

inline constexpr std::size_t kMaxEndpoints = 1'024;  // of one name; what is beyond is left out, with a note
inline constexpr std::size_t kMaxSrvTargets = 64;    // host names that one SRV answer leads to; likewise
inline constexpr std::chrono::seconds kHostsFileTtl{5};  // of what /etc/hosts says: looking is cheap

struct NameSpec {
  enum class Use { kAddresses, kServices };  // configuration: use = "a" or "srv"

  std::string name;        // "app.internal", or "_http._tcp.app.internal"
  std::uint16_t port = 0;  // of the addresses; services bring their own
  Use use = Use::kAddresses;
  net::Families families{};
};

class DnsSource final : public Source {
 public:
  // What a source stands on.
  struct Uses {
    net::EventLoop& loop;
    net::DnsChannel& channel;
    net::HostsFile& hosts;
    // What this host can reach: of a name that may have both families only that is asked for.
    net::Families (*host_families)() = net::host_families;
  };

  DnsSource(Uses uses, NameSpec spec, Receiver receiver);

  void ask() override;

 private:
  // One host name and what its addresses are; the name itself, or a target of SRV records.
  struct Host {
    std::string name;
    std::string target;                       // as in `DiscoveredEndpoint`
    std::vector<wire::DnsAddress> addresses;  // until its lookup ends, what came along with the records
    std::unique_ptr<NameLookup> lookup;       // none when the addresses were known

    bool has(int family) const;
  };
  struct Service {
    unsigned rank = 0;
    unsigned weight = 1;
    std::uint16_t port = 0;
    std::size_t host = 0;  // index
  };

  void on_progress() { soon_.start(base::Millis(0)); }
  void on_time();
  bool is_asking() const;

  void take_services(const NameLookup& lookup);
  void take_service_list(const wire::DnsAnswer& answer);
  std::vector<wire::DnsService> usable(std::vector<wire::DnsService> services);
  std::optional<std::size_t> host_of(const std::string& target, const wire::DnsAnswer& answer);

  // It has an address of each family that is wanted.
  bool has_every_family(const Host& host) const;

  void look_up(Host& host);
  void collect(Host& host);
  void collect_failed(Host& host);
  void add_address(Host& host, const wire::DnsAddress& address);
  Report build();
  void add_endpoints();
  void note(std::string words);
  std::vector<wire::DnsType> types() const;
  std::string quoted() const { return "\"" + spec_.name + "\""; }

  const Uses uses_;
  const NameSpec spec_;
  const Receiver receiver_;
  net::Timer soon_;
  net::Families families_;  // of the question that is out
  std::unique_ptr<NameLookup> services_lookup_;
  std::vector<Host> hosts_;
  std::vector<Service> services_;
  Answer answer_;
  std::optional<Failure> failure_;  // the report, unless there are endpoints
};

}  // namespace weir::discovery
