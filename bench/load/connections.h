// The clients of a load: connections that ask for the same thing again and again, each one request at a time.
// Who asks when is the caller's; a request that finds no free connection waits for one, first come first
// served, and its latency counts from when it was due. One thread, one epoll.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "load/answer.h"
#include "load/responder.h"
#include "load/tally.h"
#include "load/tls_client.h"

namespace weir::load {

// Clients read as much as they may in a tick, and then wait for the next one.
constexpr std::size_t kTicksPerSecond = 10;

struct Clients {
  base::Address target;
  base::Address first_address;  // of the clients, IPv4; they take the following ones in turn
  unsigned addresses = 0;       // 0: the kernel chooses
  unsigned connections = 1;
  bool is_one_request_each = false;  // a connection ends with its request, which says so to the server
  bool discards = false;             // bodies are not read, but dropped by the kernel
  std::size_t bytes_per_tick = 0;    // that a connection reads at most; 0: all that come
  std::string path = "/";
  std::optional<Handshakes> tls;  // none: they speak no TLS
  bool says_hello = false;  // the first message of TLS goes before the first request, and nothing else of it
  base::Millis patience{10'000};  // for an answer
};

class Connections {
 public:
  static base::Result<Connections> create(const Clients& clients);

  // The one who answers, if it is this process: whenever it is waited for something, it also answers. It must
  // outlive the waits.
  base::Result<void> answer_by(Responder& responder);

  // Asks once more.
  void ask(base::TimePoint due);

  // Whether what comes now is counted, bytes and answers; `from` on: answers only to what was due then or
  // later.
  void count(bool counts, base::TimePoint from = {}) {
    counts_answers_ = counts_bytes_ = counts;
    counts_from_ = from;
  }

  // From now on only answers are.
  void count_no_bytes() { counts_bytes_ = false; }

  // Looks at what has happened, waiting up to `most` for something to happen.
  void wait(std::chrono::nanoseconds most);

  // Waits for what is under way; bounded. Nothing is counted any more but errors, and what never comes as
  // unanswered.
  void drain();

  // Instead of that, where answers are read slowly and would take long: each connection that has received
  // less than half of what it may have read since `watch_received` counts as unanswered.
  void count_starved();
  void watch_received();

  // Closes all, so that nobody between finds its peers vanished; bounded.
  void close();

  // Connections that have come to an end by themselves.
  std::size_t lost() const;

  bool reads_slowly() const { return clients_.bytes_per_tick > 0; }
  std::size_t size() const { return connections_.size(); }
  base::Millis patience() const { return clients_.patience; }
  // Requests that are due and not answered yet.
  std::size_t unanswered() const { return waiting_.size() + (connections_.size() - free_.size()); }
  Tally& tally() { return tally_; }

 private:
  struct Connection {
    base::UniqueFd fd;
    tls::SslPtr ssl;  // none without TLS
    bool resumes = false;
    Answer answer;
    base::TimePoint due;
    base::TimePoint asked;
    std::size_t to_send = 0;  // of the request, from its end
    bool waits_to_send = false;
    bool is_answered = false;  // and now the end of stream is waited for
    bool is_busy = false;
    std::size_t read_in_tick = 0;
    std::uint64_t received = 0;  // since `watch_received`
  };

  Connections(const Clients& clients, base::UniqueFd epoll, std::unique_ptr<TlsClient> tls);
  void begin(std::uint32_t at, base::TimePoint due);
  bool open(std::uint32_t at);
  void send(std::uint32_t at);
  ssize_t write(Connection& connection);
  void on_ready(std::uint32_t at);
  // Whether something came, and more may be there.
  bool read(std::uint32_t at);
  void on_answer(std::uint32_t at);
  static void end(Connection& connection);
  void fail(std::uint32_t at, std::uint64_t& count);
  void done(std::uint32_t at);
  void watch(std::uint32_t at, std::uint32_t events, int operation);
  bool counts(const Connection& connection) const {
    return counts_answers_ && connection.due >= counts_from_;
  }
  void rest(std::uint32_t at);
  void on_tick();

  Clients clients_;
  std::string request_;  // the first one of a connection
  std::size_t again_;    // the length of the next ones, which are its end
  base::UniqueFd epoll_;
  std::unique_ptr<TlsClient> tls_;
  Responder* responder_ = nullptr;
  std::vector<Connection> connections_;
  std::deque<std::uint32_t> free_;  // they take turns
  std::deque<base::TimePoint> waiting_;
  std::vector<std::uint32_t> resting_;  // they have read enough for this tick
  std::uint32_t next_address_ = 0;
  bool counts_answers_ = true;
  bool counts_bytes_ = true;
  base::TimePoint counts_from_;
  base::TimePoint next_tick_;
  std::size_t ticks_ = 0;  // since `watch_received`
  std::vector<char> buffer_;
  Tally tally_;
};

}  // namespace weir::load
