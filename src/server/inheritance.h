// What this process takes over from the one before, when it was started by an upgrade (server/upgrader), and
// its side of what the two say to each other. On the main thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "net/packet_channel.h"
#include "net/watch.h"
#include "server/handed_state.h"
#include "server/handover.h"
#include "server/listener_set.h"

namespace weir::server {

class Inheritance {
 public:
  // Waits for what the process before hands over. Null when this one was started otherwise, or when that
  // fails, for which `failure` says why: with the other one's end it is a start like any other. Changes the
  // environment: what was meant for the process before is meant for this one.
  static std::unique_ptr<Inheritance> receive(std::string& failure);

  // These two until `let_go`, so that keys which are forgotten elsewhere are not kept here.
  const ListenerSet& listeners() const { return *listeners_; }
  const std::vector<HandedTickets>& tickets() const { return tickets_; }
  const HandedState& state() const { return state_; }
  // The process before.
  pid_t pid() const { return state_.processes.empty() ? 0 : state_.processes.front().pid; }

  // The admin door's socket, if it is at that address; or none.
  base::UniqueFd take_door(const base::Address& address);

  // This process cannot start. The one before tells why.
  void fail(const std::string& why);

  // Everything is prepared. Waits until the process before says that this one may begin, or has ended; fails
  // when it goes on itself.
  base::Result<void> await_go(const std::vector<std::size_t>& not_taken);

  // What was not taken is closed here, before the process before closes it there: who waits is served.
  void let_go();

  // It accepts. `is_main` is called on the loop when the service manager knows it.
  void serve(net::EventLoop& loop, std::function<void()> is_main);

 private:
  Inheritance(net::PacketChannel channel, Legacy legacy, ListenerSet listeners, HandedState state,
              std::size_t sockets);
  void on_word(net::Ready);

  net::PacketChannel channel_;
  std::optional<ListenerSet> listeners_;
  const HandedState state_;
  std::vector<HandedTickets> tickets_;
  base::UniqueFd door_;
  const std::size_t door_position_;  // after the last of the sockets
  std::function<void()> is_main_;
  net::Watch watch_;
};

}  // namespace weir::server
