// Network namespaces of a test's own: hosts that are linked by virtual Ethernet and that nobody outside sees.
// A namespace has no name; it goes with this object and the last socket or process in it, however the test
// ends. Needs root and iproute2 (`why_no_namespaces`). Addresses come from 198.18.0.0/15 (RFC 2544) and
// 2001:2::/48 (RFC 5180), which are set aside for such tests. What is wrong is thrown as a
// std::runtime_error.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace weir::test {

// Why this process cannot make one: for GTEST_SKIP() << "NOT CHECKED: " << ... Nothing when it can.
std::optional<std::string> why_no_namespaces();

class NetworkNamespace {
 public:
  // With its loopback up.
  NetworkNamespace();
  NetworkNamespace(NetworkNamespace&&) = default;
  NetworkNamespace& operator=(NetworkNamespace&&) = default;

  // The calling thread is in the namespace as long as this lives: sockets that it opens, threads and
  // processes that it starts are there, and stay there afterwards. May be nested. /proc/net is the main
  // thread's; another thread reads /proc/thread-self/net.
  class Inside {
   public:
    explicit Inside(const NetworkNamespace& where);
    ~Inside();
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    base::UniqueFd before_;
  };

  // Calls `work` inside and gives what it gives.
  template <class Work>
  decltype(auto) run(Work&& work) const {
    const Inside inside(*this);
    return std::forward<Work>(work)();
  }

  // Runs `ip ARGUMENTS` inside; throws with its words when it fails. The text goes through a shell.
  void ip(const std::string& arguments) const;

  // Sets a sysctl of the namespace: "net.ipv4.tcp_syncookies".
  void set(const std::string& sysctl, const std::string& value) const;

  int fd() const { return fd_.get(); }

 private:
  base::UniqueFd fd_;
};

// One end of a link: where it is, and the addresses with their lengths, "198.18.0.1/24". IPv6 ones can be
// used at once (nodad).
struct LinkEnd {
  const NetworkNamespace& where;
  std::vector<std::string> addresses;
};

// Joins two namespaces by a veth pair, up at both ends. Returns the name of the interface, the same at both
// ends and not used for another link of this process.
std::string link(const LinkEnd& a, const LinkEnd& b);

}  // namespace weir::test
