// Reads what says who a client is and where it wants to go, before there is a backend: the header of the
// PROXY protocol, by which a trusted proxy names its client, and then, where a listener routes by it, the
// client's own ClientHello. No pool is asked for anything before that is known. A client that a header names
// passes the listener's door as if it had connected itself. What was read of the client's bytes is kept for
// the backend, unchanged. Lives in its session from accept until a backend is connected.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pool/pool.h"
#include "relay/peer.h"
#include "session/close_reason.h"
#include "session/door.h"
#include "session/introduction.h"
#include "session/read_ahead.h"
#include "session/settings.h"
#include "wire/client_hello.h"

namespace weir::session {

class Preread {
 public:
  class Owner {
   public:
    // It is known who the client is and where it is to go, and it may come in.
    virtual void preread_done() = 0;
    // The session is over for that reason.
    virtual void preread_failed(CloseReason reason) = 0;

   protected:
    ~Owner() = default;
  };

  struct Services {
    net::EventLoop& loop;
    ReadAheadBudget& budget;
  };

  // Whose bytes are read, and what for.
  struct Subject {
    relay::Peer& peer;
    base::Address address;             // the peer's
    bool is_proxy;                     // a header comes first, or may come
    std::shared_ptr<pool::Pool> pool;  // the listener's
    const Entrance& entrance;
    Door& door;
  };

  // All outlive it.
  Preread(const Services& services, Owner& owner, Subject subject);
  Preread(const Preread&) = delete;
  Preread& operator=(const Preread&) = delete;

  // Begins to read. The outcome comes through the owner, perhaps before this returns.
  void start();

  // `preread_timeout` has passed. What has come by then is read first: it may be the loop that was late.
  void timed_out();

  // These are filled by `preread_done`, the first two also by `preread_failed` once a header has been read.
  const base::Address& client() const { return client_; }
  std::shared_ptr<const Introduction> introduction() const { return introduction_; }  // may be none
  // Empty where the peer is the client and passed the door when it connected.
  std::optional<admission::LimitPermits> take_permits() { return std::exchange(permits_, std::nullopt); }
  // What was read of the client's bytes.
  std::string_view read_ahead() const { return bytes_; }
  // The same, for another one to keep.
  std::string take_read_ahead() {
    held_.shrink(bytes_.size());
    return std::exchange(bytes_, std::string());
  }
  // The client's TLS is to end here.
  bool terminates() const { return terminates_; }

  // These are filled by `preread_failed`, each for the reason that is its own.
  std::optional<wire::ProxyFault> fault() const { return fault_; }
  std::optional<admission::Refusal> refusal() const { return refusal_; }
  std::optional<HelloNews> hello() const { return news_; }

  // Where the session is to go: the listener's pool, or that of a route.
  const std::shared_ptr<pool::Pool>& pool() const { return subject_.pool; }
  Door& door() { return subject_.door; }

 private:
  enum class Step : std::uint8_t { kGoOn, kWait, kOver };
  enum class Stage : std::uint8_t { kHeader, kHello };

  void on_ready(net::Ready);
  // Reads until something is decided, or nothing is left to be read: then false.
  bool read_all();
  Step read_once();
  Step look();
  Step look_at_header();
  Step look_at_hello();
  Step stream_ended();
  Step header_ended(const wire::ProxyHeader& header);
  // No header has come that need come, and what has come is none so far.
  bool may_be_client() const;
  Step go_on_without_header();
  Step admit(ProxyNews news);
  // Goes on with what follows the header, if anything does.
  Step begin_hello();
  Step route();
  Step not_tls(HelloNews news);
  void note(HelloNews news);
  Step fail(CloseReason reason);
  Step fail(wire::ProxyFault fault);
  void finish();

  const Services services_;
  Owner& owner_;
  Subject subject_;
  Stage stage_;
  std::string bytes_;          // of the client's, once a header has been taken off
  ReadAhead held_;             // these, and what the ClientHello's parser keeps of them
  std::size_t looked_at_ = 0;  // of them, by that parser
  std::unique_ptr<wire::ClientHello> hello_;
  base::Address client_;
  std::shared_ptr<Introduction> introduction_;
  std::optional<admission::LimitPermits> permits_;
  std::optional<CloseReason> reason_;
  std::optional<wire::ProxyFault> fault_;
  std::optional<admission::Refusal> refusal_;
  std::optional<HelloNews> news_;
  bool terminates_ = false;
};

}  // namespace weir::session
