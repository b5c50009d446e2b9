// Which backends a worker keeps warm connections to: those that are up, in the pools that ask for it. Follows
// the pools' states a few times a second, and makes up for what a session took at the end of the loop's turn.
// Lives on its worker's thread.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "config/model.h"
#include "pool/pool.h"
#include "session/warm_sockets.h"

namespace weir::server {

// What one worker keeps of one pool.
struct WarmShare {
  std::shared_ptr<pool::Pool> pool;
  std::size_t each = 0;  // connections to each backend
  std::size_t most = 0;  // in all: what the sum of descriptors has for it
};

// The shares of worker `index` of `workers`, those of pools without warm connections left out. `pools` are in
// the order of the configuration. Of N connections each worker keeps N / workers, and the first N % workers
// one more. A backend of the configuration counts once; the addresses of a name share its part.
std::vector<WarmShare> warm_shares(const config::Config& config,
                                   const std::vector<std::shared_ptr<pool::Pool>>& pools, std::size_t index,
                                   std::size_t workers);

// The descriptors that the shares of all workers come to.
std::uint64_t most_warm(const config::Config& config);

class Warmer final : public session::WarmSource {
 public:
  explicit Warmer(net::EventLoop& loop);
  Warmer(const Warmer&) = delete;
  Warmer& operator=(const Warmer&) = delete;

  // Makes and keeps connections of these from now on; those of others are closed.
  void keep(std::vector<WarmShare> shares);
  // Closes all and makes no more.
  void stop();

  session::WarmConnection take(const pool::Backend& backend) override;

  // Makes up for what was taken; to be called at the end of every turn of the loop.
  void end_turn();

  // Descriptors that it holds.
  std::size_t size() const;

 private:
  struct Kept {
    std::unique_ptr<session::WarmSockets> sockets;
    std::uint64_t seen = 0;  // the last look at which the backend was up
    // What they were made by; another one takes other connections.
    const pool::BackendWay* way = nullptr;
    base::Millis connect_timeout{0};
  };

  void look();
  void follow(const WarmShare& share);

  net::EventLoop& loop_;
  std::vector<WarmShare> shares_;
  net::Timer timer_;
  std::unordered_map<const pool::Backend*, Kept> kept_;
  std::vector<const pool::Backend*> taken_;  // in this turn
  std::uint64_t looks_ = 0;
};

}  // namespace weir::server
