#include "net/ares_session.h"

#include <arpa/nameser.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace weir::net {
namespace {

using base::ErrorSide;
using base::failure;

constexpr int kTries = 3;             // rounds through the servers; `DnsChannel`'s deadline comes first
constexpr int kMaxUdpAnswer = 1'232;  // what every path carries in one piece; what is longer comes by TCP

std::string words_of(int status, int refusal) {
  switch (status) {
    case ARES_ETIMEOUT:
      return "no name server answered";
    case ARES_ECONNREFUSED:
      // This is how the library ends a question that every server refused, too.
      if (refusal == ns_r_servfail) return "the name server failed (SERVFAIL)";
      if (refusal == ns_r_notimpl) return "the name server does not know this kind of question (NOTIMP)";
      if (refusal == ns_r_refused) return "the name server refuses the question (REFUSED)";
      return "no name server can be reached";
    case ARES_EFORMERR:
      return "the name server does not understand the question (FORMERR)";
    case ARES_EBADNAME:
      return "it is no name that can be asked for";
    default:
      return ares_strerror(status);
  }
}

// Sockets as Weir's others: non-blocking, close-on-exec, without SIGPIPE.
ares_socket_t open_socket(int domain, int type, int protocol, void*) {
  return ::socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}
int close_socket(ares_socket_t fd, void*) { return ::close(fd); }
int connect_socket(ares_socket_t fd, const sockaddr* address, ares_socklen_t length, void*) {
  return ::connect(fd, address, length);
}
ares_ssize_t send_vector(ares_socket_t fd, const iovec* parts, int count, void*) {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<std::size_t>(count);
  return ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

}  // namespace

struct AresSession::Socket {
  Socket(AresSession& its_session, int its_fd) : session(its_session), fd(its_fd) {}

  void on_ready(Ready ready) {
    // The library may close the socket, and this object with it: nothing is touched afterwards.
    AresSession& to = session;
    const int number = fd;
    to.process(ready.read ? number : ARES_SOCKET_BAD, ready.write ? number : ARES_SOCKET_BAD);
  }

