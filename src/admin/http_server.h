// A small HTTP server on a thread and a loop of its own, so that nothing a client of the door does can touch
// the data path. It knows requests and answers, not what they are about. libevent's evhttp stays inside its
// .cc file.
#pragma once

#include <functional>
#include <memory>

#include "admin/http_message.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::admin {

class HttpServer {
 public:
  // Called on the server's thread, which it must not hold up: what takes its time is answered later.
  using Handler = std::function<void(HttpRequest&&, HttpReply)>;

  // Binds `address` (mode 0660 for a unix socket). A client has `patience` in all to send a whole request,
  // and as much to take its answer and send the next one; a request may wait for its answer as long as that
  // takes. `inherited`, where it is one, is a socket that listens there already;
  // its path belongs to another process until `start`.
  static base::Result<std::unique_ptr<HttpServer>> open(const base::Address& address, Handler handler,
                                                        base::Millis patience = base::Millis(10'000),
                                                        base::UniqueFd inherited = {});
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  base::Result<void> start();
  // Ends the thread; open connections are dropped. Idempotent.
  void stop();

  // Another descriptor of the listening socket, for another process; empty when there is none left, or when
  // its path no longer leads to it. After `start`, and before `stop`; one thread.
  base::UniqueFd copy_socket() const;
  // Nobody is accepted here any more; `to_another` says whether the socket is another process's now. Who
  // waits for an answer, or has just come, gets it; every connection is closed then, so that nobody goes on
  // to ask the wrong process. When it may be called: as `copy_socket`.
  void leave(bool to_another);

  // The real address: port 0 is resolved.
  const base::Address& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace weir::admin
