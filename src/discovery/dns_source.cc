#include "discovery/dns_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace weir::discovery {
namespace {

using std::chrono::seconds;
using wire::DnsAnswer;
using wire::DnsService;
using wire::DnsType;
using State = NameLookup::State;

constexpr std::size_t kMaxNotes = 8;

}  // namespace

DnsSource::DnsSource(Uses uses, NameSpec spec, Receiver receiver)
    : uses_(uses), spec_(std::move(spec)), receiver_(std::move(receiver)) {
  soon_.bind<&DnsSource::on_time>(uses_.loop, this);
}

void DnsSource::ask() {
  soon_.stop();
  hosts_.clear();
  services_.clear();
  services_lookup_.reset();
  answer_ = {};
  answer_.ttl = seconds::max();
  failure_.reset();
  families_ = spec_.families.both() ? uses_.host_families() : spec_.families;
  if (spec_.use == NameSpec::Use::kServices) {
    services_lookup_ = std::make_unique<NameLookup>(uses_.channel, spec_.name, std::vector{DnsType::kSrv},
                                                    [this] { on_progress(); });
    services_lookup_->start();
  } else {
    hosts_.push_back({spec_.name, "", {}, nullptr});
    services_.push_back({0, 1, spec_.port, 0});
    look_up(hosts_.front());
  }
  // What is known without a question is reported from the loop all the same.
  if (!is_asking()) on_progress();
}

bool DnsSource::is_asking() const {
  const auto asking = [](const std::unique_ptr<NameLookup>& lookup) {
    return lookup != nullptr && lookup->state() == State::kAsking;
  };
  return asking(services_lookup_) ||
         std::any_of(hosts_.begin(), hosts_.end(), [&](const Host& host) { return asking(host.lookup); });
}

void DnsSource::on_time() {
  if (services_lookup_ != nullptr && services_lookup_->state() != State::kAsking) {
    const auto lookup = std::move(services_lookup_);
    take_services(*lookup);
  }
  if (is_asking()) return;
  const Receiver receiver = receiver_;
  Report report = build();
  receiver(std::move(report));  // may destroy this source
}

void DnsSource::take_services(const NameLookup& lookup) {
  switch (lookup.state()) {
    case State::kFound:
      take_service_list(*lookup.answers().front());
      break;
    case State::kEmpty:
      note(fmt::format("the name {} has no SRV record", quoted()));
      break;
    case State::kNoName:
      failure_ = Failure{fmt::format("the name {} does not exist (NXDOMAIN)", quoted()), true};
      break;
    default:
      failure_ = Failure{fmt::format("the name {} does not resolve: {}", quoted(), lookup.reason())};
  }
}

void DnsSource::take_service_list(const DnsAnswer& answer) {
  for (const DnsService& service : answer.services) answer_.ttl = std::min(answer_.ttl, service.ttl);
  // RFC 2782: a single record with the root as its target.
  if (answer.services.size() == 1 && answer.services.front().target.empty()) {
    answer_.is_refusal = true;
    return note(fmt::format("the name {} says that there is no such service (SRV target \".\")", quoted()));
  }
  std::optional<std::uint16_t> priority;
  unsigned rank = 0;
  for (const DnsService& service : usable(answer.services)) {
    if (services_.size() == kMaxEndpoints) {
      note(fmt::format("the name {} has more than {} SRV records: the rest is left out", quoted(),
                       kMaxEndpoints));
      break;
    }
    if (priority && *priority != service.priority) ++rank;
    priority = service.priority;
    // Weight 0 is a share that is very small, but one: RFC 2782, "Weight".
    const unsigned weight = std::max<unsigned>(service.weight, 1);
    if (const auto host = host_of(service.target, answer))
      services_.push_back({rank, weight, service.port, *host});
  }
  for (Host& host : hosts_) {
    // A server adds what it has at hand and what has room: that one family is not there says nothing.
    if (!has_every_family(host)) look_up(host);
  }
}

bool DnsSource::has_every_family(const Host& host) const {
  return !host.addresses.empty() && (!families_.ipv4 || host.has(AF_INET)) &&
         (!families_.ipv6 || host.has(AF_INET6));
}

bool DnsSource::Host::has(int family) const {
  return std::any_of(addresses.begin(), addresses.end(),
                     [family](const auto& one) { return one.address.family() == family; });
}

// In an order of their own, so that the same records give the same backends however a server turns them
// round.
std::vector<DnsService> DnsSource::usable(std::vector<DnsService> services) {
  std::erase_if(services, [&](const DnsService& service) {
    if (service.target.empty()) {
      note(fmt::format("an SRV record of {} has the target \".\" beside others: left out", quoted()));
    } else if (service.port == 0) {
      std::string words = fmt::format("the SRV record of {} for \"{}\" has port 0", quoted(), service.target);
      if (!failure_) failure_ = Failure{words};
      note(words + ": left out");
    }
    return service.target.empty() || service.port == 0;
  });
  std::sort(services.begin(), services.end(), [](const DnsService& a, const DnsService& b) {
    return std::tie(a.priority, a.target, a.port, b.weight) <
           std::tie(b.priority, b.target, b.port, a.weight);
  });
  return services;
}

