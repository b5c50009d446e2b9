#include "cli/demo_clients.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/unique_fd.h"
#include "net/thread.h"

namespace weir::cli {
namespace {

constexpr int kThreads = 6;
constexpr int kRequestsPerConnection = 8;
// About 3 000 new connections a second in all, so that source ports outlast any run.
constexpr base::Millis kPause{2};
constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: demo\r\n\r\n";

base::UniqueFd connect_to(const base::Address& target) {
  base::UniqueFd fd(::socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval limit{5, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  sockaddr_storage storage;
  const socklen_t length = target.to_sockaddr(storage);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) fd.reset();
  return fd;
}

// One request and its whole answer, which ends with the backend's line.
bool ask(int fd) {
  if (::send(fd, kRequest.data(), kRequest.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kRequest.size()))
    return false;
  std::string answer;
  while (answer.find("\r\n\r\nhello from backend ") == std::string::npos || !answer.ends_with('\n')) {
    char buffer[512];
    const ssize_t n = ::recv(fd, buffer, sizeof(buffer), 0);
    if (n <= 0) return false;
    answer.append(buffer, static_cast<std::size_t>(n));
  }
  return true;
}

}  // namespace

base::Result<void> DemoClients::start() {
  for (int i = 0; i < kThreads; ++i) {
    auto thread = net::start_thread("clients", [this] { run(); });
    if (!thread) return base::failure(std::move(thread.error()));
    threads_.push_back(std::move(*thread));
  }
  return {};
}

void DemoClients::stop() {
  stopping_ = true;
  for (std::thread& thread : std::exchange(threads_, {})) thread.join();
}

void DemoClients::run() {
  while (!stopping_) {
    const base::UniqueFd fd = connect_to(target_);
    for (int i = 0; i < kRequestsPerConnection; ++i) {
      const bool answered = fd && ask(fd.get());
      if (!answered && ending_()) return;
      (answered ? answered_ : failed_).fetch_add(1, std::memory_order_relaxed);
      if (!answered) break;
    }
    std::this_thread::sleep_for(kPause);
  }
}

}  // namespace weir::cli
