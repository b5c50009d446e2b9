// A listening socket of a test, in several moods: one that is accepted from by hand, a port that is held but
// refuses, and one that does not answer SYNs until it is told to.
#pragma once

#include <vector>

#include "support/socket.h"

namespace weir::test {

// Accepts when told to. `backlog` is listen(2)'s. It may take the port of a `DeadPort`.
class Listener {
 public:
  explicit Listener(const base::Address& address, int backlog = 4096);
  Listener() : Listener(address_of("127.0.0.1:0")) {}

  const base::Address& address() const { return address_; }
  int fd() const { return fd_.get(); }

  // The next connection, or throws at the deadline.
  Socket accept(Millis patience = kPatience);

  // Changes the backlog.
  void listen(int backlog);

  // Connections that come from now on have a receive buffer (SO_RCVBUF) of that size, and so a window.
  void shrink_windows(int bytes);

  void close() { fd_.reset(); }

 private:
  base::UniqueFd fd_;
  base::Address address_;
};

// A port that nobody else can take and that refuses every connect: bound, but not listening. A `Listener` on
// its address makes it answer, for as long as that lives: a server that goes and comes back.
class DeadPort {
 public:
  DeadPort() : DeadPort(address_of("127.0.0.1:0")) {}
  explicit DeadPort(const base::Address& address);
  const base::Address& address() const { return address_; }

 private:
  base::UniqueFd fd_;
  base::Address address_;
};

// A backend whose accept queue is full, so that SYNs go unanswered, as from a host that is switched off. Once
// `open` is called it can be accepted from; connects that are under way get through with their next SYN.
class DeafListener {
 public:
  DeafListener();

  const base::Address& address() const { return listener_.address(); }

  // Makes room; the connections that filled the queue are taken out of it.
  Listener& open();

 private:
  Listener listener_;
  std::vector<Socket> fillers_;
};

}  // namespace weir::test
