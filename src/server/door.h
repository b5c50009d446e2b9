// One listener's way in on one worker: asks the gate, counts who may not come in and keeps a sample of them
// now and then, and ends their connections as the configuration says. On its worker's thread.
#pragma once

#include "admission/gate.h"
#include "admission/refusal_samples.h"
#include "server/doors.h"
#include "server/tarpit.h"
#include "session/door.h"

namespace weir::server {

class Door final : public session::Door {
 public:
  // What it has from its worker.
  struct Services {
    session::ListenerCounters& counters;
    admission::RefusalSamples& samples;
    Tarpit& tarpit;
  };

  // `rules`, and what the services refer to, outlive the door. `listener` is its position in the
  // configuration.
  Door(std::size_t listener, const DoorRules& rules, const Services& services)
      : listener_(listener), rules_(rules), services_(services), gate_(rules.gate) {}

  // Of one who has just connected: a client, or a proxy that is to say who its client is.
  admission::Decision admit_peer(const base::Address& peer, admission::LimitPermits& permits);

  std::optional<admission::Refusal> admit(const base::Address& client,
                                          admission::LimitPermits& permits) override;
  void refuse(base::UniqueFd client) override;
  session::ListenerCounters& counters() override { return services_.counters; }

  // One who was not let in for a reason that is not the gate's.
  void note_refused(const base::Address& client, admission::Refusal reason);

  // From the next client on.
  void replace_access(std::shared_ptr<const admission::AccessList> access) {
    gate_.replace_access(std::move(access));
  }

 private:
  base::TimePoint now() const { return gate_.asks_the_time() ? base::precise_now() : base::TimePoint(); }
  void note(const base::Address& client, const admission::Decision& decision);
  void keep_sample(const base::Address& client, admission::Refusal reason, bool dry_run);

  const std::size_t listener_;
  const DoorRules& rules_;
  const Services services_;
  admission::Gate gate_;
};

}  // namespace weir::server
