// One listener's way in on one worker: asks the gate, counts who may not come in and keeps a sample of them
// now and then, and ends their connections as the configuration says. On its worker's thread.
#pragma once

#include <memory>
#include <utility>

#include "admission/gate.h"
#include "admission/refusal_samples.h"
#include "base/assert.h"
#include "server/listener.h"
#include "server/tarpit.h"
#include "session/door.h"

namespace weir::server {

class Door final : public session::Door {
 public:
  // What it has from its worker, for this listener.
  struct Services {
    session::ListenerCounters& counters;
    admission::RefusalSamples& samples;
    Tarpit& tarpit;
  };

  // What the services refer to outlives the door.
  Door(std::shared_ptr<const Listener> listener, const Services& services)
      : listener_(std::move(listener)), services_(services), gate_(listener_->door.gate) {}

  // The listener as it is from now on. Precondition: the same one, by its tally.
  void change(std::shared_ptr<const Listener> listener) {
    WEIR_ASSERT(listener->tally == listener_->tally);
    listener_ = std::move(listener);
    gate_ = admission::Gate(listener_->door.gate);
  }
  const std::shared_ptr<const Listener>& listener() const { return listener_; }

  // Of one who has just connected: a client, or a proxy that is to say who its client is.
  admission::Decision admit_peer(const base::Address& peer, admission::LimitPermits& permits);

  std::optional<admission::Refusal> admit(const base::Address& client,
                                          admission::LimitPermits& permits) override;
  void refuse(base::UniqueFd client) override;
  session::ListenerCounters& counters() override { return services_.counters; }

  // One who was not let in for a reason that is not the gate's.
  void note_refused(const base::Address& client, admission::Refusal reason);

 private:
  base::TimePoint now() const { return gate_.asks_the_time() ? base::precise_now() : base::TimePoint(); }
  void note(const base::Address& client, const admission::Decision& decision);
  void keep_sample(const base::Address& client, admission::Refusal reason, bool dry_run);

  std::shared_ptr<const Listener> listener_;
  const Services services_;
  admission::Gate gate_;
};

}  // namespace weir::server
