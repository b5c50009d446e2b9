#include "support/soak_backend.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>

namespace weir::test::soak {
namespace {

base::Address any_port(const std::string& host) { return address_of(host + ":0"); }

// Resets the connection under the hands of the thread that has it: that one finds its socket reset, and
// closes it. A call by number, since the thread sanitizer takes connect(2) for the making of a descriptor.
void abort_connection(const Socket& socket) {
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  ::syscall(SYS_connect, socket.fd(), &nobody, sizeof(nobody));
}

}  // namespace

void Gate::pass() {
  std::unique_lock lock(mutex_);
  opened_.wait(lock, [this] { return !is_shut_; });
}

void Gate::shut() {
  const std::lock_guard lock(mutex_);
  is_shut_ = true;
}

void Gate::open() {
  const std::lock_guard lock(mutex_);
  is_shut_ = false;
  opened_.notify_all();
}

SoakBackend::SoakBackend(std::string name, const std::string& host, Conversation conversation)
    : name_(std::move(name)),
      conversation_(std::move(conversation)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      doors_{Door{Port::kPlain, DeadPort(any_port(host)), std::nullopt},
             Door{Port::kGreeting, DeadPort(any_port(host)), std::nullopt}} {
  listen_again();
  thread_ = std::thread([this] { run(); });
}

SoakBackend::~SoakBackend() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    for (Connection& connection : connections_) {
      if (connection.socket) connection.socket.shut();
    }
  }
  gate_.open();
  wake();
  thread_.join();
  for (Connection& connection : connections_) connection.thread.join();
}

const base::Address& SoakBackend::address(Port port) const {
  return doors_[static_cast<std::size_t>(port)].held.address();
}

void SoakBackend::stop_listening() {
  const std::lock_guard lock(mutex_);
  for (Door& door : doors_) {
    // The accepting thread may be waiting in it, which would keep it alive.
    if (door.listener) ::shutdown(door.listener->fd(), SHUT_RDWR);
    door.listener.reset();
  }
  wake();
}

void SoakBackend::die() {
  stop_listening();
  const std::lock_guard lock(mutex_);
  for (const Connection& connection : connections_) {
    if (connection.socket) abort_connection(connection.socket);
  }
}

void SoakBackend::reset(Socket& socket) {
  const std::lock_guard lock(mutex_);
  socket.reset();
}

void SoakBackend::listen_again() {
  const std::lock_guard lock(mutex_);
  for (Door& door : doors_) {
    if (!door.listener) door.listener.emplace(door.held.address());
  }
  wake();
}

void SoakBackend::hang() {
  gate_.shut();
  const std::lock_guard lock(mutex_);
  is_hung_ = true;
  wake();
}

void SoakBackend::go_on() {
  {
    const std::lock_guard lock(mutex_);
    is_hung_ = false;
    wake();
  }
  gate_.open();
}

void SoakBackend::wake() { ::eventfd_write(wake_.get(), 1); }

void SoakBackend::run() {
  while (true) {
    eventfd_t ignored = 0;
    ::eventfd_read(wake_.get(), &ignored);
    const auto [plain, greeting] = accept_waiting();
    pollfd waiting[] = {{wake_.get(), POLLIN, 0}, {plain, POLLIN, 0}, {greeting, POLLIN, 0}};
    ::poll(waiting, 3, -1);
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return;
  }
}

std::array<int, 2> SoakBackend::accept_waiting() {
  const std::lock_guard lock(mutex_);
  reap();
  std::array<int, 2> watched{-1, -1};
  if (is_hung_ || is_stopping_) return watched;
  for (std::size_t i = 0; i < doors_.size(); ++i) {
    if (!doors_[i].listener) continue;
    watched[i] = doors_[i].listener->fd();
    while (true) {
      base::UniqueFd client(::accept4(watched[i], nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!client) break;
      begin(Socket(std::move(client)), doors_[i].port);
    }
  }
  return watched;
}

void SoakBackend::begin(Socket socket, Port port) {
  Connection& connection = connections_.emplace_back();
  connection.socket = std::move(socket);
  connection.thread = std::thread([this, &connection, port] { serve(connection, port); });
}

void SoakBackend::serve(Connection& connection, Port port) {
  try {
    conversation_(*this, connection.socket, port);
  } catch (const std::exception&) {
    // The peer went away before it was known who it is.
  }
  const std::lock_guard lock(mutex_);
  connection.socket.close();
  connection.over = true;
}

void SoakBackend::reap() {
  connections_.remove_if([](Connection& connection) {
    if (!connection.over) return false;
    connection.thread.join();
    return true;
  });
}

}  // namespace weir::test::soak
