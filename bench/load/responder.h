// The backend of tiny requests: an HTTP/1.1 server with one answer, on one epoll. It lives in the process of
// the load, so that the two of them take as little as can be of the machine that the proxy between them is
// measured on.
#pragma once

#include <string>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace weir::load {

class Responder {
 public:
  // Listens on each of the addresses (IPv4), in the network namespace of that path ("": this process's;
  // setns(2), as root only). 0.0.0.0 is every address of the loopback net, and no other.
  static base::Result<Responder> create(const std::vector<base::Address>& addresses,
                                        const std::string& network_namespace);

  // Readable while somebody waits for an answer.
  int fd() const { return epoll_.get(); }

  // Connections that are not closed yet.
  std::size_t open() const { return open_; }

  // Accepts and answers whoever waits, and waits up to `most` for somebody: each request with three bytes,
  // and closes behind one that says "Connection: close".
  void answer(base::Millis most);

 private:
  explicit Responder(base::UniqueFd epoll) : epoll_(std::move(epoll)), buffer_(kBuffer) {}
  base::Result<void> listen_at(const base::Address& address);
  bool watch(int fd);
  bool is_listening(int fd) const;
  void accept(int listening);
  void read(int fd);
  void close(int fd);

  static constexpr std::size_t kBuffer = 16 << 10;

  base::UniqueFd epoll_;
  std::vector<base::UniqueFd> listening_;
  std::vector<std::string> parts_;  // by descriptor: of requests that have come in part
  std::size_t open_ = 0;
  std::vector<char> buffer_;
};

}  // namespace weir::load
