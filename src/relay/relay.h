// Relays every byte both ways between a client and a backend, with back-pressure, half-close per direction,
// and resets passed on as resets. One relay a session, on the session's worker. It says how a session ended;
// closing is its owner's. The one surprising rule: a reset is passed on only after everything that came
// before it has been delivered (see `ResetLinger`).
#pragma once

#include <memory>
#include <optional>

#include "relay/direction.h"
#include "relay/peer.h"
#include "relay/preface.h"
#include "relay/pumped.h"
#include "relay/reset_linger.h"
#include "relay/throttle.h"

namespace weir::relay {

// How the bytes came to an end.
enum class EndCause : std::uint8_t {
  kFinished,  // both directions ended their streams; `side` ended first
  kReset,     // `side` was reset by its host
  kBroken,    // `side` broke the protocol of its stream (TLS), or cut it off
  kLost,      // the kernel gave `side` up: no answer to keep-alive probes or to data
  kSystem,    // the kernel is out of memory for sockets or watches
};

struct Ending {
  EndCause cause;
  Side side;
};

class Relay {
 public:
  class Owner {
   public:
    // So many bytes from `source` went through.
    virtual void relay_moved(Side source, std::uint64_t bytes) = 0;
    // One direction has ended and the other goes on.
    virtual void relay_half_closed() = 0;
    // A reset is known and will be passed on, once the surviving side has acknowledged what came before it.
    virtual void relay_lingers() = 0;
    // The last call. The owner closes both peers: after `kFinished` politely, otherwise with a reset.
    virtual void relay_ended(Ending ending) = 0;

   protected:
    ~Owner() = default;
  };

  struct Services {
    net::EventLoop& loop;
    net::BufferPool& buffers;
    net::PipePool& pipes;
    net::TimerWheel& wheel;
  };

  struct Settings {
    base::Millis reset_linger{0};
    std::optional<base::Rate> upload_rate;  // in bytes
    std::optional<base::Rate> download_rate;
  };

  // All outlive the relay.
  Relay(const Services& services, Owner& owner, Peer& client, Peer& backend)
      : services_(services), owner_(owner), client_(client), backend_(backend) {}

  // Both peers are connected. From here on the relay owns their watches. It reads from the client at once,
  // since what a client sends usually waits already. `backend` is what the backend's watch has told so far,
  // if it watches for edges already. `preface` is sent before anything else.
  void start(const Settings& settings, net::Ready backend = {}, Preface preface = {});

  // The same for a backend that was reset after it had connected and sent something: what it sent is
  // delivered, and then the reset.
  void start_after_backend_reset(const Settings& settings);

  // Nothing is moved or told any more: the owner closes the peers for a reason of its own. Idempotent.
  void stop();

  // Whether something has happened that this relay is still to be told of: the loop is late, the session is
  // not quiet.
  bool has_news() const;

  // Takes what there is of it. May end the relay.
  void take_news();

  // Bytes that the peers' hosts have not acknowledged yet, both ways.
  std::uint64_t unacknowledged() const;

  // When a reset that is known is passed on, unless there is progress before; the end of time where none is.
  base::TimePoint linger_deadline() const {
    return seldom_ == nullptr || seldom_->linger == nullptr ? base::TimePoint::max()
                                                            : seldom_->linger->deadline();
  }

  const Direction& upload() const { return upload_; }
  const Direction& download() const { return download_; }

 private:
  // What most relays have nothing of.
  struct Seldom {
    std::unique_ptr<Throttle> upload;  // none without a rate
    std::unique_ptr<Throttle> download;
    std::unique_ptr<ResetLinger> linger;
    std::unique_ptr<Preface> preface;  // while something of it is left

    bool is_empty() const {
      return upload == nullptr && download == nullptr && linger == nullptr && preface == nullptr;
    }
  };

  void on_client(net::Ready ready) { on_ready(Side::kClient, ready); }
  void on_backend(net::Ready ready) { on_ready(Side::kBackend, ready); }
  void on_ready(Side side, net::Ready ready);

  Peer& peer(Side side) { return side == Side::kClient ? client_ : backend_; }
  const Peer& peer(Side side) const { return side == Side::kClient ? client_ : backend_; }
  End end_of(Side side) { return {peer(side).fd.get(), peer(side).stream.get()}; }
  const Direction& from(Side side) const { return side == Side::kClient ? upload_ : download_; }
  // The direction whose source is `side`.
  Direction& from(Side side) { return side == Side::kClient ? upload_ : download_; }

  void note(Side side, net::Ready ready);
  void step(Side source);
  void go_on_in_another_turn(Side side);
  void read_what_sending_read(Side side);
  void look_at_failed(Side side);
  net::Interest waits_for(Side side) const;
  // What `side` has sent cannot be read on before there is room to write to it.
  bool reading_waits_to_write(Side side) const {
    const net::Stream* stream = peer(side).stream.get();
    return stream != nullptr && stream->wants_write();
  }
  // What goes to `side` waits, and not for room: see `net::Stream::send_waits`.
  bool writing_waits_to_read(Side side) const {
    const net::Stream* stream = peer(side).stream.get();
    const Direction& out = from(other(side));
    return stream != nullptr && out.blocked && !out.done &&
           stream->send_waits() != net::Stream::Waits::kToWrite;
  }
  Pumped pump(Side source);
  // `kMore`: nothing is left of it.
  Pumped send_preface();
  void go_on(Side source);
  void finish_direction(Side source);
  void source_failed(Side source, EndCause cause);
  void target_failed(Side source, EndCause cause);
  void pass_reset_on(Side failed, EndCause cause);
  void begin(const Settings& settings);
  std::unique_ptr<Throttle> make_throttle(Side source, const base::Rate& rate);
  Seldom& seldom();
  // None without a rate.
  Throttle* throttle(Side source) const {
    if (seldom_ == nullptr) return nullptr;
    return (source == Side::kClient ? seldom_->upload : seldom_->download).get();
  }
  void linger(Side failed);
  void end(Ending ending);
  // Asks for what is missing to hear of both sides.
  void watch();
  bool watch(Side side);

  const Services& services_;
  Owner& owner_;
  Peer& client_;
  Peer& backend_;
  Direction upload_;
  Direction download_;
  std::unique_ptr<Seldom> seldom_;
  base::Millis reset_linger_{0};
  Ending first_fault_{EndCause::kFinished, Side::kClient};  // kFinished: none yet
  Side ended_first_ = Side::kClient;
  bool ended_ = false;
};

}  // namespace weir::relay
