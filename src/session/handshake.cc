#include "session/handshake.h"

namespace weir::session {

Handshake::Handshake(net::EventLoop& loop, Owner& owner, relay::Peer& peer, TlsTermination& how,
                     ListenerCounters& counters)
    : loop_(loop),
      owner_(owner),
      peer_(peer),
      how_(how),
      counters_(counters),
      deadline_(base::precise_now() + how.handshake_timeout) {}

void Handshake::start(std::string_view server_name, std::string read_ahead) {
  permit_ = how_.handshakes.try_acquire();
  if (!permit_) {
    fail(CloseReason::kHandshakeLimit, HandshakeNews::kLimit);
    return finish();
  }
  const auto contexts = how_.contexts->current();
  stream_ = tls::TlsStream::accept(contexts->for_name(server_name), peer_.fd.get(), std::move(read_ahead));
  if (stream_ == nullptr) {
    fail(CloseReason::kNoMemory, HandshakeNews::kFailed);
    return finish();
  }
  stream_->take_cut_for_end();
  peer_.watch.bind<&Handshake::on_ready>(loop_, peer_.fd.get(), this);
  if (go_on()) finish();
}

void Handshake::on_ready(net::Ready) {
  if (go_on()) finish();
}

void Handshake::timed_out() {
  if (!go_on()) fail(CloseReason::kHandshakeTimeout, HandshakeNews::kTimeout);
  finish();
}

bool Handshake::go_on() {
  const auto step = stream_->shake_hands();
  switch (step) {
    case tls::TlsStream::Step::kDone:
      return true;
    case tls::TlsStream::Step::kWantsRead:
    case tls::TlsStream::Step::kWantsWrite: {
      const bool writes = step == tls::TlsStream::Step::kWantsWrite;
      if (peer_.watch.want(net::interest_in(!writes, writes))) return false;
      fail(CloseReason::kNoMemory, HandshakeNews::kFailed);
      return true;
    }
    case tls::TlsStream::Step::kEnded:
      fault_ = "the client has left in the middle";
      fail(CloseReason::kHandshake, HandshakeNews::kLeft);
      return true;
    case tls::TlsStream::Step::kReset:
      fail(net::means_no_answer(stream_->error()) ? CloseReason::kClientLost : CloseReason::kClientReset,
           HandshakeNews::kLeft);
      return true;
    case tls::TlsStream::Step::kFailed:
      fault_ = stream_->fault();
      fail(CloseReason::kHandshake, HandshakeNews::kFailed);
      return true;
  }
  return true;
}

void Handshake::fail(CloseReason reason, HandshakeNews news) {
  reason_ = reason;
  counters_.handshakes[static_cast<std::size_t>(news)].add();
}

// The owner may end this object, so it is told last.
void Handshake::finish() {
  peer_.watch.stop();
  permit_.release();
  if (reason_) return owner_.handshake_failed(*reason_);
  const HandshakeNews news = stream_->was_resumed() ? HandshakeNews::kResumed : HandshakeNews::kFull;
  counters_.handshakes[static_cast<std::size_t>(news)].add();
  peer_.stream = std::move(stream_);
  owner_.handshake_done();
}

}  // namespace weir::session
