// A backend of the soak, in the test's process: a server that can die with all its connections, hang, stop
// listening, and come back on the same ports. One thread accepts; each connection has a thread that runs the
// conversation, which passes the gate before each thing that it does, so that a hung backend does nothing.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "support/listener.h"

namespace weir::test::soak {

// Lets through, or holds all who come until it is opened.
class Gate {
 public:
  void pass();
  void shut();
  void open();

 private:
  std::mutex mutex_;
  std::condition_variable opened_;
  bool is_shut_ = false;  // guarded by mutex_
};

class SoakBackend {
 public:
  // The client speaks first on the one, the backend greets on the other.
  enum class Port { kPlain, kGreeting };
  using Conversation = std::function<void(SoakBackend& backend, Socket& socket, Port port)>;

  // `host` is an IPv4 address of this machine's own; the ports are free ones.
  SoakBackend(std::string name, const std::string& host, Conversation conversation);
  ~SoakBackend();
  SoakBackend(const SoakBackend&) = delete;
  SoakBackend& operator=(const SoakBackend&) = delete;

  const std::string& name() const { return name_; }
  const base::Address& address(Port port) const;
  Gate& gate() { return gate_; }
  // Closes a connection's socket with a reset. For the connection's own thread.
  void reset(Socket& socket);

  // One thread at a time calls these.
  void stop_listening();  // refuses; what was not accepted yet is reset by the kernel
  void die();             // the same, and resets every connection
  void listen_again();
  void hang();
  void go_on();

 private:
  struct Connection {
    Socket socket;
    std::thread thread;
    bool over = false;
  };
  struct Door {
    Port port;
    DeadPort held;  // so that the port stays its own while nobody listens
    std::optional<Listener> listener;
  };

  void run();
  // Accepts what waits; the descriptors to watch for more, -1 where there is none.
  std::array<int, 2> accept_waiting();
  void begin(Socket socket, Port port);
  void serve(Connection& connection, Port port);
  void reap();
  void wake();

  const std::string name_;
  const Conversation conversation_;
  const base::UniqueFd wake_;
  Gate gate_;
  std::mutex mutex_;  // guards what follows, and each socket's closing
  std::array<Door, 2> doors_;
  std::list<Connection> connections_;
  bool is_hung_ = false;
  bool is_stopping_ = false;
  std::thread thread_;
};

}  // namespace weir::test::soak
