// The books of the soak: what both sides saw of each session of a round, what Weir's log says of it, and the
// verdict on every one. Both sides write from any thread; the verdicts come when all is over.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "support/log_line.h"
#include "support/soak_faults.h"
#include "support/soak_journal.h"
#include "support/soak_plan.h"
#include "support/soak_stream.h"

namespace weir::test::soak {

// How it went on one side.
struct Account {
  Outcome outcome = Outcome::kOpen;
  std::string words;  // where it broke
  Clock::time_point begun{};
  Clock::time_point ended{};
};

struct Session {
  std::uint64_t number = 0;
  Kind kind = Kind::kTiny;
  std::string address;  // the client's
  Account client;
  std::string seen_by;  // the backend that it came to, "": none
  Account backend;
  std::optional<LogLine> logged;
  std::string log_text;
};

// What a round came to.
struct Tally {
  std::size_t sessions = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::size_t> kinds;      // sessions of each
  std::map<std::string, std::size_t> explained;  // disturbed sessions, by what explains them
  std::map<std::string, std::size_t> faults;     // of backends
  std::vector<std::string> unexplained;          // one line each, with Weir's

  void add(const Tally& other);
  std::string to_string() const;
};

class Ledger {
 public:
  explicit Ledger(std::uint64_t seed) : seed_(seed) {}

  void client_done(std::uint64_t number, Kind kind, const std::string& address, Account account);
  // False when it has been seen before: a session goes to one backend, so this is a stranger.
  bool backend_begins(std::uint64_t number, const std::string& backend);
  void backend_done(std::uint64_t number, Account account);
  // Something came to a backend that is no session's: nothing explains it.
  void stranger(const std::string& what);

  // Sessions that a client has begun, and those that a backend has and is not done with.
  std::size_t sessions() const;
  std::size_t open_at_backends() const;

  // Judges the sessions so far and forgets them. `log` are Weir's lines on them.
  Tally close(const std::vector<std::string>& log, const std::vector<Fault>& faults, Journal& journal);

 private:
  void join(const std::vector<std::string>& log, Tally& tally);

  const std::uint64_t seed_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, Session> sessions_;  // guarded by mutex_, as is the rest
  std::vector<std::string> strangers_;
  std::size_t clients_ = 0;
  std::size_t open_at_backends_ = 0;
};

}  // namespace weir::test::soak
