// The loop that evhttp runs on: a libevent base of one thread, and the way for other threads to have
// something run there. Wraps event_base without libevent's locks.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

struct event;
struct event_base;

namespace weir::admin {

// What other threads want run on the loop, in their order. It may outlive the loop: then nothing runs.
class HttpPosts {
 public:
  explicit HttpPosts(base::UniqueFd wake) : wake_(std::move(wake)) {}
  // Any thread.
  void post(std::function<void()> work);

 private:
  friend class HttpLoop;
  std::vector<std::function<void()>> take();

  const base::UniqueFd wake_;
  std::mutex mutex_;
  std::vector<std::function<void()>> waiting_;
  bool is_closed_ = false;
};

class HttpLoop {
 public:
  // Fails when the kernel gives no descriptors: it holds four, epoll's, the library's own pair for signals,
  // and the one that wakes it.
  static base::Result<std::unique_ptr<HttpLoop>> create();
  ~HttpLoop();
  HttpLoop(const HttpLoop&) = delete;
  HttpLoop& operator=(const HttpLoop&) = delete;

  // Runs turns until `stop`, and calls `end_of_turn` after the callbacks of each.
  void run(const std::function<void()>& end_of_turn);
  // Any thread.
  void stop();

  const std::shared_ptr<HttpPosts>& posts() const { return posts_; }
  event_base* base() { return base_.get(); }

 private:
  struct Free {
    void operator()(event_base* base) const;
    void operator()(event* event) const;
  };

  HttpLoop(base::UniqueFd wake, std::unique_ptr<event_base, Free> base);
  void on_wake();

  const std::shared_ptr<HttpPosts> posts_;
  const std::unique_ptr<event_base, Free> base_;
  std::unique_ptr<event, Free> wake_;
  bool stopping_ = false;
};

}  // namespace weir::admin
