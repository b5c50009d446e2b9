// One channel of c-ares on a loop: its sockets are watched, its time-outs are a timer, so it never blocks. It
// asks one question for one name as it is; search lists, limits, deadlines and a changed resolv.conf are
// `DnsChannel`'s. One thread, that of the loop.
#pragma once

#include <ares.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "net/watch.h"
#include "wire/dns_answer.h"

namespace weir::net {

struct AresSettings {
  std::vector<base::Address> servers;  // empty: those of `resolv_conf`
  std::string resolv_conf;
  std::uint16_t port = 53;              // of the servers in `resolv_conf`, which has no ports
  base::Millis attempt_timeout{1'000};  // until the next server is tried; doubled in each round
};

class AresSession {
 public:
  // The whole message of an answer, NOERROR or NXDOMAIN; or why there is none, in words.
  using Reply = base::Result<std::string>;

  // Gets the replies, in the middle of the library's work: it notes them and nothing else.
  class Receiver {
   public:
    virtual void on_reply(std::uint64_t id, Reply reply) = 0;

   protected:
    ~Receiver() = default;
  };

  // Fails when the library cannot make its channel.
  static base::Result<std::unique_ptr<AresSession>> create(EventLoop& loop, const AresSettings& settings,
                                                           Receiver& receiver);

  // Questions that are out are dropped: the receiver hears nothing of them any more.
  ~AresSession();
  AresSession(const AresSession&) = delete;
  AresSession& operator=(const AresSession&) = delete;

  // Asks for `name`, which is taken as a whole name. The reply comes once, and may come before this returns.
  void ask(std::uint64_t id, const std::string& name, wire::DnsType type);

  // Those that the library has, also when nobody waits for their replies any more: it knows no taking back.
  std::size_t questions() const { return questions_.size(); }

  // resolv.conf(5): domains in which names are searched, and from how many dots on a name is tried as it is
  // first. None when servers were given.
  const std::vector<std::string>& search_domains() const { return domains_; }
  int ndots() const { return ndots_; }

 private:
  struct Socket;
  struct Question;

  AresSession(EventLoop& loop, Receiver& receiver);

  base::Result<bool> open(const AresSettings& settings);
  void load_search_list();
  void process(int read_fd, int write_fd);
  void on_time();
  void arm_timer();
  void on_socket_state(int fd, Interest interest);
  void on_end(const Question& question, int status, std::string message);

  // Whatever a server sends passes here first: the library does not tell a server's refusal from silence.
  void note_refusal(const unsigned char* bytes, std::size_t size);
  static ares_ssize_t receive(int fd, void* bytes, std::size_t size, int flags, sockaddr* from,
                              ares_socklen_t* length, void* self);

  EventLoop& loop_;
  Receiver& receiver_;
  ares_channel channel_ = nullptr;
  std::map<int, std::unique_ptr<Socket>> sockets_;
  std::map<std::uint64_t, std::unique_ptr<Question>> questions_;
  std::vector<std::string> domains_;
  int ndots_ = 1;
  Timer timer_;
};

}  // namespace weir::net
