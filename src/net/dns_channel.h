// Questions to name servers on a loop, through c-ares, never blocking: A, AAAA and SRV, answered by the raw
// message (wire/dns_answer reads it), since c-ares 1.18's own replies to SRV have no TTL. Bounds how many
// questions are out and how long one may take, and notices a changed resolv.conf. Knows nothing of /etc/hosts
// (`HostsFile`) and keeps no answers. Owned and used by one thread, that of the loop.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "net/ares_session.h"
#include "net/file_stamp.h"
#include "net/watch.h"
#include "wire/dns_answer.h"

namespace weir::net {

class DnsChannel;

struct DnsChannelOptions {
  // The name servers, asked in this order. Empty: the system's, from `resolv_conf`, with its search list.
  std::vector<base::Address> servers;
  std::string resolv_conf = "/etc/resolv.conf";
  std::uint16_t resolv_conf_port = 53;  // of the servers there, since the file has no ports
  base::Millis attempt_timeout{1'000};  // after which the next server is asked as well
  base::Millis query_timeout{5'000};    // after which a question has failed
  std::size_t max_questions = 64;       // out at once; more wait, first come first served
};

// A question that is out. Dropping it takes the question back: its callback is not called any more. May
// outlive the channel. Move-only.
class DnsQuestion {
 public:
  DnsQuestion() = default;
  DnsQuestion(DnsQuestion&& other) noexcept;
  DnsQuestion& operator=(DnsQuestion&& other) noexcept;
  DnsQuestion(const DnsQuestion&) = delete;
  DnsQuestion& operator=(const DnsQuestion&) = delete;
  ~DnsQuestion() { drop(); }

  void drop();

 private:
  friend class DnsChannel;
  DnsQuestion(std::shared_ptr<DnsChannel*> channel, std::uint64_t id)
      : channel_(std::move(channel)), id_(id) {}

  std::shared_ptr<DnsChannel*>
      channel_;  // empty: there is no question; points to nullptr: no channel any more
  std::uint64_t id_ = 0;
};

class DnsChannel final : private AresSession::Receiver {
 public:
  // The raw message of an answer, NOERROR or NXDOMAIN; or why there is none, in words: "no name server
  // answered in 5s", "the name server failed (SERVFAIL)".
  using Callback = std::function<void(base::Result<std::string>)>;

  // Fails when c-ares cannot start. A resolv.conf that is missing means a server on this host, as it does for
  // the system.
  static base::Result<std::unique_ptr<DnsChannel>> create(EventLoop& loop, DnsChannelOptions options);
  ~DnsChannel();
  DnsChannel(const DnsChannel&) = delete;
  DnsChannel& operator=(const DnsChannel&) = delete;

  // Asks for `name` as it is: no search list. `callback` is called once, later, from the loop, unless the
  // question is dropped or the channel goes first. It may ask and drop questions; it must not destroy the
  // channel.
  [[nodiscard]] DnsQuestion query(std::string name, wire::DnsType type, Callback callback);

  // The names to try for `name`, one after the other while they do not exist: resolv.conf(5), "search" and
  // "ndots". A name with a last dot, or of a channel with servers of its own, stands for itself.
  std::vector<std::string> search_names(std::string_view name);

  std::size_t questions_out() const { return out_.size(); }
  std::size_t questions_waiting() const { return waiting_.size(); }

 private:
  friend class DnsQuestion;
  struct Asked {
    std::string name;
    wire::DnsType type;
    Callback callback;
  };
  struct Deadline {
    base::TimePoint at;
    std::uint64_t id;
  };
  struct Done {
    std::uint64_t id;
    Callback callback;
    base::Result<std::string> reply;
  };

  DnsChannel(EventLoop& loop, DnsChannelOptions options);

  base::Result<bool> open();
  bool may_send() const;
  void look_at_resolv_conf();
  void send_waiting();
  void forget(std::uint64_t id);
  void on_reply(std::uint64_t id, AresSession::Reply reply) override;
  void on_deadline();
  void arm_deadline();
  void deliver();

  EventLoop& loop_;
  const DnsChannelOptions options_;
  const std::shared_ptr<DnsChannel*> self_;
  FileStamp stamp_;
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, Asked> waiting_;  // ids grow, so that the first is the oldest
  std::map<std::uint64_t, Asked> out_;
  std::deque<Deadline> deadlines_;  // in order of time, since all have the same time-out; also of ended ones
  std::deque<Done> done_;
  Timer deadline_;
  Timer soon_;
  std::unique_ptr<AresSession> session_;  // the last: what it tells while it ends finds the rest in place
};

}  // namespace weir::net
