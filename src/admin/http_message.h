// What a client of the admin door asks, and what it is answered: plain values, and the handle by which a
// request that takes its time is answered later. Knows nothing of libevent.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"

namespace weir::admin {

struct HttpRequest {
  std::string method;         // "GET", "HEAD", ... as sent
  std::string path;           // as sent, without query
  std::string query;          // as sent, without the question mark
  std::string host;           // the headers of these names; empty: none
  std::string origin;         //
  std::string authorization;  //
  std::string content_type;   //
  std::string fetch_site;     // Sec-Fetch-Site
  std::string body;
  bool is_local = false;  // came by a unix socket
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  // further ones
};

// Answers one request: at once or later, from any thread, once. Where every copy has gone unused the client
// is told that there is no answer (500). May outlive the server: then nothing happens.
class HttpReply {
 public:
  // Makes the response, on the server's thread.
  using Make = std::function<HttpResponse()>;

  // `send` has the server answer by what is made.
  explicit HttpReply(std::function<void(Make&&)> send) : once_(std::make_shared<Once>()) {
    once_->send = std::move(send);
  }

  void send(HttpResponse&& response) const {
    send_made([ready = std::move(response)] { return ready; });
  }
  // For whom it would take too long to make it.
  void send_made(Make make) const {
    if (const auto send = std::exchange(once_->send, nullptr)) send(std::move(make));
  }

 private:
  struct Once {
    Once() = default;
    Once(const Once&) = delete;
    Once& operator=(const Once&) = delete;
    ~Once() {
      if (!send) return;
      send([] { return HttpResponse{500, "text/plain; charset=utf-8", "there is no answer to this\n", {}}; });
    }
    std::function<void(Make&&)> send;
  };
  std::shared_ptr<Once> once_;
};

}  // namespace weir::admin
