// Connections that are tried: each is begun, waited for until the server's byte, a refusal or the end of
// patience, counted, and then closed at once or kept. One thread, one epoll; who begins how many and when is
// the caller's (loads.h). A connection that is closed is reset (SO_LINGER 0), so that no port stays behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "limits/tally.h"

namespace weir::limits {

struct Clients {
  base::Address first{};  // of the client addresses; the others follow it
  int count = 1;          // they take turns
};

class Attempts {
 public:
  enum class Served { kClose, kKeep };

  // `patience` is for a connection's whole way to its first byte.
  static base::Result<Attempts> create(const base::Address& target, const Clients& clients,
                                       base::Millis patience);
  Attempts(Attempts&&) = default;
  Attempts& operator=(Attempts&&) = delete;
  ~Attempts();

  // What becomes of those that are served from now on.
  void when_served(Served what) { when_served_ = what; }

  // Begins one more, from the next client address.
  void begin();

  // Begins one and closes it at once: all that leaves is a SYN.
  void begin_and_abandon();

  // Looks at what has happened, waiting up to `most` for something to happen.
  void wait(base::Millis most);

  // Waits until none is under way: the caller's patience is each connection's own.
  void finish();

  std::size_t under_way() const { return under_way_; }
  // How many may be under way or kept at the same time: what the descriptors allow.
  std::size_t room() const { return connections_.size(); }

  // From now on everything is counted anew, but for what is kept.
  void count_anew();
  Tally& tally() { return tally_; }

 private:
  enum class State : std::uint8_t { kNone, kUnderWay, kKept };

  struct Connection {
    State state = State::kNone;
    std::uint32_t client = 0;
    std::uint64_t number = 0;  // tells a connection from an earlier one with its descriptor
  };
  struct Deadline {
    base::TimePoint at;
    int fd;
    std::uint64_t number;
  };

  Attempts(const base::Address& target, const Clients& clients, base::Millis patience, base::UniqueFd epoll,
           std::size_t descriptors);
  base::UniqueFd connect_from_next();
  void on_ready(int fd);
  void on_byte(int fd, Connection& connection);
  void on_end(int fd, Connection& connection, std::uint64_t& count);
  void expire();
  void close(int fd, Connection& connection);

  sockaddr_storage target_{};
  socklen_t target_length_ = 0;
  std::vector<sockaddr_in> clients_;
  std::uint32_t next_client_ = 0;
  base::Millis patience_;
  base::UniqueFd epoll_;
  Served when_served_ = Served::kClose;
  std::vector<Connection> connections_;  // by descriptor
  std::deque<Deadline> deadlines_;       // in order, since patience is the same for all
  std::size_t under_way_ = 0;
  std::uint64_t number_ = 0;
  base::TimePoint counted_since_;
  Tally tally_;
};

}  // namespace weir::limits
