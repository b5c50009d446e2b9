// A backend that is checked on the port where it serves: it tells a check from a client by the first byte,
// and how it answers either can be changed while it runs. Clients, who begin with "?", get its name and stay
// until they end; checks are HTTP's GET and Redis's PING.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

#include "support/backend.h"

namespace weir::test {

inline const std::string kHttpOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
inline const std::string kHttpUnavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";

class CheckedBackend {
 public:
  explicit CheckedBackend(std::string name) : CheckedBackend(std::move(name), address_of("127.0.0.1:0")) {}
  CheckedBackend(std::string name, const base::Address& address);
  ~CheckedBackend();

  const base::Address& address() const { return backend_.address(); }
  const std::string& name() const { return name_; }

  // Checks that are open or come get these bytes, and the end. `kHttpOk` at first.
  void answer_checks(std::string bytes);
  // They get nothing, until told otherwise.
  void leave_checks_unanswered();
  // Nobody gets anything any more: neither checks nor clients that come.
  void fall_silent();

  // Connections that turned out to be checks, or clients, so far.
  std::size_t checks() const { return checks_; }
  std::size_t clients() const { return clients_; }
  // All connections that were accepted: a check that only connects is neither of the two.
  std::size_t accepted() const { return backend_.accepted(); }

 private:
  enum class Kind { kCheck, kClient };

  void serve(Socket& socket);
  void serve_check(Socket& socket);
  bool may_answer(Kind kind) const;
  // False: the peer or the backend has gone.
  bool wait_until_answering(Kind kind, const Socket& socket);

  const std::string name_;
  std::atomic<std::size_t> checks_{0};
  std::atomic<std::size_t> clients_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string answer_ = kHttpOk;  // guarded by mutex_, as are the others below
  bool answers_checks_ = true;
  bool answers_clients_ = true;
  bool stopping_ = false;
  Backend backend_;  // last: its threads use the others
};

}  // namespace weir::test