std::optional<std::size_t> DnsSource::host_of(const std::string& target, const DnsAnswer& answer) {
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    if (wire::is_same_dns_name(hosts_[i].target, target)) return i;
  }
  if (hosts_.size() == kMaxSrvTargets) {
    note(fmt::format("the SRV records of {} lead to more than {} hosts: the rest is left out", quoted(),
                     kMaxSrvTargets));
    return std::nullopt;
  }
  // A whole name: the search list is not for targets.
  hosts_.push_back({target + ".", target, {}, nullptr});
  for (const wire::DnsAddress& address : answer.additional) {
    if (wire::is_same_dns_name(address.name, target)) add_address(hosts_.back(), address);
  }
  return hosts_.size() - 1;
}

std::vector<DnsType> DnsSource::types() const {
  std::vector<DnsType> types;
  if (families_.ipv4) types.push_back(DnsType::kA);
  if (families_.ipv6) types.push_back(DnsType::kAaaa);
  return types;
}

void DnsSource::look_up(Host& host) {
  if (const auto known = uses_.hosts.find(host.name, families_)) {
    host.addresses.clear();
    for (const base::Address& address : *known) add_address(host, {host.name, address, kHostsFileTtl});
    return;
  }
  host.lookup = std::make_unique<NameLookup>(uses_.channel, host.name, types(), [this] { on_progress(); });
  host.lookup->start();
}

void DnsSource::add_address(Host& host, const wire::DnsAddress& address) {
  wire::DnsAddress plain{address.name, address.address.unmapped(), address.ttl};
  if (!families_.want(plain.address)) return;
  // To connect to it would mean this host itself.
  if (plain.address.is_wildcard()) {
    return note(
        fmt::format("the name {} has the address {}: left out", quoted(), plain.address.ip_to_string()));
  }
  answer_.ttl = std::min(answer_.ttl, plain.ttl);
  host.addresses.push_back(std::move(plain));
}

void DnsSource::collect(Host& host) {
  const std::string kind = host.target.empty() ? "name" : "SRV target";
  const std::string& name = host.target.empty() ? spec_.name : host.target;
  const bool has_some = !host.addresses.empty();
  switch (host.lookup->state()) {
    case State::kFound:
      // What came along stays where there is nothing better.
      std::erase_if(host.addresses, [failed = host.lookup->failed_types()](const auto& one) {
        const DnsType type = one.address.family() == AF_INET ? DnsType::kA : DnsType::kAaaa;
        return std::find(failed.begin(), failed.end(), type) == failed.end();
      });
      for (const DnsAnswer* answer : host.lookup->answers()) {
        for (const wire::DnsAddress& address : answer->addresses) add_address(host, address);
      }
      break;
    case State::kEmpty:
      if (has_some) return;
      return note(fmt::format("the {} \"{}\" has no address", kind, name));
    case State::kNoName: {
      if (has_some) return;
      std::string words = fmt::format("the {} \"{}\" does not exist (NXDOMAIN)", kind, name);
      if (host.target.empty()) failure_ = Failure{words, true};
      return note(std::move(words));
    }
    default: {
      std::string words =
          fmt::format("the {} \"{}\" does not resolve: {}", kind, name, host.lookup->reason());
      failure_ = Failure{words};
      note(std::move(words));
    }
  }
  collect_failed(host);
}

void DnsSource::collect_failed(Host& host) {
  for (const DnsType type : host.lookup->failed_types()) {
    const int family = type == DnsType::kA ? AF_INET : AF_INET6;
    if (host.has(family)) continue;
    answer_.missing.push_back({host.target, family});
    if (host.lookup->state() != State::kFound) continue;
    note(fmt::format("{} records of \"{}\" could not be asked for: {}", wire::to_string(type),
                     host.target.empty() ? spec_.name : host.target, host.lookup->reason()));
  }
}

// Records times addresses may be millions, from one answer that fits into a packet of TCP: no more are made
// than make sure that enough remain when what is there twice is gone.
void DnsSource::add_endpoints() {
  std::vector<std::vector<DiscoveredEndpoint>> of_host(hosts_.size());
  for (std::size_t i = 0; i < hosts_.size(); ++i) {
    for (const wire::DnsAddress& one : hosts_[i].addresses)
      of_host[i].push_back({one.address, 1, 0, hosts_[i].target});
    sort_endpoints(of_host[i]);
  }
  std::vector<DiscoveredEndpoint>& all = answer_.endpoints;
  for (const Service& service : services_) {
    for (const DiscoveredEndpoint& one : of_host[service.host])
      all.push_back({one.address.with_port(service.port), service.weight, service.rank, one.target});
    if (all.size() > kMaxEndpoints) sort_endpoints(all);
    if (all.size() > kMaxEndpoints) break;
  }
  sort_endpoints(all);
  if (all.size() <= kMaxEndpoints) return;
  note(fmt::format("the name {} has more than {} addresses: the first {} are used", quoted(), kMaxEndpoints,
                   kMaxEndpoints));
  all.resize(kMaxEndpoints);
}

Report DnsSource::build() {
  for (Host& host : hosts_) {
    if (host.lookup != nullptr) collect(host);
  }
  add_endpoints();
  if (answer_.endpoints.empty() && failure_) return *std::move(failure_);
  if (answer_.ttl == seconds::max()) answer_.ttl = seconds(0);
  return std::move(answer_);
}

void DnsSource::note(std::string words) {
  if (answer_.notes.size() < kMaxNotes) answer_.notes.push_back(std::move(words));
}

}  // namespace weir::discovery
