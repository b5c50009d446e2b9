#include "health/probe.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/assert.h"
#include "base/units.h"
#include "wire/proxy_write.h"

namespace weir::health {
namespace {

// Reads of one turn: one target that sends without end must not hold the loop. All of an answer within its
// bounds can be read by one look.
constexpr int kReadsPerTurn = 16;
constexpr std::size_t kReadBytes = std::size_t{16} << 10;

// What comes before connect(2) happens on this host alone, and without a local port there is no probe either.
bool is_own_fault(int error, net::ConnectStep step = net::ConnectStep::kConnect) {
  return step != net::ConnectStep::kConnect || net::is_own_shortage(error) || error == EADDRNOTAVAIL;
}

const char* call_of(net::ConnectStep step) {
  switch (step) {
    case net::ConnectStep::kOpen:
      return "socket";
    case net::ConnectStep::kInterface:
      return "bind to the interface";
    case net::ConnectStep::kSource:
      return "bind to the source address";
    case net::ConnectStep::kConnect:
      break;
  }
  return "connect";
}

bool is_reset(int error) { return error == ECONNRESET || error == EPIPE; }
bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK; }

}  // namespace

Probe::Probe(net::EventLoop& loop, Owner& owner, const Connect& connect)
    : loop_(loop), owner_(owner), connect_(connect) {
  timer_.bind<&Probe::on_timer>(loop, this);
}

void Probe::start(Target target) {
  WEIR_ASSERT(!is_under_way_);
  is_under_way_ = true;
  target_ = std::move(target);
  WEIR_ASSERT(target_.tls || !std::holds_alternative<TlsCheck>(target_.check->type));
  phase_ = Phase::kConnecting;
  sent_ = 0;
  was_reset_ = false;
  conversation_ = build_conversation(target_);
  begun_ = base::precise_now();
  attention_.start(begun_, target_.check->timeout);
  net::Connecting connecting = connect_(target_, net::TcpOptions{});
  fd_ = std::move(connecting.fd);
  if (connecting.error != EINPROGRESS) return settle_connect(connecting.error, connecting.step);
  watch_.bind<&Probe::on_ready>(loop_, fd_.get(), this);
  timer_.start(attention_.wait(begun_));
  wait_or_fail(net::Interest::kWrite);
}

void Probe::cancel() {
  if (!is_under_way_) return;
  is_under_way_ = false;
  timer_.stop();
  watch_.stop();
  stream_.close();
  net::abort_connection(fd_);
  conversation_ = {};
}

void Probe::on_ready(net::Ready) {
  if (phase_ == Phase::kConnecting) return settle_connect(net::take_error(fd_.get()));
  go_on();
}

void Probe::on_timer() {
  const bool is_over = attention_.is_used_up(base::precise_now());
  // What has come is judged before the time is: the loop may not have told it yet.
  if (net::is_ready(fd_.get(), watch_.interest())) on_ready({});
  if (!is_under_way_) return;
  if (is_over) return finish(Verdict::kFailed, late_reason());
  timer_.start(attention_.wait(base::precise_now()));
}

void Probe::wait_or_fail(net::Interest interest) {
  if (!watch_.want(interest)) fail_with("watch", ENOMEM);
}

void Probe::settle_connect(int error, net::ConnectStep step) {
  if (error == 0 && target_.address.is_ip() && net::connected_to_itself(fd_.get())) error = ECONNREFUSED;
  // A reset can only follow bytes on a connection that stood; the bytes are judged first.
  was_reset_ = error == ECONNRESET && net::unread_bytes(fd_.get()) > 0;
  if (error != 0 && !was_reset_) return fail_with(call_of(step), error, step);
  if (!stream_.open(fd_.get(), target_, conversation_, proxy_header())) {
    return fail_with("make a TLS connection", ENOMEM);
  }
  if (conversation_.judge == nullptr && !target_.tls) {
    // The header fits into the send buffer of a new connection.
    send_request();
    if (is_under_way_) finish(Verdict::kPassed, {});
    return;
  }
  if (phase_ == Phase::kConnecting && watch_.interest() == net::Interest::kNone) {
    // It stood at once.
    watch_.bind<&Probe::on_ready>(loop_, fd_.get(), this);
    timer_.start(attention_.wait(begun_));
  }
  phase_ = target_.tls ? Phase::kShakingHands : Phase::kTalking;
  go_on();
}

