// Reads what comes before a client's own bytes: the header of the PROXY protocol, by which a trusted proxy
// says who the client is. The session has no backend before that is known, and the client that it names
// passes the listener's door as if it had connected itself. What was read of the client's bytes along with it
// is kept for the backend. Lives in its session from accept until a backend is connected.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pool/pool.h"
#include "relay/peer.h"
#include "session/close_reason.h"
#include "session/door.h"
#include "session/introduction.h"

namespace weir::session {

class Preread {
 public:
  class Owner {
   public:
    // It is known who the client is, and it may come in.
    virtual void preread_done() = 0;
    // The session is over for that reason.
    virtual void preread_failed(CloseReason reason) = 0;

   protected:
    ~Owner() = default;
  };

  // Whose bytes are read, and what for.
  struct Subject {
    relay::Peer& peer;
    const base::Address& address;  // the peer's
    std::shared_ptr<pool::Pool> pool;
    bool need_not_come;  // without a header the peer is the client
    Door& door;
  };

  // All outlive it.
  Preread(net::EventLoop& loop, Owner& owner, Subject subject);
  Preread(const Preread&) = delete;
  Preread& operator=(const Preread&) = delete;

  // Begins to read. The outcome comes through the owner, perhaps before this returns.
  void start();

  // `preread_timeout` has passed. What has come by then is read first: it may be the loop that was late.
  void timed_out();

  // These are filled by `preread_done`, the first two by `preread_failed` for `kRefused` too.
  const base::Address& client() const { return client_; }
  const std::shared_ptr<const Introduction>& introduction() const { return introduction_; }  // may be none
  admission::LimitPermits take_permits() { return std::move(permits_); }
  // What was read of the client's bytes.
  std::string_view read_ahead() const { return std::string_view(bytes_).substr(header_size_); }

  // These are filled by `preread_failed`, each for the reason that is its own.
  std::optional<wire::ProxyFault> fault() const { return fault_; }
  std::optional<admission::Refusal> refusal() const { return refusal_; }

  // Where the session is to go.
  const std::shared_ptr<pool::Pool>& pool() const { return subject_.pool; }
  Door& door() { return subject_.door; }

 private:
  enum class Step : std::uint8_t { kGoOn, kWait, kOver };

  void on_ready(net::Ready);
  // Reads until something is decided, or nothing is left to be read: then false.
  bool read_all();
  Step read_once();
  Step look();
  Step stream_ended();
  Step take(const wire::ProxyHeader& header);
  Step go_on_without();
  Step admit(ProxyNews news);
  Step fail(CloseReason reason);
  Step fail(wire::ProxyFault fault);
  void finish();

  net::EventLoop& loop_;
  Owner& owner_;
  const Subject subject_;
  std::string bytes_;
  std::size_t header_size_ = 0;
  base::Address client_;
  std::shared_ptr<const Introduction> introduction_;
  admission::LimitPermits permits_;
  std::optional<CloseReason> reason_;
  std::optional<wire::ProxyFault> fault_;
  std::optional<admission::Refusal> refusal_;
};

}  // namespace weir::session
