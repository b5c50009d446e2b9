// One probe: one non-blocking connection to a target, from connect to verdict. It is used again and again,
// one probe at a time, and is a member of whoever waits for its report. On its loop's thread only. Its time
// limit counts from its own events: when the loop was late, what has come meanwhile is judged first, and the
// time that was missed is not the backend's (`Attention`). Where the target has TLS the handshake is a part
// of the probe, and within its limit.
//
// How a connection is left: after a pass it is closed with a plain end of stream (close_notify before), what
// the server sent being read away before, since some servers log a reset; after a failure it is reset.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "health/attention.h"
#include "health/check.h"
#include "health/judge.h"
#include "health/probe_stream.h"
#include "net/socket.h"
#include "net/watch.h"

namespace weir::health {

enum class Verdict : std::uint8_t {
  kPassed,
  kFailed,
  // It failed on this host: something was short (descriptors, memory, local ports), or where it should come
  // from is not there or not allowed (address, interface). Nothing is said about the backend.
  kNotMade
};

// What it was on this host that kept a probe from being made.
struct LocalFault {
  net::ConnectStep step = net::ConnectStep::kConnect;
  int error = 0;  // errno

  friend bool operator==(const LocalFault&, const LocalFault&) = default;
  friend bool operator<(const LocalFault& a, const LocalFault& b) {
    return std::pair(a.step, a.error) < std::pair(b.step, b.error);
  }
};

struct ProbeReport {
  Verdict verdict = Verdict::kNotMade;
  std::string reason;       // for people, one line of ASCII; empty when it passed
  base::Micros duration{};  // from the first call to the verdict
  LocalFault fault;         // of `kNotMade`
};

// Opens a socket and starts to connect: `connect_directly`, or one that chooses a source address first.
using Connect = std::function<net::Connecting(const Target&, const net::TcpOptions&)>;
inline net::Connecting connect_directly(const Target& target, const net::TcpOptions& options) {
  return net::start_connect(target.address, options);
}

class Probe {
 public:
  class Owner {
   public:
    // The probe is over. It may be started again or destroyed once this has returned to the loop, or to the
    // caller of `start`.
    virtual void probe_ended(ProbeReport report) = 0;

   protected:
    ~Owner() = default;
  };

  // All three outlive the probe.
  Probe(net::EventLoop& loop, Owner& owner, const Connect& connect);
  ~Probe() { cancel(); }
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Begins. The report comes through the owner, perhaps before this returns: a refusal over loopback is known
  // at once. Preconditions: not under way; the target of a `TlsCheck` has TLS.
  void start(Target target);

  // Ends without a report; the connection is reset. Idempotent.
  void cancel();

  bool is_under_way() const { return is_under_way_; }

 private:
  enum class Phase : std::uint8_t { kConnecting, kShakingHands, kTalking };

  void on_ready(net::Ready);
  void on_timer();
  void wait_or_fail(net::Interest interest);
  // What the check's connection begins with.
  std::string proxy_header() const;
  void settle_connect(int error, net::ConnectStep step = net::ConnectStep::kConnect);
  void go_on();
  void shake_hands();
  void talk();
  void send_request();
  // Whether there may be more to be read now.
  bool read_answer();
  void on_stream_failure(int error);
  void judge(const Finding& finding);
  void fail_with(const char* call, int error, net::ConnectStep step = net::ConnectStep::kConnect);
  std::string late_reason() const;
  void finish(Verdict verdict, std::string reason, LocalFault fault = {});

  net::EventLoop& loop_;
  Owner& owner_;
  const Connect& connect_;
  Target target_;
  bool is_under_way_ = false;
  Phase phase_ = Phase::kConnecting;
  base::UniqueFd fd_;
  ProbeStream stream_;
  net::Watch watch_;
  net::Timer timer_;
  base::TimePoint begun_;
  Attention attention_;
  Conversation conversation_;
  std::size_t sent_ = 0;
  bool was_reset_ = false;  // a call has already been told of it: reading will show a plain end
};

}  // namespace weir::health
