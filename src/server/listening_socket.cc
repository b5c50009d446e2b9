#include "server/listening_socket.h"

namespace weir::server {

void ListeningSocket::close() {
  const std::lock_guard lock(mutex_);
  if (fd_ && filter_ != nullptr) filter_->detach(fd_.get());
  filter_.reset();
  fd_.reset();
}

base::Result<void> ListeningSocket::set_filter(std::shared_ptr<net::PacketFilter> filter) {
  const std::lock_guard lock(mutex_);
  if (filter == filter_ || !fd_) return {};
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
  if (!fd_) return {};
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
