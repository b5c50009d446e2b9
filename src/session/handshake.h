// The handshake with a client whose TLS ends here: goes on with it whenever there is something, and says how
// it ended. The socket's watch is its own meanwhile. Lives in its session from the ClientHello until a
// backend is connected.
#pragma once

#include <memory>
#include <string>

#include "admission/connection_slots.h"
#include "base/clock.h"
#include "relay/peer.h"
#include "session/close_reason.h"
#include "session/counters.h"
#include "tls/live_contexts.h"
#include "tls/tls_stream.h"

namespace weir::session {

// How a listener's clients are served where their TLS ends here. Shared by all workers.
struct TlsTermination {
  TlsTermination(std::shared_ptr<tls::LiveContexts> served, base::Millis limit, std::uint32_t most)
      : contexts(std::move(served)), handshake_timeout(limit), handshakes(most, [] {}) {}

  const std::shared_ptr<tls::LiveContexts> contexts;
  const base::Millis handshake_timeout;
  admission::ConnectionSlots handshakes;  // of those that are under way at once
};

class Handshake {
 public:
  class Owner {
   public:
    // The peer has the stream.
    virtual void handshake_done() = 0;
    virtual void handshake_failed(CloseReason reason) = 0;

   protected:
    ~Owner() = default;
  };

  // All outlive it.
  Handshake(net::EventLoop& loop, Owner& owner, relay::Peer& peer, TlsTermination& how,
            ListenerCounters& counters);
  Handshake(const Handshake&) = delete;
  Handshake& operator=(const Handshake&) = delete;

  // Begins, with the certificate for `server_name` (empty: the client asks for none). `read_ahead` is the
  // client's ClientHello, and what has come after it. The outcome comes through the owner, perhaps before
  // this returns.
  void start(std::string_view server_name, std::string read_ahead);

  // By then it must be over; then `timed_out` is to be called.
  base::TimePoint deadline() const { return deadline_; }
  // What has come by then is taken first: it may be the loop that was late.
  void timed_out();

  // Why the two have not come to an agreement, in one line; empty otherwise.
  const std::string& fault() const { return fault_; }

 private:
  void on_ready(net::Ready);
  // False: it waits for the client.
  bool go_on();
  void fail(CloseReason reason, HandshakeNews news);
  void finish();

  net::EventLoop& loop_;
  Owner& owner_;
  relay::Peer& peer_;
  TlsTermination& how_;
  ListenerCounters& counters_;
  base::TimePoint deadline_;
  admission::Permit permit_;
  std::unique_ptr<tls::TlsStream> stream_;
  std::optional<CloseReason> reason_;
  std::string fault_;
};

}  // namespace weir::session
