#include "relay/relay.h"

#include <sys/socket.h>

#include <algorithm>

namespace weir::relay {

void Relay::begin(const Settings& settings) {
  reset_linger_ = settings.reset_linger;
  upload_throttle_ = make_throttle(Side::kClient, settings.upload_rate);
  download_throttle_ = make_throttle(Side::kBackend, settings.download_rate);
  client_.watch.bind<&Relay::on_client>(services_.loop, client_.fd.get(), this);
  backend_.watch.bind<&Relay::on_backend>(services_.loop, backend_.fd.get(), this);
}

std::unique_ptr<Throttle> Relay::make_throttle(Side source, const std::optional<base::Rate>& rate) {
  if (!rate) return nullptr;
  return std::make_unique<Throttle>(services_.wheel, *rate, [this, source] { go_on(source); });
}

void Relay::start(const Settings& settings) {
  begin(settings);
  step(Side::kClient);
  update_interest();
}

void Relay::start_after_backend_reset(const Settings& settings) {
  begin(settings);
  target_failed(Side::kClient, EndCause::kReset);
  update_interest();
}

void Relay::stop() {
  ended_ = true;
  if (linger_ != nullptr) linger_->stop();
  if (upload_throttle_ != nullptr) upload_throttle_->stop();
  if (download_throttle_ != nullptr) download_throttle_->stop();
}

bool Relay::has_news() const {
  return net::is_ready(client_.fd.get(), client_.watch.interest()) ||
         net::is_ready(backend_.fd.get(), backend_.watch.interest());
}

std::uint64_t Relay::unacknowledged() const {
  return static_cast<std::uint64_t>(net::unacknowledged_bytes(client_.fd.get())) +
         static_cast<std::uint64_t>(net::unacknowledged_bytes(backend_.fd.get()));
}

bool Relay::is_unwatched(Side side) const { return peer(side).watch.interest() == net::Interest::kNone; }

bool Relay::has_unwatched() const { return is_unwatched(Side::kClient) || is_unwatched(Side::kBackend); }

void Relay::look_at_unwatched() {
  for (const Side side : {Side::kClient, Side::kBackend}) {
    if (ended_ || first_fault_.cause != EndCause::kFinished) return;
    const int error = is_unwatched(side) ? net::take_error(peer(side).fd.get()) : 0;
    if (error == 0) continue;
    target_failed(other(side), net::means_no_answer(error) ? EndCause::kLost : EndCause::kReset);
    update_interest();
  }
}

void Relay::on_ready(Side side, net::Ready ready) {
  Direction& in = from(side);
  Direction& out = from(other(side));
  if (ready.write && out.blocked && !out.done) step(other(side));
  if (!ended_ && ready.read && !in.blocked && !in.resting && !in.done) step(side);
  update_interest();
}

void Relay::step(Side source) {
  Direction& direction = from(source);
  const std::uint64_t before = direction.bytes;
  const Pumped outcome = pump(source);
  if (direction.bytes != before) owner_.relay_moved();
  switch (outcome) {
    case Pumped::kDrained:
    case Pumped::kMore:
    case Pumped::kBlocked:
      return;
    case Pumped::kEnded:
      return finish_direction(source);
    case Pumped::kSourceReset:
      return source_failed(source, EndCause::kReset);
    case Pumped::kSourceLost:
      return source_failed(source, EndCause::kLost);
    case Pumped::kTargetReset:
      return target_failed(source, EndCause::kReset);
    case Pumped::kTargetLost:
      return target_failed(source, EndCause::kLost);
    case Pumped::kNoMemory:
      return end({EndCause::kSystem, source});
  }
}

Pumped Relay::pump(Side source) {
  Direction& direction = from(source);
  const int in = peer(source).fd.get();
  const int out = peer(other(source)).fd.get();
  Throttle* throttle = (source == Side::kClient ? upload_throttle_ : download_throttle_).get();
  if (throttle == nullptr) return pump_by_copy(direction, in, out, services_.buffers);
  const base::TimePoint now = base::precise_now();
  const std::uint64_t before = direction.bytes + direction.held.size();
  const std::uint64_t available = throttle->bucket().available(now);
  const Pumped outcome = pump_by_copy(direction, in, out, services_.buffers, available);
  // Less than before when the target was reset and what it was to get is dropped.
  const std::uint64_t after = direction.bytes + direction.held.size();
  throttle->bucket().take(std::max(after, before) - before, now);
  direction.resting = throttle->bucket().available(now) == 0;
  if (direction.resting) throttle->rest();
  return outcome;
}

void Relay::go_on(Side source) {
  Direction& direction = from(source);
  direction.resting = false;
  if (!direction.blocked && !direction.done) step(source);
  update_interest();
}

void Relay::finish_direction(Side source) {
  // A failed write has already told that this side was reset; reading then shows a plain end, since an error
  // of a socket is reported once.
  if (first_fault_.cause != EndCause::kFinished) return pass_reset_on(first_fault_.side, first_fault_.cause);
  from(source).done = true;
  if (from(other(source)).done) return end({EndCause::kFinished, ended_first_});
  ended_first_ = source;
  ::shutdown(peer(other(source)).fd.get(), SHUT_WR);
  owner_.relay_half_closed();
}

// Everything that `source` sent before its reset has been read and written on.
void Relay::source_failed(Side source, EndCause cause) {
  if (first_fault_.cause != EndCause::kFinished) return pass_reset_on(first_fault_.side, first_fault_.cause);
  pass_reset_on(source, cause);
}

// A write, or a look, showed that the target is gone. What it sent before that may still lie in its receive
// queue: it is read to its end before the reset is passed on.
void Relay::target_failed(Side source, EndCause cause) {
  const Side target = other(source);
  Direction& direction = from(source);
  direction.done = true;
  direction.held.release();
  const bool source_is_gone = first_fault_.cause != EndCause::kFinished && first_fault_.side == source;
  if (source_is_gone) return end(first_fault_);
  Direction& rest = from(target);
  if (rest.done) return pass_reset_on(target, cause);
  first_fault_ = {cause, target};
  linger(target);
  if (!rest.blocked && !rest.resting) step(target);
}

void Relay::pass_reset_on(Side failed, EndCause cause) {
  first_fault_ = {cause, failed};
  upload_.done = download_.done = true;
  upload_.held.release();
  download_.held.release();
  if (net::unacknowledged_bytes(peer(other(failed)).fd.get()) == 0) return end(first_fault_);
  linger(failed);
}

// From now on the session ends with `first_fault_`: once what `failed` sent is acknowledged, or when that
// stands still.
void Relay::linger(Side failed) {
  if (linger_ != nullptr) return;
  owner_.relay_lingers();
  linger_ = std::make_unique<ResetLinger>(services_.loop, from(failed), peer(other(failed)).fd.get(),
                                          reset_linger_, [this] { end(first_fault_); });
}

void Relay::end(Ending ending) {
  if (ended_) return;
  ended_ = true;
  owner_.relay_ended(ending);
}

void Relay::update_interest() {
  if (ended_) return;
  const bool read_client = !upload_.done && !upload_.blocked && !upload_.resting;
  const bool read_backend = !download_.done && !download_.blocked && !download_.resting;
  const bool write_client = !download_.done && download_.blocked;
  const bool write_backend = !upload_.done && upload_.blocked;
  if (!client_.watch.want(net::interest_in(read_client, write_client)) ||
      !backend_.watch.want(net::interest_in(read_backend, write_backend))) {
    return end({EndCause::kSystem, Side::kClient});
  }
  if (has_unwatched()) owner_.relay_unwatched();
}

}  // namespace weir::relay
