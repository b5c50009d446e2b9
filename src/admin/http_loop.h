// The loop that evhttp runs on: a libevent base of one thread, and a way to end it from another. Wraps
// event_base without libevent's locks.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

struct event;
struct event_base;

namespace weir::admin {

class HttpLoop {
 public:
  // Fails when the kernel gives no descriptors: it holds four, epoll's, the library's own pair for signals,
  // and the one that ends it.
  static base::Result<std::unique_ptr<HttpLoop>> create();
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // Runs turns until `stop`, and calls `end_of_turn` after the callbacks of each.
  void run(const std::function<void()>& end_of_turn);
  // Any thread.
  void stop();

  event_base* base() { return base_.get(); }

 private:
  struct Free {
    void operator()(event_base* base) const;
    void operator()(event* event) const;
  };

  HttpLoop(base::UniqueFd wake, std::unique_ptr<event_base, Free> base);

  const base::UniqueFd wake_;
  const std::unique_ptr<event_base, Free> base_;
  std::unique_ptr<event, Free> stop_;
  bool stopping_ = false;
};

}  // namespace weir::admin