  AresSession& session;
  const int fd;
  Watch watch;
};

// Lives until the library has said how it ended.
struct AresSession::Question {
  AresSession& session;
  const std::uint64_t id;
  const std::string name;
  const wire::DnsType type;
  int refusal = 0;
};

AresSession::AresSession(EventLoop& loop, Receiver& receiver) : loop_(loop), receiver_(receiver) {
  timer_.bind<&AresSession::on_time>(loop, this);
}

base::Result<std::unique_ptr<AresSession>> AresSession::create(EventLoop& loop, const AresSettings& settings,
                                                               Receiver& receiver) {
  std::unique_ptr<AresSession> session(new AresSession(loop, receiver));
  const auto opened = session->open(settings);
  if (!opened) return failure(opened.error());
  return session;
}

base::Result<bool> AresSession::open(const AresSettings& settings) {
  static const int kLibrary = ares_library_init(ARES_LIB_INIT_ALL);  // once, and for as long as the process
  std::string path = settings.resolv_conf;
  ares_options options{};
  options.flags = ARES_FLAG_EDNS;
  options.ednspsz = kMaxUdpAnswer;
  options.timeout = static_cast<int>(settings.attempt_timeout.count());
  options.tries = kTries;
  options.resolvconf_path = path.data();
  options.udp_port = settings.port;
  options.tcp_port = settings.port;
  options.sock_state_cb_data = this;
  options.sock_state_cb = [](void* self, ares_socket_t fd, int read, int write) {
    static_cast<AresSession*>(self)->on_socket_state(fd, interest_in(read != 0, write != 0));
  };
  int set = ARES_OPT_FLAGS | ARES_OPT_EDNSPSZ | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_UDP_PORT |
            ARES_OPT_TCP_PORT | ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF;
  // With servers of one's own names are taken as they are: an empty search list.
  if (!settings.servers.empty()) set |= ARES_OPT_DOMAINS;
  int status = kLibrary == ARES_SUCCESS ? ares_init_options(&channel_, &options, set) : kLibrary;
  if (status == ARES_SUCCESS && !settings.servers.empty()) {
    std::vector<std::string> servers;
    for (const base::Address& server : settings.servers) servers.push_back(server.to_string());
    status = ares_set_servers_ports_csv(channel_, fmt::format("{}", fmt::join(servers, ",")).c_str());
  }
  if (status != ARES_SUCCESS) {
    return failure({ErrorSide::kSystem, std::string("the resolver cannot start: ") + ares_strerror(status)});
  }
  static const ares_socket_functions kFunctions{open_socket, close_socket, connect_socket,
                                                &AresSession::receive, send_vector};
  ares_set_socket_functions(channel_, &kFunctions, this);
  load_search_list();
  return true;
}

void AresSession::load_search_list() {
  ares_options now{};
  int set = 0;
  if (ares_save_options(channel_, &now, &set) != ARES_SUCCESS) return;
  for (int i = 0; i < now.ndomains; ++i) domains_.emplace_back(now.domains[i]);
  ndots_ = now.ndots;
  ares_destroy_options(&now);
}

AresSession::~AresSession() {
  if (channel_ != nullptr) ares_destroy(channel_);
}

void AresSession::ask(std::uint64_t id, const std::string& name, wire::DnsType type) {
  auto question = std::make_unique<Question>(Question{*this, id, name, type});
  Question* const raw = question.get();
  questions_[id] = std::move(question);
  ares_query(
      channel_, raw->name.c_str(), ns_c_in, static_cast<int>(type),
      [](void* asked, int status, int, unsigned char* bytes, int size) {
        const auto* const ended = static_cast<Question*>(asked);
        std::string message;
        if (bytes != nullptr && size > 0) {
          message.assign(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
        }
        ended->session.on_end(*ended, status, std::move(message));
      },
      raw);
  arm_timer();
}

void AresSession::on_end(const Question& question, int status, std::string message) {
  const std::uint64_t id = question.id;
  const bool is_answer = status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
  const std::string words = words_of(status, question.refusal);
  questions_.erase(id);
  if (status == ARES_EDESTRUCTION) return;
  if (is_answer && !message.empty()) {
    receiver_.on_reply(id, std::move(message));
  } else {
    receiver_.on_reply(id, failure({ErrorSide::kBackend, words}));
  }
}

void AresSession::process(int read_fd, int write_fd) {
  ares_process_fd(channel_, read_fd, write_fd);
  arm_timer();
}

void AresSession::on_time() { process(ARES_SOCKET_BAD, ARES_SOCKET_BAD); }

void AresSession::arm_timer() {
  timeval space{};
  const timeval* const left = ares_timeout(channel_, nullptr, &space);
  if (left == nullptr) return timer_.stop();
  // The loop's clock is coarse: without the millisecond more it could wake too early, again and again.
  timer_.start(base::Millis(left->tv_sec * 1'000 + left->tv_usec / 1'000 + 1));
}

void AresSession::on_socket_state(int fd, Interest interest) {
  if (interest == Interest::kNone) {
    sockets_.erase(fd);
    return;
  }
  auto& socket = sockets_[fd];
  if (socket == nullptr) {
    socket = std::make_unique<Socket>(*this, fd);
    socket->watch.bind<&Socket::on_ready>(loop_, fd, socket.get());
  }
  // Without memory for it the question ends by its time-out.
  if (!socket->watch.want(interest)) sockets_.erase(fd);
}

void AresSession::note_refusal(const unsigned char* bytes, std::size_t size) {
  if (size < NS_HFIXEDSZ || size > NS_MAXMSG) return;
  const int rcode = bytes[3] & 0x0f;
  if (rcode != ns_r_servfail && rcode != ns_r_notimpl && rcode != ns_r_refused) return;
  char* name = nullptr;
  long used = 0;
  const unsigned char* const question = bytes + NS_HFIXEDSZ;
  if (ares_expand_name(question, bytes, static_cast<int>(size), &name, &used) != ARES_SUCCESS) return;
  const unsigned char* const type = question + used;
  if (type + NS_QFIXEDSZ <= bytes + size) {
    const auto number = static_cast<wire::DnsType>(type[0] << 8 | type[1]);
    for (const auto& [id, asked] : questions_) {
      if (asked->type == number && wire::is_same_dns_name(asked->name, name)) asked->refusal = rcode;
    }
  }
  ares_free_string(name);
}

ares_ssize_t AresSession::receive(int fd, void* bytes, std::size_t size, int flags, sockaddr* from,
                                  ares_socklen_t* length, void* self) {
  const ares_ssize_t count = ::recvfrom(fd, bytes, size, flags, from, length);
  if (count > 0) {
    static_cast<AresSession*>(self)->note_refusal(static_cast<const unsigned char*>(bytes),
                                                  static_cast<std::size_t>(count));
  }
  return count;
}

}  // namespace weir::net
