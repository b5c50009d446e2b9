// Where a pool's backends come from when they are not written down: a source that is asked and reports. A
// source knows neither when to ask (`NameState`) nor what was reported before (`NameWatch`). A kind of
// discovery is a class from this one.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"

namespace weir::discovery {

struct DiscoveredEndpoint {
  base::Address address;  // with its port
  unsigned weight = 1;    // at least 1
  unsigned rank = 0;      // 0: primary; 1 and up: backups, taken in this order
  std::string target;     // the host name that an SRV record gave; empty for an address of the name itself

  friend bool operator==(const DiscoveredEndpoint&, const DiscoveredEndpoint&) = default;
};

// A part that could not be asked for while the rest was answered: one family of one host. What was known of
// it before is not known to be wrong.
struct MissingPart {
  std::string target;  // as in `DiscoveredEndpoint`
  int family = 0;      // AF_INET, AF_INET6

  bool covers(const DiscoveredEndpoint& endpoint) const {
    return endpoint.target == target && endpoint.address.family() == family;
  }
  friend bool operator==(const MissingPart&, const MissingPart&) = default;
};

struct Answer {
  std::vector<DiscoveredEndpoint> endpoints;  // in the order of `sort_endpoints`, each address once
  std::chrono::seconds ttl{0};
  std::vector<MissingPart> missing;
  std::vector<std::string> notes;  // what was left out, and why, in words; why there is nothing
  bool is_refusal = false;         // the answer is in so many words that there is no such service
};

struct Failure {
  std::string reason;  // "the name \"x\" does not exist (NXDOMAIN)"
  bool no_such_name = false;
};

using Report = std::variant<Answer, Failure>;

class Source {
 public:
  // May destroy the source.
  using Receiver = std::function<void(Report)>;

  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  // Begins to ask; the receiver is called once, later, from the loop. A question that is still out is
  // dropped.
  virtual void ask() = 0;

 protected:
  Source() = default;
};

// By rank, then address (IPv4 first, by number), then port. Of an address that is there twice the first
// stays.
void sort_endpoints(std::vector<DiscoveredEndpoint>& endpoints);

}  // namespace weir::discovery
