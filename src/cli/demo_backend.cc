#include "cli/demo_backend.h"

#include <fmt/format.h>
#include <sys/socket.h>

#include <cerrno>
#include <unordered_map>

#include "net/socket.h"
#include "net/thread.h"

namespace weir::cli {
namespace {

// A request or line longer than this is no demonstration.
constexpr std::size_t kMostReceived = std::size_t{64} * 1024;

bool looks_like_http(std::string_view text) {
  for (const std::string_view method : {"GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH "}) {
    if (text.starts_with(method)) return true;
  }
  return false;
}

std::string http_answer(const std::string& name, bool body_wanted) {
  const std::string body = fmt::format("hello from backend {}\n", name);
  return fmt::format(
      "HTTP/1.1 200 OK\r\nServer: weir-demo\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}",
      body.size(), body_wanted ? body : "");
}

}  // namespace

std::string demo_answer(const std::string& name, std::string& received) {
  std::string answer;
  for (;;) {
    const bool http = looks_like_http(received);
    const std::string_view end = http ? "\r\n\r\n" : "\n";
    const std::size_t at = received.find(end);
    if (at == std::string::npos) return answer;
    if (http) {
      answer += http_answer(name, !received.starts_with("HEAD "));
    } else {
      answer += fmt::format("{}: {}\n", name, std::string_view(received).substr(0, at));
    }
    received.erase(0, at + end.size());
  }
}

// Everything a client of a backend needs. Kept by its listener; gone with it or at the end of the stream.
class DemoBackends::Connection {
 public:
  Connection(net::EventLoop& loop, base::UniqueFd fd, const std::string& name, std::function<void()> closed)
      : fd_(std::move(fd)), name_(name), closed_(std::move(closed)) {
    watch_.bind<&Connection::on_ready>(loop, fd_.get(), this);
    if (!watch_.want(net::Interest::kRead)) finished_ = true;
  }

  bool finished() const { return finished_; }

 private:
  void on_ready(net::Ready) {
    char buffer[16 * 1024];
    const ssize_t n = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return close();
    received_.append(buffer, static_cast<std::size_t>(n));
    const std::string answer = demo_answer(name_, received_);
    const bool sent = answer.empty() || ::send(fd_.get(), answer.data(), answer.size(), MSG_NOSIGNAL) ==
                                            static_cast<ssize_t>(answer.size());
    if (!sent || received_.size() > kMostReceived) close();
  }

  void close() {
    watch_.stop();
    fd_.reset();
    finished_ = true;
    closed_();
  }

  base::UniqueFd fd_;
  const std::string& name_;
  const std::function<void()> closed_;
  net::Watch watch_;
  std::string received_;
  bool finished_ = false;
};

class DemoBackends::Listener {
 public:
  Listener(net::EventLoop& loop, base::UniqueFd fd, std::string name)
      : loop_(loop), fd_(std::move(fd)), name_(std::move(name)) {
    watch_.bind<&Listener::on_ready>(loop, fd_.get(), this);
    WEIR_ASSERT(watch_.want(net::Interest::kRead));
    loop.at_end_of_turn([this] { sweep(); });
  }

 private:
  void on_ready(net::Ready) {
    for (int i = 0; i < 64; ++i) {
      base::UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (!fd) return;
      const int key = fd.get();
      connections_[key] =
          std::make_unique<Connection>(loop_, std::move(fd), name_, [this] { sweep_wanted_ = true; });
    }
  }

  void sweep() {
    if (!std::exchange(sweep_wanted_, false)) return;
    std::erase_if(connections_, [](const auto& entry) { return entry.second->finished(); });
  }

  net::EventLoop& loop_;
  const base::UniqueFd fd_;
  const std::string name_;
  net::Watch watch_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  bool sweep_wanted_ = false;
};

DemoBackends::DemoBackends(std::unique_ptr<net::EventLoop> loop, std::unique_ptr<net::Mailbox<Stop>> mailbox)
    : loop_(std::move(loop)), mailbox_(std::move(mailbox)) {}

base::Result<std::unique_ptr<DemoBackends>> DemoBackends::open(const std::vector<std::string>& names) {
  auto loop = net::EventLoop::create();
  if (!loop) return base::failure(std::move(loop.error()));
  auto mailbox = net::Mailbox<Stop>::create(**loop, 1);
  if (!mailbox) return base::failure(std::move(mailbox.error()));
  auto backends = std::unique_ptr<DemoBackends>(new DemoBackends(std::move(*loop), std::move(*mailbox)));
  for (const std::string& name : names) {
    net::ListenOptions options;
    options.backlog = net::somaxconn();
    auto fd = net::listen_on(*base::parse_address("127.0.0.1:0"), options);
    if (!fd) return base::failure(std::move(fd.error()));
    auto address = net::local_address(fd->get());
    if (!address) return base::failure(std::move(address.error()));
    backends->addresses_.push_back(*address);
    backends->listeners_.push_back(std::make_unique<Listener>(*backends->loop_, std::move(*fd), name));
  }
  return backends;
}

base::Result<void> DemoBackends::start() {
  mailbox_->open([this](Stop&&) { loop_->stop(); });
  auto thread = net::start_thread("backends", [this] { loop_->run(); });
  if (!thread) return base::failure(std::move(thread.error()));
  thread_ = std::move(*thread);
  return {};
}

DemoBackends::~DemoBackends() {
  if (!thread_.joinable()) return;
  static_cast<void>(mailbox_->post(Stop{}));
  thread_.join();
}

}  // namespace weir::cli
