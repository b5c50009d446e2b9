#include "support/clients.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::test {
namespace {

const base::Address& target_of(const WeirProcess& weir, const std::string& host) {
  const auto& addresses = weir.addresses();
  const int family = from(host).source->family();
  const auto same = std::find_if(addresses.begin(), addresses.end(),
                                 [&](const base::Address& address) { return address.family() == family; });
  return same == addresses.end() ? addresses.front() : *same;
}

}  // namespace

Socket::Options from(const std::string& host) {
  Socket::Options options;
  options.source = address_of(host.find(':') == std::string::npos ? host + ":0" : "[" + host + "]:0");
  return options;
}

Socket connect_from(const WeirProcess& weir, const std::string& host) {
  return Socket::connect(target_of(weir, host), from(host));
}

bool is_served(const base::Address& target, const std::string& host) {
  Socket client = Socket::connect(target, from(host));
  client.try_send("x");
  return client.receive(1).bytes == "x";
}

bool is_served(const WeirProcess& weir, const std::string& host) {
  return is_served(target_of(weir, host), host);
}

Ended how_refused(const base::Address& target, const std::string& host) {
  return Socket::connect(target, from(host)).receive_until_end().ended;
}

Ended how_refused(const WeirProcess& weir, const std::string& host) {
  return how_refused(target_of(weir, host), host);
}

Socket served_and_open(const WeirProcess& weir, const std::string& host) {
  Socket client = connect_from(weir, host);
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x") << host;
  return client;
}

std::uint64_t refused(const WeirProcess& weir, const std::string& reason) {
  return weir.admin().sum("weir_connections_refused_total", {{"reason", reason}});
}

}  // namespace weir::test
