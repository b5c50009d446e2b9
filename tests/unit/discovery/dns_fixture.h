// A loop, a name server of its own and a hosts file of its own: what the tests of discovery share.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "discovery/source.h"
#include "net/dns_channel.h"
#include "support/dns_server.h"
#include "unit/support.h"

namespace weir::test {

// "0 192.0.2.1:80 1 target": rank, address, weight and, for services, the target.
inline std::vector<std::string> texts(const std::vector<discovery::DiscoveredEndpoint>& endpoints) {
  std::vector<std::string> texts;
  for (const auto& endpoint : endpoints) {
    texts.push_back(std::to_string(endpoint.rank) + " " + endpoint.address.to_string() + " " +
                    std::to_string(endpoint.weight) + (endpoint.target.empty() ? "" : " " + endpoint.target));
  }
  return texts;
}

inline DnsServer::Answer answer_with_code(std::uint16_t rcode) {
  DnsServer::Answer answer;
  answer.rcode = rcode;
  return answer;
}

inline DnsServer::Answer silence() {
  DnsServer::Answer answer;
  answer.mood = DnsServer::Mood::kSilent;
  return answer;
}

inline net::Families both_families() { return {}; }

class DnsFixture : public ::testing::Test {
 protected:
  net::DnsChannelOptions dns_options() const {
    net::DnsChannelOptions options;
    options.servers = {server_.address()};
    options.attempt_timeout = base::Millis(100);
    options.query_timeout = base::Millis(300);
    return options;
  }
  std::string hosts_path() const { return folder_.file("hosts"); }
  void write_hosts(const std::string& text) const { std::ofstream(hosts_path()) << text; }

  std::unique_ptr<net::EventLoop> loop_ = make_loop();
  Driver driver_{*loop_};
  DnsServer server_;
  TempFolder folder_;
};

}  // namespace weir::test
