#include "support/backend.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <exception>
#include <random>

namespace weir::test {

Behaviour echo() {
  return [](Socket& socket) {
    while (true) {
      const Received received = socket.receive_some(64 * 1024, Millis(600'000));
      if (received.ended != Ended::kNot) return;
      socket.send_all(received.bytes);
    }
  };
}

Behaviour names_itself(std::string name) {
  return [name](Socket& socket) {
    if (socket.receive_some(1, Millis(600'000)).ended != Ended::kNot) return;
    socket.send_all(name);
    socket.receive_until_end(Millis(600'000));
  };
}

Behaviour names_its_client() {
  return [](Socket& socket) { names_itself(socket.peer().ip_to_string())(socket); };
}

Behaviour answers_after_end(std::string answer) {
  return [answer](Socket& socket) {
    if (socket.receive_until_end(Millis(600'000)).ended == Ended::kEndOfStream) socket.send_all(answer);
  };
}

Backend::Backend(const base::Address& address, Behaviour behaviour)
    : listener_(address), behaviour_(std::move(behaviour)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  thread_ = std::thread([this] { run(); });
}

Backend::~Backend() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
  {
    const std::lock_guard lock(mutex_);
    for (Connection& connection : connections_) {
      if (connection.socket) connection.socket.shut();
    }
  }
  for (Connection& connection : connections_) connection.thread.join();
}

void Backend::run() {
  while (true) {
    pollfd waiting[] = {{listener_.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(waiting, 2, -1);
    if (waiting[1].revents != 0) return;
    base::UniqueFd client(::accept4(listener_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!client) continue;
    reap();
    ++accepted_;
    ++open_;
    const std::lock_guard lock(mutex_);
    Connection& connection = connections_.emplace_back();
    connection.socket = Socket(std::move(client));
    connection.thread = std::thread([this, &connection] { serve(connection); });
  }
}

void Backend::serve(Connection& connection) {
  try {
    behaviour_(connection.socket);
  } catch (const std::exception&) {
    // The peer went away.
  }
  {
    const std::lock_guard lock(mutex_);
    connection.socket.close();
  }
  --open_;
  connection.over = true;
}

void Backend::reap() {
  const std::lock_guard lock(mutex_);
  connections_.remove_if([](Connection& connection) {
    if (!connection.over) return false;
    connection.thread.join();
    return true;
  });
}

std::string pattern(std::size_t size, std::uint32_t seed) {
  std::string bytes(size, '\0');
  std::minstd_rand random(seed);
  for (char& byte : bytes) byte = static_cast<char>(random() >> 8);
  return bytes;
}

}  // namespace weir::test
