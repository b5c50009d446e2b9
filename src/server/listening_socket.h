// One listening socket: who is told of it, and the packet filter that is on it. It is open until somebody
// closes it, whichever worker accepts from it meanwhile, and whatever configuration it is of. Any thread may
// look at it; closing is for whoever accepts. At an upgrade two processes have it (dup(2) over a process's
// bounds), and only one of them has a say over it: options, filter, who waits there.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>

#include "base/address.h"
#include "base/unique_fd.h"
#include "net/kernel_counters.h"
#include "net/packet_filter.h"
#include "net/socket.h"

namespace weir::server {

class ListeningSocket {
 public:
  // `address` is the real one: port 0 is resolved.
  ListeningSocket(base::UniqueFd fd, base::Address address)
      : address_(std::move(address)), fd_(std::move(fd)) {}
  // One that another process has the say over, until `take`.
  struct OfAnother {};
  ListeningSocket(base::UniqueFd fd, base::Address address, OfAnother)
      : address_(std::move(address)), fd_(std::move(fd)), is_anothers_(true), was_filtered_(true) {}
  ~ListeningSocket() { close(); }
  ListeningSocket(const ListeningSocket&) = delete;
  ListeningSocket& operator=(const ListeningSocket&) = delete;

  const base::Address& address() const { return address_; }
  bool is_tcp() const { return address_.is_ip(); }

  // -1 once it is closed. For the thread that accepts.
  int fd() const { return fd_.get(); }
  bool is_open() const { return static_cast<bool>(fd_); }

  // Handshakes on their way to it are reset by the kernel. The filter is taken off before. One that is
  // another process's goes on there, with all who wait. Idempotent.
  void close();

  // Another descriptor of it, for another process, whose filter what is accepted may inherit from now on; an
  // empty one once it is closed. Any thread, as the next three.
  base::Result<base::UniqueFd> copy();
  // Another process has the say over it from now on, and over the filter that is on it.
  void leave_to_another();
  bool is_anothers() const { return is_anothers_.load(std::memory_order_acquire); }
  // This one has it, from now on or again: its filter is put on it, or what is on it is taken off. What fails
  // leaves it without one.
  base::Result<void> take();

  // Puts `filter` on it, in place of another one; null: there is none any more. It stays until the next call,
  // or `close`. When the kernel refuses, the one before is off all the same. On one that is another process's
  // it is put by `take`.
  base::Result<void> set_filter(std::shared_ptr<net::PacketFilter> filter);
  std::shared_ptr<net::PacketFilter> filter() const;
  // Whether accepted sockets may have inherited a filter: once there was one, those that wait may have it.
  bool was_filtered() const { return was_filtered_.load(std::memory_order_relaxed); }

  // From now on it listens with these; what waits to be accepted stays. Nothing happens once it is closed, or
  // while it is another process's.
  base::Result<void> change(const net::ListenOptions& options);
  // Lets others be bound beside it (net::share_port).
  base::Result<void> share();

  // The connections that wait to be accepted; nothing for a unix socket, and once it is closed.
  std::optional<net::AcceptQueue> queue() const;

 private:
  const base::Address address_;
  mutable std::mutex mutex_;  // held to close the socket, and to look at it from another thread
  base::UniqueFd fd_;
  std::shared_ptr<net::PacketFilter> filter_;
  std::atomic<bool> is_anothers_{false};
  std::atomic<bool> was_filtered_{false};
};

}  // namespace weir::server
