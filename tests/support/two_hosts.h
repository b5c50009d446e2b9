// Two hosts of a test's own, joined by a link: Weir's, where the test's thread is as long as this lives, and
// one of clients, which has every address of two large networks. See namespaces.h for what that needs.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "support/namespaces.h"

namespace weir::test {

// Weir's own addresses.
inline constexpr const char* kWeirHost = "198.18.0.1";
inline constexpr const char* kWeirHostV6 = "2001:2::1";
// The other end of the link, on the host of the clients.
inline constexpr const char* kOtherHost = "198.18.0.2";
inline constexpr const char* kOtherHostV6 = "2001:2::2";

class TwoHosts {
 public:
  TwoHosts();

  const NetworkNamespace& weir() const { return weir_; }
  const NetworkNamespace& clients() const { return clients_; }
  // The link's interface, on both hosts.
  const std::string& interface() const { return interface_; }

  // Calls `work` on the host of the clients and gives what it gives. A socket there may be bound to any
  // address of 198.19.0.0/16 and of 2001:2:0:8000::/49. Weir's admin door is on the other host.
  template <class Work>
  decltype(auto) as_clients(Work&& work) const {
    return clients_.run(std::forward<Work>(work));
  }

 private:
  const NetworkNamespace weir_;
  const NetworkNamespace clients_;
  std::string interface_;
  std::optional<NetworkNamespace::Inside> inside_;
};

// A test on two hosts; skipped aloud where there can be none.
class OnTwoHosts : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_namespaces()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    hosts_.emplace();
  }

  const TwoHosts& hosts() const { return *hosts_; }

  template <class Work>
  decltype(auto) as_clients(Work&& work) const {
    return hosts_->as_clients(std::forward<Work>(work));
  }

 private:
  std::optional<TwoHosts> hosts_;
};

}  // namespace weir::test
