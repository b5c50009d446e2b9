// A small HTTP server on a thread and a loop of its own, so that nothing a client of the door does can touch
// the data path. It knows requests and answers, not what they are about. libevent's evhttp stays inside its
// .cc file.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"

namespace weir::admin {

struct HttpRequest {
  std::string method;  // "GET", "HEAD", ... as sent
  std::string path;    // without query, percent-decoded
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::string allow;  // for 405: the methods that are allowed
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Binds `address` (mode 0660 for a unix socket). `handler` is called on the server's thread. A client that
  // neither sends nor takes anything for `patience` is closed.
  static base::Result<std::unique_ptr<HttpServer>> open(const base::Address& address, Handler handler,
                                                        base::Millis patience = base::Millis(10'000));
  ~HttpServer();  // stops
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  base::Result<void> start();
  // Ends the thread; open connections are dropped. Idempotent.
  void stop();

  // The real address: port 0 is resolved.
  const base::Address& address() const;

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace weir::admin
