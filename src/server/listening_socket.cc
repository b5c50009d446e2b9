#include "server/listening_socket.h"

namespace weir::server {

void ListeningSocket::close() {
  const std::lock_guard lock(mutex_);
  if (fd_ && filter_ != nullptr) filter_->detach(fd_.get());
  fd_.reset();
}

base::Result<void> ListeningSocket::attach(std::shared_ptr<net::PacketFilter> filter) {
  const std::lock_guard lock(mutex_);
  auto attached = filter->attach(fd_.get());
  if (attached) filter_ = std::move(filter);
  return attached;
}

void ListeningSocket::take_off_filter() {
  const std::lock_guard lock(mutex_);
  if (fd_ && filter_ != nullptr) filter_->detach(fd_.get());
}

std::optional<net::AcceptQueue> ListeningSocket::queue() const {
  const std::lock_guard lock(mutex_);
  if (!fd_ || !is_tcp()) return std::nullopt;
  return net::accept_queue(fd_.get());
}

}  // namespace weir::server
