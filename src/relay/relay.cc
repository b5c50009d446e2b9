#include "relay/relay.h"

#include <sys/socket.h>

#include <algorithm>

#include "relay/pump.h"

namespace weir::relay {

void Relay::begin(const Settings& settings) {
  reset_linger_ = settings.reset_linger;
  if (settings.upload_rate) seldom().upload = make_throttle(Side::kClient, *settings.upload_rate);
  if (settings.download_rate) seldom().download = make_throttle(Side::kBackend, *settings.download_rate);
  upload_.read_on = !client_.is_tcp;
  download_.read_on = !backend_.is_tcp;
  client_.watch.bind<&Relay::on_client>(services_.loop, client_.fd.get(), this);
  if (backend_.watch.interest() != net::Interest::kNone) {
    backend_.watch.hand_to<&Relay::on_backend>(this);
  } else {
    backend_.watch.bind<&Relay::on_backend>(services_.loop, backend_.fd.get(), this);
  }
}

Relay::Seldom& Relay::seldom() {
  if (seldom_ == nullptr) seldom_ = std::make_unique<Seldom>();
  return *seldom_;
}

std::unique_ptr<Throttle> Relay::make_throttle(Side source, const base::Rate& rate) {
  return std::make_unique<Throttle>(services_.wheel, rate, [this, source] { go_on(source); });
}

void Relay::start(const Settings& settings, net::Ready backend, Preface preface) {
  begin(settings);
  if (!preface.is_empty()) seldom().preface = std::make_unique<Preface>(std::move(preface));
  upload_.readable = true;
  step(Side::kClient);
  if (!ended_) watch();
  // The socket tells nothing of what its stream has kept.
  if (!ended_ && client_.stream != nullptr && upload_.may_be_read()) client_.watch.call_again();
  if (!ended_) on_ready(Side::kBackend, backend);
}

void Relay::start_after_backend_reset(const Settings& settings) {
  begin(settings);
  target_failed(Side::kClient, EndCause::kReset);
  watch();
}

void Relay::stop() {
  ended_ = true;
  if (seldom_ != nullptr && seldom_->linger != nullptr) seldom_->linger->stop();
  for (const Side source : {Side::kClient, Side::kBackend}) {
    if (Throttle* one = throttle(source)) one->stop();
  }
}

bool Relay::has_news() const {
  return net::is_ready(client_.fd.get(), waits_for(Side::kClient)) ||
         net::is_ready(backend_.fd.get(), waits_for(Side::kBackend));
}

void Relay::take_news() {
  for (const Side side : {Side::kClient, Side::kBackend}) {
    if (!ended_) on_ready(side, {.read = true, .write = from(other(side)).blocked, .read_on = true});
  }
}

// What would lead to a step.
net::Interest Relay::waits_for(Side side) const {
  const Direction& in = from(side);
  const Direction& out = from(other(side));
  const bool takes_more = !in.blocked && !in.resting && !in.done;
  const bool waits_to_write = takes_more && reading_waits_to_write(side);
  const bool out_waits_to_read = writing_waits_to_read(side);
  return net::interest_in((takes_more && !waits_to_write) || out_waits_to_read,
                          waits_to_write || (out.blocked && !out.done && !out_waits_to_read));
}

std::uint64_t Relay::unacknowledged() const {
  return static_cast<std::uint64_t>(net::unacknowledged_bytes(client_.fd.get())) +
         static_cast<std::uint64_t>(net::unacknowledged_bytes(backend_.fd.get()));
}

void Relay::note(Side side, net::Ready ready) {
  Direction& in = from(side);
  // A stream may have waited for room to write before it could be read on.
  in.readable |= ready.read || (ready.write && peer(side).stream != nullptr);
  if (ready.read && peer(side).stream != nullptr) peer(side).stream->socket_told();
  in.told_end |= ready.ended;
  in.read_on |= ready.read_on;
}

void Relay::on_ready(Side side, net::Ready ready) {
  note(side, ready);
  const Direction& in = from(side);
  const Direction& out = from(other(side));
  const bool out_waits_to_read = writing_waits_to_read(side);
  if (ready.write && out.blocked && !out.done && !out_waits_to_read) step(other(side));
  if (!ended_ && in.may_be_read()) step(side);
  // What it waits for may have been read just now, or is read by its own call.
  if (!ended_ && out_waits_to_read && out.blocked && !out.done) step(other(side));
  if (!ended_ && ready.failed) look_at_failed(side);
  watch();
}

// A side that is not read, after its end of stream or while what it sent has to wait, was reset or lost:
// reads would not show it.
void Relay::look_at_failed(Side side) {
  if (first_fault_.cause != EndCause::kFinished) return;
  const int error = net::take_error(peer(side).fd.get());
  if (error == 0) return;
  target_failed(other(side), net::means_no_answer(error) ? EndCause::kLost : EndCause::kReset);
}

void Relay::step(Side source) {
  Direction& direction = from(source);
  const std::uint64_t before = direction.bytes;
  const Pumped outcome = pump(source);
  if (direction.bytes != before) owner_.relay_moved(source, direction.bytes - before);
  read_what_sending_read(other(source));
  switch (outcome) {
    case Pumped::kDrained:
      direction.readable = false;
      direction.read_on = !peer(source).is_tcp;
      return;
    case Pumped::kMore:
    case Pumped::kSourceBusy:
      // A throttle says itself when to go on.
      if (!direction.resting) go_on_in_another_turn(source);
      return;
    case Pumped::kBlocked:
      if (const net::Stream* stream = peer(other(source)).stream.get();
          stream != nullptr && stream->send_waits() == net::Stream::Waits::kForATurn) {
        go_on_in_another_turn(other(source));
      }
      return;
    case Pumped::kEnded:
      return finish_direction(source);
    case Pumped::kSourceReset:
      return source_failed(source, EndCause::kReset);
    case Pumped::kSourceLost:
      return source_failed(source, EndCause::kLost);
    case Pumped::kSourceBroken:
      return source_failed(source, EndCause::kBroken);
    case Pumped::kTargetReset:
      return target_failed(source, EndCause::kReset);
    case Pumped::kTargetLost:
      return target_failed(source, EndCause::kLost);
    case Pumped::kNoMemory:
      return end({EndCause::kSystem, source});
  }
}

// One that is not watched yet is told of as soon as it is, and `start` reads what its stream has kept.
void Relay::go_on_in_another_turn(Side side) {
  net::Watch& watched = peer(side).watch;
  if (watched.interest() != net::Interest::kNone) watched.call_again();
}

void Relay::read_what_sending_read(Side side) {
  const net::Stream* stream = peer(side).stream.get();
  if (stream == nullptr || !stream->send_has_read()) return;
  from(side).readable = true;
  if (from(side).may_be_read()) go_on_in_another_turn(side);
}

Pumped Relay::send_preface() {
  const Pumped outcome = seldom_->preface->send(upload_, end_of(Side::kBackend));
  if (outcome == Pumped::kBlocked) return outcome;
  if (Throttle* one = throttle(Side::kClient)) {
    one->bucket().take(seldom_->preface->read_ahead(), base::precise_now());
  }
  seldom_->preface.reset();
  if (seldom_->is_empty()) seldom_.reset();
  return outcome;
}

Pumped Relay::pump(Side source) {
  if (source == Side::kClient && seldom_ != nullptr && seldom_->preface != nullptr) {
    const Pumped outcome = send_preface();
    if (outcome != Pumped::kMore) return outcome;
  }
  Direction& direction = from(source);
  const End in = end_of(source);
  const End out = end_of(other(source));
  Throttle* const slowed = throttle(source);
  const bool may_splice = client_.may_splice() && backend_.may_splice();
  net::PipePool* pipes = may_splice ? &services_.pipes : nullptr;
  if (slowed == nullptr) return relay::pump(direction, in, out, services_.buffers, pipes);
  const base::TimePoint now = base::precise_now();
  const std::uint64_t before = direction.bytes + direction.waiting();
  const std::uint64_t available = slowed->bucket().available(now);
  const Pumped outcome = relay::pump(direction, in, out, services_.buffers, pipes, available);
  // Less than before when the target was reset and what it was to get is dropped.
  const std::uint64_t after = direction.bytes + direction.waiting();
  slowed->bucket().take(std::max(after, before) - before, now);
  direction.resting = slowed->bucket().available(now) == 0;
  if (direction.resting) slowed->rest();
  return outcome;
}

void Relay::go_on(Side source) {
  Direction& direction = from(source);
  direction.resting = false;
  if (direction.may_be_read()) step(source);
  watch();
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
  const bool says_more = cause == EndCause::kBroken && first_fault_.side == source;
  if (first_fault_.cause != EndCause::kFinished && !says_more) {
    return pass_reset_on(first_fault_.side, first_fault_.cause);
  }
  pass_reset_on(source, cause);
}

// A write, or a look, showed that the target is gone. What it sent before that may still lie in its receive
// queue: it is read to its end before the reset is passed on.
void Relay::target_failed(Side source, EndCause cause) {
  const Side target = other(source);
  Direction& direction = from(source);
  direction.done = true;
  direction.drop();
  const bool source_is_gone = first_fault_.cause != EndCause::kFinished && first_fault_.side == source;
  if (source_is_gone) return end(first_fault_);
  Direction& rest = from(target);
  if (rest.done) return pass_reset_on(target, cause);
  first_fault_ = {cause, target};
  rest.readable = rest.read_on = true;
  linger(target);
  if (rest.may_be_read()) step(target);
}

void Relay::pass_reset_on(Side failed, EndCause cause) {
  first_fault_ = {cause, failed};
  upload_.done = download_.done = true;
  upload_.drop();
  download_.drop();
  if (net::unacknowledged_bytes(peer(other(failed)).fd.get()) == 0) return end(first_fault_);
  linger(failed);
}

// From now on the session ends with `first_fault_`: once what `failed` sent is acknowledged, or when that
// stands still.
void Relay::linger(Side failed) {
  if (seldom().linger != nullptr) return;
  owner_.relay_lingers();
  seldom().linger = std::make_unique<ResetLinger>(services_.loop, from(failed), peer(other(failed)).fd.get(),
                                                  reset_linger_, [this] { end(first_fault_); });
}

void Relay::end(Ending ending) {
  if (ended_) return;
  ended_ = true;
  owner_.relay_ended(ending);
}

void Relay::watch() {
  if (!ended_ && !(watch(Side::kClient) && watch(Side::kBackend))) end({EndCause::kSystem, Side::kClient});
}

// For edges, and so once; for writing from the first time on that this is waited for.
bool Relay::watch(Side side) {
  net::Watch& watched = peer(side).watch;
  const bool writing =
      from(other(side)).blocked || reading_waits_to_write(side) || net::asks_to_write(watched.interest());
  return watched.want_edges(net::interest_in(true, writing));
}

}  // namespace weir::relay
