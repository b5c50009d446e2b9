// Connected sockets, loops that are driven until a condition holds, and folders that clean up: what the unit
// tests share. Loopback only, no fixed ports, no sleeps.
#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "net/event_loop.h"
#include "net/socket.h"
#include "net/watch.h"

namespace weir::test {

// Long enough for a machine that is busy with other things; reached only by a test that fails.
constexpr base::Millis kPatience{20'000};

struct SocketPair {
  base::UniqueFd a;
  base::UniqueFd b;
};

inline SocketPair unix_pair() {
  int fds[2] = {-1, -1};
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  return {base::UniqueFd(fds[0]), base::UniqueFd(fds[1])};
}

inline base::Address loopback(std::uint16_t port = 0) {
  in_addr ip{};
  ip.s_addr = htonl(INADDR_LOOPBACK);
  return base::Address::ipv4(ip, port);
}

// A listening TCP socket on a port of the kernel's choice.
struct Listening {
  base::UniqueFd fd;
  base::Address address;
};

inline Listening listen_on_loopback(int backlog = 16) {
  net::ListenOptions options;
  options.backlog = backlog;
  auto fd = net::listen_on(loopback(), options);
  EXPECT_TRUE(fd.has_value()) << fd.error().message();
  auto address = net::local_address(fd->get());
  EXPECT_TRUE(address.has_value());
  return {std::move(*fd), *address};
}

// Waits for `events` on `fd`; false when they do not come.
inline bool wait_for(int fd, short events, base::Millis patience = kPatience) {
  pollfd waiting{fd, events, 0};
  return ::poll(&waiting, 1, static_cast<int>(patience.count())) == 1;
}

inline base::UniqueFd accept_from(int listening) {
  EXPECT_TRUE(wait_for(listening, POLLIN));
  return base::UniqueFd(::accept4(listening, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
}

inline base::UniqueFd connect_to(const base::Address& address) {
  net::Connecting connecting = net::start_connect(address, {});
  EXPECT_TRUE(connecting.error == 0 || connecting.error == EINPROGRESS) << connecting.error;
  EXPECT_TRUE(wait_for(connecting.fd.get(), POLLOUT));
  EXPECT_EQ(net::take_error(connecting.fd.get()), 0);
  return std::move(connecting.fd);
}

// `a` connected, `b` accepted. Both non-blocking.
inline SocketPair tcp_pair() {
  const Listening listening = listen_on_loopback();
  base::UniqueFd a = connect_to(listening.address);
  base::UniqueFd b = accept_from(listening.fd.get());
  EXPECT_TRUE(static_cast<bool>(b));
  return {std::move(a), std::move(b)};
}

// A small send buffer, so that little data fills it. Receive buffers are left alone: a TCP window smaller
// than loopback's segments makes the kernel wait for its probes.
inline void shrink_send_buffer(int fd) {
  const int size = 4096;
  ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

// Writes as much of `data` as the socket takes now.
inline std::size_t send_some(int fd, std::string_view data) {
  const ssize_t n = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

// Fills the socket until it takes no more; returns how many bytes went in.
inline std::size_t fill_up(int fd) {
  const std::string block(16 * 1024, 'f');
  std::size_t sum = 0;
  while (const std::size_t n = send_some(fd, block)) sum += n;
  return sum;
}

// Asks until `condition` holds; false when it does not come to hold in time. For what other threads do.
inline bool eventually(const std::function<bool()>& condition) {
  const base::TimePoint deadline = base::precise_now() + kPatience;
  while (!condition()) {
    if (base::precise_now() >= deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

// Waits for readability and reads once: the bytes; "" at the end of the stream or on an error (see `error`).
inline std::string receive(int fd, int* error = nullptr, std::size_t most = 64 * 1024) {
  if (error != nullptr) *error = 0;
  if (!wait_for(fd, POLLIN)) {
    ADD_FAILURE() << "nothing came";
    return "";
  }
  std::string data(most, '\0');
  const ssize_t n = ::recv(fd, data.data(), data.size(), 0);
  if (n < 0 && error != nullptr) *error = errno;
  data.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return data;
}

// Everything up to the end of the stream or an error, which `error` then names.
inline std::string receive_all(int fd, int* error = nullptr) {
  std::string all;
  for (;;) {
    int failed = 0;
    const std::string data = receive(fd, &failed);
    if (error != nullptr) *error = failed;
    if (data.empty()) return all;
    all += data;
  }
}

inline std::unique_ptr<net::EventLoop> make_loop() {
  auto loop = net::EventLoop::create();
  EXPECT_TRUE(loop.has_value());
  return std::move(*loop);
}

// Runs a loop until a condition holds. It looks after every turn, and turns at least every millisecond.
class Driver {
 public:
  explicit Driver(net::EventLoop& loop) : loop_(loop) {
    tick_.bind<&Driver::on_tick>(loop, this);
    loop.at_end_of_turn([this] {
      if (!condition_) return;
      held_ = condition_();
      if (held_ || base::precise_now() >= deadline_) loop_.stop();
    });
  }
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // False when `condition` did not come to hold in time. It is asked once a turn and may do things.
  [[nodiscard]] bool until(std::function<bool()> condition, base::Millis patience = kPatience) {
    condition_ = std::move(condition);
    deadline_ = base::precise_now() + patience;
    tick_.start(base::Millis(1));
    loop_.run();
    tick_.stop();
    condition_ = nullptr;
    return held_;
  }

  // Lets everything that is ready now happen: `count` turns.
  void turns(int count) {
    int left = count;
    static_cast<void>(until([&left] { return --left <= 0; }));
  }

 private:
  void on_tick() { tick_.start(base::Millis(1)); }

  net::EventLoop& loop_;
  net::Timer tick_;
  std::function<bool()> condition_;
  base::TimePoint deadline_;
  bool held_ = false;
};

// A folder of its own, removed with everything in it.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir-unit-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace weir::test