std::string Probe::proxy_header() const {
  switch (target_.proxy) {
    case pool::ProxyVersion::kNone:
      return {};
    case pool::ProxyVersion::kV1:
      return wire::proxy_line({net::local_address(fd_.get()).value_or(base::Address()), target_.address});
    case pool::ProxyVersion::kV2:
      return wire::proxy_block_local();
  }
  return {};
}

void Probe::go_on() {
  if (phase_ == Phase::kShakingHands) shake_hands();
  if (is_under_way_ && phase_ == Phase::kTalking) talk();
}

void Probe::shake_hands() {
  using Step = ProbeStream::Step;
  const Step step = stream_.shake_hands();
  switch (step) {
    case Step::kWantsRead:
      return wait_or_fail(net::Interest::kRead);
    case Step::kWantsWrite:
      return wait_or_fail(net::Interest::kWrite);
    case Step::kDone:
      if (conversation_.judge == nullptr) return finish(Verdict::kPassed, {});
      phase_ = Phase::kTalking;
      return;
    case Step::kReset:
      if (!is_reset(stream_.error())) return fail_with("TLS handshake", stream_.error());
      break;
    case Step::kEnded:
    case Step::kFailed:
      break;
  }
  finish(Verdict::kFailed, stream_.handshake_fault(step));
}

void Probe::talk() {
  send_request();
  const bool may_be_more = is_under_way_ && read_answer();
  if (is_under_way_) wait_or_fail(net::interest_in(true, sent_ < conversation_.request.size()));
  // Of bytes that TLS has kept the socket tells nothing.
  if (is_under_way_ && may_be_more) watch_.call_again();
}

void Probe::send_request() {
  while (sent_ < conversation_.request.size()) {
    const std::string_view rest = std::string_view(conversation_.request).substr(sent_);
    const ssize_t n = stream_.send(rest);
    if (n >= 0) {
      sent_ += static_cast<std::size_t>(n);
    } else if (would_block(errno)) {
      return;
    } else if (is_own_fault(errno)) {
      return fail_with("send", errno);
    } else if (errno != EINTR) {
      // The server may have answered and left without reading: what it said is still there to be read.
      was_reset_ = true;
      sent_ = conversation_.request.size();
    }
  }
}

bool Probe::read_answer() {
  char buffer[kReadBytes];
  for (int i = 0; i < kReadsPerTurn && is_under_way_; ++i) {
    const ssize_t n = stream_.receive(buffer, sizeof(buffer));
    if (n > 0) {
      judge(conversation_.judge->on_bytes({buffer, static_cast<std::size_t>(n)}));
    } else if (n == 0) {
      judge(conversation_.judge->on_end(was_reset_ ? StreamEnd::kReset : StreamEnd::kClosed));
    } else if (errno == EBUSY) {
      return true;  // much has come, and none of it was a byte
    } else if (would_block(errno)) {
      return false;
    } else if (errno != EINTR) {
      on_stream_failure(errno);
    }
  }
  return is_under_way_;
}

void Probe::on_stream_failure(int error) {
  const bool was_cut = stream_.was_cut();
  if (is_reset(error) || (was_cut && was_reset_))
    return judge(conversation_.judge->on_end(StreamEnd::kReset));
  if (was_cut) return judge(conversation_.judge->on_end(StreamEnd::kCut));
  if (target_.tls && error == EPROTO) return finish(Verdict::kFailed, stream_.fault());
  fail_with("read", error);
}

void Probe::judge(const Finding& finding) {
  if (finding.judgement == Judgement::kUndecided) return;
  finish(finding.judgement == Judgement::kPassed ? Verdict::kPassed : Verdict::kFailed, finding.reason);
}

void Probe::fail_with(const char* call, int error, net::ConnectStep step) {
  finish(is_own_fault(error, step) ? Verdict::kNotMade : Verdict::kFailed,
         base::system_error(call, error).message(), {step, error});
}

std::string Probe::late_reason() const {
  std::string_view what = "no connection";
  if (phase_ == Phase::kShakingHands) {
    what = "no TLS handshake";
  } else if (phase_ == Phase::kTalking) {
    what = conversation_.judge->has_begun() ? "only a part of the answer" : "no answer";
  }
  return fmt::format("{} within {}", what, base::to_string(target_.check->timeout));
}

void Probe::finish(Verdict verdict, std::string reason, LocalFault fault) {
  const auto duration = std::chrono::duration_cast<base::Micros>(base::precise_now() - begun_);
  timer_.stop();
  watch_.stop();
  if (verdict == Verdict::kPassed) {
    stream_.end();
    net::end_connection(fd_);
  }
  cancel();
  owner_.probe_ended({verdict, std::move(reason), duration, fault});
}

}  // namespace weir::health
