#include "limits/refuser.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "limits/listening.h"

namespace weir::limits {

base::Result<void> refuse(const base::Address& address) {
  const auto at = listen_at(address);
  if (!at) return base::failure(at.error());
  for (;;) {
    epoll_event event{};
    ::epoll_wait(at->epoll.get(), &event, 1, -1);
    // With the address, which a proxy would look at.
    sockaddr_storage client;
    socklen_t length = sizeof(client);
    while (base::UniqueFd(::accept4(at->socket.get(), reinterpret_cast<sockaddr*>(&client), &length,
                                    SOCK_NONBLOCK | SOCK_CLOEXEC))) {
      length = sizeof(client);
    }
  }
}

}  // namespace weir::limits
