#include "server/door.h"

#include "net/socket.h"

namespace weir::server {

using admission::Refusal;

admission::Decision Door::admit_peer(const base::Address& peer, admission::LimitPermits& permits) {
  const admission::Decision decision = gate_.admit_peer(peer, now(), permits);
  note(peer, decision);
  return decision;
}

std::optional<Refusal> Door::admit(const base::Address& client, admission::LimitPermits& permits) {
  const admission::Decision decision = gate_.admit(client, now(), permits);
  note(client, decision);
  return decision.refused;
}

void Door::note(const base::Address& client, const admission::Decision& decision) {
  if (decision.refused) return note_refused(client, *decision.refused);
  if (!decision.would_refuse) return;
  services_.counters.would_refuse[static_cast<std::size_t>(*decision.would_refuse)].add();
  keep_sample(client, *decision.would_refuse, true);
}

void Door::note_refused(const base::Address& client, Refusal reason) {
  services_.counters.refused[static_cast<std::size_t>(reason)].add();
  keep_sample(client, reason, false);
}

void Door::keep_sample(const base::Address& client, Refusal reason, bool dry_run) {
  const base::TimePoint now = base::coarse_now();
  if (!services_.samples.wants(now)) return;
  services_.samples.add({std::chrono::system_clock::now(), listener_->name, client, reason, dry_run}, now);
}

void Door::refuse(base::UniqueFd client) {
  switch (listener_->door.when_exceeded) {
    case config::WhenExceeded::kClose:
      return net::end_connection(client);
    case config::WhenExceeded::kTarpit:
      if (admission::Permit permit = gate_.limits().hold_refused()) {
        const base::TimePoint end = base::precise_now() + listener_->door.tarpit_time;
        return services_.tarpit.hold(std::move(client), std::move(permit), end);
      }
      services_.counters.tarpit_full.add();
      break;
    case config::WhenExceeded::kReset:
      break;
  }
  net::abort_connection(client);
}

}  // namespace weir::server
