#include "support/two_hosts.h"

#include <string>

namespace weir::test {
namespace {

constexpr const char* kClients = "198.19.0.0/16";
constexpr const char* kClientsV6 = "2001:2:0:8000::/49";

}  // namespace

TwoHosts::TwoHosts() {
  // Without it the link-local addresses, which ask for neighbours, are of no use for the first second.
  for (const NetworkNamespace* host : {&weir_, &clients_}) {
    host->set("net.ipv6.conf.all.accept_dad", "0");
    host->set("net.ipv6.conf.default.accept_dad", "0");
  }
  interface_ = link({weir_, {std::string(kWeirHost) + "/24", std::string(kWeirHostV6) + "/64"}},
                    {clients_, {"198.18.0.2/24", "2001:2::2/64"}});
  weir_.ip("route add " + std::string(kClients) + " via 198.18.0.2");
  weir_.ip("-6 route add " + std::string(kClientsV6) + " via 2001:2::2");
  // A route of this kind makes a whole network the host's own. IPv6 asks for more before one may bind.
  clients_.ip("route add local " + std::string(kClients) + " dev lo");
  clients_.ip("-6 route add local " + std::string(kClientsV6) + " dev lo");
  clients_.set("net.ipv6.ip_nonlocal_bind", "1");
  inside_.emplace(weir_);
}

}  // namespace weir::test
