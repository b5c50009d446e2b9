#include "support/unanswered.h"

#include <gtest/gtest.h>
#include <netinet/tcp.h>

#include <cerrno>

#include "support/clients.h"

namespace weir::test {

Unanswered::Unanswered(const std::string& source, const base::Address& target)
    : fd_(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
  sockaddr_storage storage{};
  socklen_t length = from(source).source->to_sockaddr(storage);
  EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length), 0) << source;
  length = target.to_sockaddr(storage);
  EXPECT_EQ(::connect(fd_.get(), reinterpret_cast<sockaddr*>(&storage), length), -1);
  EXPECT_EQ(errno, EINPROGRESS);
}

bool Unanswered::still_waits() const {
  tcp_info info{};
  socklen_t length = sizeof(info);
  return ::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0 &&
         info.tcpi_state == TCP_SYN_SENT;
}

}  // namespace weir::test
