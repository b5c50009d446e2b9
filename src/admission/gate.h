// Whether a client may come in: the access list, then the listener's limits, then the process's rate. The
// order matters: who is denied costs nobody's limit anything, and what a limit gave is taken back when a
// later one refuses. A trusted proxy is asked for the access list only, since limits are its clients'
// business. One gate for each listener and worker; what it asks is shared by all of them. It judges only:
// closing, counting and telling are the caller's. Lives on its worker's thread.
#pragma once

#include <memory>
#include <optional>

#include "admission/access_list.h"
#include "admission/limit_set.h"

namespace weir::admission {

struct Decision {
  std::optional<Refusal> refused;       // the client may not come in
  std::optional<Refusal> would_refuse;  // it may, but only because the limits are run dry
  bool is_proxy = false;                // it may, to say who its client is, which is then to be asked about
};

class Gate {
 public:
  // What all gates of one listener ask. `process_rate` and `proxies` may be null.
  struct Rules {
    std::shared_ptr<const AccessList> access;
    std::shared_ptr<LimitSet> limits;
    std::shared_ptr<RateLimiter> process_rate;
    std::shared_ptr<const AccessList> proxies{};  // admits those that are trusted to name their clients
    bool proxies_only = false;                    // nobody else may come
  };

  explicit Gate(Rules rules) : rules_(std::move(rules)) {}

  // `client` is unmapped. `permits` are filled unless the client is refused. `now` is a precise clock; it is
  // not looked at while `asks_the_time` is false.
  Decision admit(const base::Address& client, base::TimePoint now, LimitPermits& permits);

  // The same of one who has just connected, and may be a proxy.
  Decision admit_peer(const base::Address& peer, base::TimePoint now, LimitPermits& permits);

  bool asks_the_time() const { return rules_.limits->limits_anything() || rules_.process_rate != nullptr; }

  LimitSet& limits() { return *rules_.limits; }

 private:
  Rules rules_;
};

}  // namespace weir::admission
