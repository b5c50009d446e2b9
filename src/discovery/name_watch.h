// Keeps names true: asks for each when its rules say so (`NameState`), keeps the last good answer, and tells
// its owner when the set of endpoints has become another one, when a name begins to fail and when it is well
// again. Knows nothing of pools. Lives on the control thread's loop; the loop outlives it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/dns_source.h"
#include "discovery/name_state.h"
#include "discovery/source.h"
#include "net/dns_channel.h"
#include "net/hosts_file.h"
#include "net/watch.h"

namespace weir::discovery {

struct NameWatchOptions {
  net::DnsChannelOptions dns;
  std::string hosts_file = "/etc/hosts";
  std::uint64_t seed = 0;  // of the jitter
  net::Families (*host_families)() = net::host_families;
};

// What its owner is told of one name. The callbacks come from the loop, never from within a call of
// `NameWatch`; they may add and remove names (the one that is told of, too), and must not destroy the watch.
// Each may be empty.
struct NameCallbacks {
  // The set differs from the last one that was told; before the first it is what was found by other ways, or
  // empty.
  std::function<void(const std::vector<DiscoveredEndpoint>&)> changed;
  // Questions fail, or the answer is empty while the last one is held; once until `recovered`, and again when
  // the words change.
  std::function<void(const std::string& reason)> failed;
  // There is a good answer again.
  std::function<void()> recovered;
  // An answer has left something out: a family that failed, a record with port 0. Once until the words
  // change.
  std::function<void(const std::string& note)> noted;
};

struct NameStatus {
  std::vector<DiscoveredEndpoint> endpoints;   // what is in force
  std::optional<base::TimePoint> last_answer;  // nothing: there has been none yet
  base::Millis ttl{0};                         // of that
  base::TimePoint next_question;
  bool is_asking = false;
  std::string last_error;          // empty: the last question was answered well
  std::vector<std::string> notes;  // of the last answer
  std::uint64_t questions = 0;     // asked so far
  std::uint64_t failures = 0;      // of them
};

class NameWatch {
 public:
  using Id = std::uint64_t;

  // Fails when the resolver cannot start.
  static base::Result<std::unique_ptr<NameWatch>> create(net::EventLoop& loop, NameWatchOptions options);
  ~NameWatch();
  NameWatch(const NameWatch&) = delete;
  NameWatch& operator=(const NameWatch&) = delete;

  // Watches a name; it is asked for at once. `found` is what its owner knows of it already, by other ways: it
  // is in force until an answer differs, or until it counts no longer (`NameState::found`). In the order of
  // `sort_endpoints`. Ids are never used again. Two names that are alike are two.
  Id add(NameSpec spec, NameRules rules, NameCallbacks callbacks, std::vector<DiscoveredEndpoint> found = {});

  // Nothing is told of the name after this, a question that is out included. An id that is gone is let pass.
  void remove(Id id);

  // A connect to an endpoint of the name has failed: it is asked for early (`NameState::connects_fail`).
  void connects_fail(Id id);

  // Nothing when there is no such name.
  std::optional<NameStatus> status(Id id) const;

  std::size_t size() const { return names_.size(); }

 private:
  struct Name;

  NameWatch(net::EventLoop& loop, NameWatchOptions options, std::unique_ptr<net::DnsChannel> channel);

  void on_time();
  void on_report(Id id, Report report);
  void take_answer(Name& name, Answer answer);
  void take_failure(Name& name, const std::string& reason, NameState::Kind kind);
  void put(Id id, const std::vector<DiscoveredEndpoint>& endpoints);
  void tell_failed(Id id, const std::string& reason);
  void tell_noted(Id id);
  void tell_recovered(Id id);
  Name* find(Id id) const;
  void schedule(Name& name);
  void arm();

  net::EventLoop& loop_;
  const std::uint64_t seed_;
  net::Families (*const host_families_)();
  net::HostsFile hosts_;
  const std::unique_ptr<net::DnsChannel> channel_;
  net::Timer timer_;
  Id next_id_ = 1;
  std::map<Id, std::unique_ptr<Name>> names_;
  std::set<std::pair<base::TimePoint, Id>> due_;  // of names that are not being asked for
};

}  // namespace weir::discovery
