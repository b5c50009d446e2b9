// The usual bridge between threads: a bounded queue of messages and an eventfd that wakes the loop which owns
// it. Any thread posts; the owner's handler is called on the owner's loop, in the order of posting. Messages
// are values.
#pragma once

#include <sys/eventfd.h>

#include <cerrno>
#include <functional>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "net/watch.h"

namespace weir::net {

template <class Message>
class Mailbox {
 public:
  // At most `capacity` messages wait. `loop`, to which they come, outlives it. Fails when the kernel gives no
  // descriptor, or does not watch it.
  static base::Result<std::unique_ptr<Mailbox>> create(EventLoop& loop, std::size_t capacity) {
    base::UniqueFd fd(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    if (!fd) return base::failure(base::system_error("eventfd", errno));
    std::unique_ptr<Mailbox> made(new Mailbox(std::move(fd), capacity));
    made->watch_.template bind<&Mailbox::on_wake>(loop, made->fd_.get(), made.get());
    if (!made->watch_.want(Interest::kRead)) return base::failure(base::system_error("epoll_ctl", errno));
    return made;
  }

  // Starts to deliver. Messages that were posted before come in the loop's next turn.
  void open(std::function<void(Message&&)> handler) {
    handler_ = std::move(handler);
    ::eventfd_write(fd_.get(), 1);  // who posted before has woken nobody
  }

  // Puts `message` in the queue and wakes the owner. Full: returns false and leaves `message` as it was. Any
  // thread.
  [[nodiscard]] bool post(Message&& message) {
    {
      const std::lock_guard lock(mutex_);
      if (queue_.size() >= capacity_) return false;
      queue_.push_back(std::move(message));
      if (queue_.size() > 1) return true;  // whoever made it non-empty has woken the owner
    }
    ::eventfd_write(fd_.get(), 1);
    return true;
  }

 private:
  Mailbox(base::UniqueFd fd, std::size_t capacity) : fd_(std::move(fd)), capacity_(capacity) {}

  void on_wake(Ready) {
    eventfd_t ignored = 0;
    ::eventfd_read(fd_.get(), &ignored);
    if (!handler_) return;
    {
      const std::lock_guard lock(mutex_);
      taken_.swap(queue_);
    }
    for (Message& message : taken_) handler_(std::move(message));
    taken_.clear();
  }

  const base::UniqueFd fd_;
  const std::size_t capacity_;
  Watch watch_;
  std::function<void(Message&&)> handler_;
  std::mutex mutex_;
  std::vector<Message> queue_;
  std::vector<Message> taken_;
};

}  // namespace weir::net
