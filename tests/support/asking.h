// Clients that ask a backend for its name (`names_itself`, `CheckedBackend`) and count who answered: how a
// pool's sessions are shared out, and how many of them fail.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "support/weir_process.h"

namespace weir::test {

// What came back to clients, by name. Any thread.
class Tally {
 public:
  Tally() = default;
  Tally(const Tally& other);

  void add(const Received& answer);
  std::size_t of(const std::string& name) const;
  // Clients that got no whole answer.
  std::size_t failed() const;
  // The ways in which they ended, e.g. "3 reset".
  std::string failures() const;
  std::size_t served() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::size_t> names_;
  std::map<std::string, std::size_t> failures_;
};

// One connection that asks, ends its stream and reads to the end.
Received ask(const base::Address& target, const Socket::Options& options = Socket::Options{},
             Millis patience = kPatience);
inline Received ask(const WeirProcess& weir) { return ask(weir.address()); }

// `count` of them one after the other; or on `threads` threads at once.
Tally ask_in_turn(const WeirProcess& weir, std::size_t count);
Tally ask_at_once(const WeirProcess& weir, std::size_t count, std::size_t threads = 8);

// A connection that has asked and been answered, and is open: it holds a place at `name`, the backend.
struct Held {
  Socket socket;
  std::string name;
};
Held hold(const WeirProcess& weir, const Socket::Options& options = Socket::Options{});
// `count` of them, on `threads` threads at once.
std::vector<Held> hold_at_once(const WeirProcess& weir, std::size_t count, std::size_t threads = 8);
// How many of them are at each backend.
std::map<std::string, std::size_t> places(const std::vector<Held>& held);

// How many sessions closed for each reason.
std::map<std::string, std::size_t> reasons(const std::vector<LogLine>& sessions);

}  // namespace weir::test
