// Pools, backends and one who connects, for the tests of the connector.
#pragma once

#include <gtest/gtest.h>

#include "session/connector.h"
#include "session/wake_list.h"
#include "unit/support.h"

namespace weir::session {

using Backends = std::vector<std::shared_ptr<pool::Backend>>;

inline std::shared_ptr<pool::Backend> backend(std::string name, base::Address address,
                                              std::optional<std::uint32_t> most_sessions = std::nullopt) {
  pool::BackendIdentity identity;
  identity.name = std::move(name);
  identity.address = std::move(address);
  identity.most_sessions = most_sessions;
  return std::make_shared<pool::Backend>(std::move(identity));
}

inline std::shared_ptr<pool::Pool> pool_of(Backends backends, unsigned retries = 2,
                                           unsigned queue_length = 10, bool transparent = false) {
  pool::PoolSettings settings;
  settings.name = "p";
  settings.retries = retries;
  settings.connect_timeout = base::Millis(250);
  settings.queue_length = queue_length;
  settings.queue_timeout = base::Millis(700);
  settings.transparent = transparent;
  return std::make_shared<pool::Pool>(std::move(settings), std::move(backends));
}

// A pool that has nothing for anybody.
inline std::shared_ptr<pool::Pool> pool_in_drain() {
  pool::BackendIdentity identity;
  identity.name = "x";
  identity.mode = pool::BackendMode::kDrain;
  return pool_of({std::make_shared<pool::Backend>(identity)});
}

inline std::uint32_t in_flight(const pool::Pool& pool, std::size_t at = 0) {
  return pool.view().backends[at].in_flight;
}

inline pool::Slot pick(pool::Pool& pool) {
  pool::NoPick why_not = pool::NoPick::kNone;
  return pool.pick({0, {}}, why_not);
}

// An address that refuses: its listener has just closed.
inline base::Address dead_address() { return test::listen_on_loopback().address; }

class ConnectorFixture : public Connector::Owner {
 public:
  ConnectorFixture() {
    loop->at_end_of_turn([this] { wakes.deliver(); });
  }
  void connector_connected(net::Ready) override { ++connected; }
  void connector_connected_and_reset() override { ++connected_and_reset; }
  void connector_failed(CloseReason why) override {
    ++failed;
    reason = why;
  }
  void connector_waits() override {
    ++waits;
    deadline = connector.deadline();
  }
  std::string connector_header() override { return header; }
  bool over() const { return connected + connected_and_reset + failed > 0; }
  void start(std::shared_ptr<pool::Pool> pool) { connector.start(std::move(pool), {client}, options); }
  [[nodiscard]] bool finish() {
    return driver.until([this] { return over(); });
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  const base::Address client = test::loopback(1234);
  net::TcpOptions options;
  relay::Peer peer;
  WakeList wakes{[] {}};
  int connected = 0;
  int connected_and_reset = 0;
  int failed = 0;
  int waits = 0;
  std::string header;  // what the session sends before TLS
  CloseReason reason = CloseReason::kClientEnd;
  base::TimePoint deadline;
  const Connector::Services services{*loop, wakes};
  Connector connector{services, *this, peer};
};

}  // namespace weir::session
