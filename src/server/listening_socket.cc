#include "server/listening_socket.h"

#include <fcntl.h>

#include <cerrno>

namespace weir::server {

void ListeningSocket::close() {
  const std::lock_guard lock(mutex_);
  if (fd_ && filter_ != nullptr && !is_anothers()) filter_->detach(fd_.get());
  filter_.reset();
  fd_.reset();
}

base::Result<base::UniqueFd> ListeningSocket::copy() {
  const std::lock_guard lock(mutex_);
  if (!fd_) return base::UniqueFd();
  base::UniqueFd copy(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
  if (!copy) return base::failure(base::system_error("hand a listening socket over", errno));
  was_filtered_.store(true, std::memory_order_relaxed);
  return copy;
}

// A change of the list would put its program on the socket all the same, and once that is closed here on
// whatever has its number.
void ListeningSocket::leave_to_another() {
  const std::lock_guard lock(mutex_);
  is_anothers_.store(true, std::memory_order_release);
  if (fd_ && filter_ != nullptr) filter_->forget(fd_.get());
}

base::Result<void> ListeningSocket::take() {
  const std::lock_guard lock(mutex_);
  is_anothers_.store(false, std::memory_order_release);
  if (!fd_ || !is_tcp()) return {};
  if (filter_ == nullptr) {
    net::PacketFilter::detach_accepted(fd_.get());
    return {};
  }
  auto attached = filter_->attach(fd_.get());
  if (!attached) {
    filter_->detach(fd_.get());
    filter_.reset();
  }
  return attached;
}

base::Result<void> ListeningSocket::set_filter(std::shared_ptr<net::PacketFilter> filter) {
  const std::lock_guard lock(mutex_);
  if (filter == filter_ || !fd_) return {};
  if (is_anothers()) {
    filter_ = std::move(filter);
    return {};
  }
  if (filter_ != nullptr) filter_->detach(fd_.get());
  filter_.reset();
  if (filter == nullptr) return {};
  // Before it is on: nobody may be accepted with it who is not rid of it.
  was_filtered_.store(true, std::memory_order_relaxed);
  auto attached = filter->attach(fd_.get());
  if (attached) filter_ = std::move(filter);
  return attached;
}

std::shared_ptr<net::PacketFilter> ListeningSocket::filter() const {
  const std::lock_guard lock(mutex_);
  return filter_;
}

base::Result<void> ListeningSocket::change(const net::ListenOptions& options) {
  const std::lock_guard lock(mutex_);
  if (!fd_ || is_anothers()) return {};
  return net::change_listening(fd_.get(), address_, options);
}

base::Result<void> ListeningSocket::share() {
  const std::lock_guard lock(mutex_);
  if (!fd_) return {};
  return net::share_port(fd_.get());
}

std::optional<net::AcceptQueue> ListeningSocket::queue() const {
  const std::lock_guard lock(mutex_);
  if (!fd_ || !is_tcp()) return std::nullopt;
  return net::accept_queue(fd_.get());
}

}  // namespace weir::server
