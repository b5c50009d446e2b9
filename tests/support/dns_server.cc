#include "support/dns_server.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/unique_fd.h"

namespace weir::test {
namespace {

using Clock = std::chrono::steady_clock;

std::string lower(std::string name) {
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (name.ends_with('.')) name.pop_back();
  return name;
}

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(base::system_error("DNS server: " + what, errno).message());
}

base::UniqueFd open_socket(const base::Address& address, int type) {
  base::UniqueFd fd(::socket(address.family(), type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) fail("socket");
  sockaddr_storage storage{};
  const socklen_t length = address.to_sockaddr(storage);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&storage), length) != 0) return {};
  return fd;
}

base::Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof(storage);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length) != 0) fail("getsockname");
  return base::Address::from_sockaddr(storage, length);
}

}  // namespace

class DnsServer::Worker {
 public:
  Worker(base::UniqueFd udp, base::UniqueFd tcp)
      : udp_(std::move(udp)), tcp_(std::move(tcp)), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!wake_) fail("eventfd");
    thread_ = std::thread([this] { run(); });
  }
  ~Worker() {
    stopping_ = true;
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
  }

  mutable std::mutex mutex;
  std::map<std::pair<std::string, std::uint16_t>, Answer> answers;
  std::unique_ptr<Answer> all;
  std::map<std::pair<std::string, std::uint16_t>, std::size_t> counts;
  std::size_t tcp_count = 0;

 private:
  struct Connection {
    base::UniqueFd fd;
    std::string in;
    bool gone = false;
  };
  // Bytes for one peer, once their time has come.
  struct Reply {
    Clock::time_point at;
    std::string bytes;
    sockaddr_storage to{};
    socklen_t length = 0;
    Connection* connection = nullptr;
  };

  void run() {
    while (!stopping_) {
      std::vector<pollfd> fds{{wake_.get(), POLLIN, 0}, {udp_.get(), POLLIN, 0}, {tcp_.get(), POLLIN, 0}};
      for (const Connection& connection : connections_) fds.push_back({connection.fd.get(), POLLIN, 0});
      ::poll(fds.data(), fds.size(), wait_time());
      read_datagrams();
      accept_connections();
      for (Connection& connection : connections_) read_stream(connection);
      send_due();
      std::erase_if(replies_, [](const Reply& r) { return r.connection != nullptr && r.connection->gone; });
      connections_.remove_if([](const Connection& connection) { return connection.gone; });
    }
  }

  int wait_time() const {
    if (replies_.empty()) return -1;
    auto first = replies_.front().at;
    for (const Reply& reply : replies_) first = std::min(first, reply.at);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(first - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 1'000));
  }

  void read_datagrams() {
    char buffer[4096];
    Reply reply;
    for (;;) {
      reply.length = sizeof(reply.to);
      const ssize_t count = ::recvfrom(udp_.get(), buffer, sizeof(buffer), 0,
                                       reinterpret_cast<sockaddr*>(&reply.to), &reply.length);
      if (count < 0) return;
      answer({buffer, static_cast<std::size_t>(count)}, reply);
    }
  }

  void accept_connections() {
    for (;;) {
      base::UniqueFd fd(::accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      connections_.push_back({std::move(fd), "", false});
    }
  }

  void read_stream(Connection& connection) {
    char buffer[4096];
    const ssize_t count = ::recv(connection.fd.get(), buffer, sizeof(buffer), 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) connection.gone = true;
    if (count <= 0) return;
    connection.in.append(buffer, static_cast<std::size_t>(count));
    while (connection.in.size() >= 2) {
      const std::size_t size =
          static_cast<unsigned char>(connection.in[0]) * 256u + static_cast<unsigned char>(connection.in[1]);
      if (connection.in.size() < 2 + size) return;
      Reply reply;
      reply.connection = &connection;
      answer(connection.in.substr(2, size), reply);
      connection.in.erase(0, 2 + size);
    }
  }

  Answer answer_for(const DnsMessage& question) {
    const std::string name = lower(question.name);
    if (all != nullptr) return *all;
    if (const auto found = answers.find({name, question.type}); found != answers.end()) return found->second;
    const auto other = answers.lower_bound({name, 0});
    Answer none;
    none.authority = {soa_record("test", 60, 60)};
    if (other == answers.end() || other->first.first != name) none.rcode = kDnsNxDomain;
    return none;
  }

  void answer(std::string_view bytes, Reply reply) {
    DnsMessage message;
    if (!read_dns_question(bytes, message)) return;
    Answer told;
    {
      const std::lock_guard lock(mutex);
      ++counts[{lower(message.name), message.type}];
      if (reply.connection != nullptr) ++tcp_count;
      told = answer_for(message);
    }
    reply.at = Clock::now() + told.delay;
    message.rcode = told.rcode;
    message.answers = told.records;
    message.authority = told.authority;
    message.additional = told.additional;
    if (told.mood == Mood::kSilent) return;
    if (told.mood == Mood::kNoisy || told.mood == Mood::kOnlyNoise) make_noise(message, reply);
    if (told.mood == Mood::kOnlyNoise) return;
    if (told.mood == Mood::kTruncates && reply.connection == nullptr) {
      message.truncated = true;
      message.answers.clear();
      message.additional.clear();
    }
    put(message.bytes(), reply);
  }

  void make_noise(DnsMessage message, const Reply& reply) {
    put("noise", reply);
    put(std::string(64, '\xff'), reply);
    for (DnsRecord& record : message.answers) record.data = std::string(record.data.size(), '\x7f');
    ++message.id;
    put(message.bytes(), reply);
    --message.id;
    message.name = "other." + message.name;
    put(message.bytes(), reply);
  }

  void put(const std::string& bytes, Reply reply) {
    const bool stream = reply.connection != nullptr;
    reply.bytes = stream ? dns_number(static_cast<std::uint16_t>(bytes.size())) + bytes : bytes;
    replies_.push_back(std::move(reply));
  }

  void send_due() {
    const auto now = Clock::now();
    for (auto at = replies_.begin(); at != replies_.end();) {
      if (at->at > now) {
        ++at;
        continue;
      }
      // Answers are small beside a socket's buffer, so a short write is not looked for.
      if (at->connection == nullptr) {
        ::sendto(udp_.get(), at->bytes.data(), at->bytes.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&at->to), at->length);
      } else if (!at->connection->gone) {
        ::send(at->connection->fd.get(), at->bytes.data(), at->bytes.size(), MSG_NOSIGNAL);
      }
      at = replies_.erase(at);
    }
  }

  const base::UniqueFd udp_;
  const base::UniqueFd tcp_;
  const base::UniqueFd wake_;
  std::list<Connection> connections_;
  std::list<Reply> replies_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

DnsServer::DnsServer(const std::string& ip, std::uint16_t port) {
  const std::string host = ip.find(':') == std::string::npos ? ip : "[" + ip + "]";
  const auto wanted = base::parse_address(host + ":" + std::to_string(port));
  if (!wanted) throw std::runtime_error(wanted.error().message());
  // A port that is free for TCP may be taken for UDP: another one, then.
  for (int attempt = 0; attempt < 50; ++attempt) {
    base::UniqueFd tcp = open_socket(*wanted, SOCK_STREAM);
    if (!tcp) continue;
    address_ = local_address(tcp.get());
    base::UniqueFd udp = open_socket(address_, SOCK_DGRAM);
    if (!udp) continue;
    if (::listen(tcp.get(), 64) != 0) fail("listen");
    worker_ = std::make_unique<Worker>(std::move(udp), std::move(tcp));
    return;
  }
  fail("no free port");
}

DnsServer::~DnsServer() = default;

void DnsServer::set(const std::string& name, std::uint16_t type, Answer answer) {
  const std::lock_guard lock(worker_->mutex);
  worker_->answers[{lower(name), type}] = std::move(answer);
}

void DnsServer::set_addresses(const std::string& name, std::uint32_t ttl,
                              const std::vector<std::string>& ips) {
  Answer v4;
  Answer v6;
  for (const std::string& ip : ips) {
    if (ip.find(':') == std::string::npos) {
      v4.records.push_back(a_record(name, ttl, ip));
    } else {
      v6.records.push_back(aaaa_record(name, ttl, ip));
    }
  }
  const std::lock_guard lock(worker_->mutex);
  worker_->answers[{lower(name), kDnsA}] = std::move(v4);
  worker_->answers[{lower(name), kDnsAaaa}] = std::move(v6);
}

void DnsServer::set_both(const std::string& name, const Answer& answer) {
  const std::lock_guard lock(worker_->mutex);
  worker_->answers[{lower(name), kDnsA}] = answer;
  worker_->answers[{lower(name), kDnsAaaa}] = answer;
}

void DnsServer::set_all(std::unique_ptr<Answer> answer) {
  const std::lock_guard lock(worker_->mutex);
  worker_->all = std::move(answer);
}

void DnsServer::remove(const std::string& name) {
  const std::lock_guard lock(worker_->mutex);
  std::erase_if(worker_->answers, [&](const auto& entry) { return entry.first.first == lower(name); });
}

std::size_t DnsServer::questions(const std::string& name, std::uint16_t type) const {
  const std::lock_guard lock(worker_->mutex);
  const auto found = worker_->counts.find({lower(name), type});
  return found == worker_->counts.end() ? 0 : found->second;
}

std::size_t DnsServer::questions() const {
  const std::lock_guard lock(worker_->mutex);
  std::size_t sum = 0;
  for (const auto& [key, count] : worker_->counts) sum += count;
  return sum;
}

std::size_t DnsServer::tcp_questions() const {
  const std::lock_guard lock(worker_->mutex);
  return worker_->tcp_count;
}

}  // namespace weir::test
