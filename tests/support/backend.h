// A backend in the test's own process: one thread accepts, and each connection gets a thread that runs a
// behaviour. The destructor ends every connection and waits for the threads, so a behaviour may refer to what
// the test owns. What a behaviour throws ends its connection and nothing else: peers go away all the time.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "support/listener.h"

namespace weir::test {

// What a backend does with one connection. The socket is closed when it returns.
using Behaviour = std::function<void(Socket&)>;

// Sends back what comes, up to the end of the stream; then ends its own.
Behaviour echo();

// Waits for the first byte, says `name`, and closes once the client has ended its stream.
Behaviour names_itself(std::string name);

// Waits for the first byte, says the address that the connection comes from, "127.0.0.1", and closes once the
// client has ended its stream.
Behaviour names_its_client();

// Reads to the end of the stream, then answers with `answer` and closes.
Behaviour answers_after_end(std::string answer);

class Backend {
 public:
  explicit Backend(Behaviour behaviour) : Backend(address_of("127.0.0.1:0"), std::move(behaviour)) {}
  Backend(const base::Address& address, Behaviour behaviour);
  ~Backend();
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  const base::Address& address() const { return listener_.address(); }
  // See `Listener::shrink_windows`.
  void shrink_windows(int bytes) { listener_.shrink_windows(bytes); }
  // Connections that were accepted so far, and that are open now.
  std::size_t accepted() const { return accepted_; }
  std::size_t open() const { return open_; }

 private:
  struct Connection {
    Socket socket;
    std::thread thread;
    std::atomic<bool> over{false};
  };

  void run();
  void serve(Connection& connection);
  void reap();

  Listener listener_;
  const Behaviour behaviour_;
  const base::UniqueFd stop_;
  std::atomic<std::size_t> accepted_{0};
  std::atomic<std::size_t> open_{0};
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_, as is each socket's closing
  std::thread thread_;
};

// `size` bytes that do not repeat soon, the same for the same `seed`.
std::string pattern(std::size_t size, std::uint32_t seed = 1);

}  // namespace weir::test
