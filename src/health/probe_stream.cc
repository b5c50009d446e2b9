#include "health/probe_stream.h"

#include <sys/socket.h>

#include <utility>

#include "tls/client_context.h"

namespace weir::health {

bool ProbeStream::open(int fd, const Target& target, Conversation& conversation, std::string header) {
  fd_ = fd;
  if (!target.tls) {
    conversation.request.insert(0, header);
    return true;
  }
  const base::Address* ip = target.address.is_ip() ? &target.address : nullptr;
  tls_ = tls::TlsStream::make(target.tls.context->make(target.tls.server_name, ip, conversation.alpn), fd,
                              {.header = std::move(header)});
  return tls_ != nullptr;
}

std::string ProbeStream::handshake_fault(Step step) const {
  if (step == Step::kEnded) return "the server left in the middle of the TLS handshake";
  if (step == Step::kReset) return "the server reset the connection in the middle of the TLS handshake";
  return "TLS handshake: " + tls_->fault();
}

ssize_t ProbeStream::receive(void* memory, std::size_t size) {
  return tls_ != nullptr ? tls_->receive(memory, size) : ::recv(fd_, memory, size, 0);
}

ssize_t ProbeStream::send(std::string_view bytes) {
  return tls_ != nullptr ? tls_->send(bytes.data(), bytes.size())
                         : ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::string ProbeStream::fault() const { return "TLS: " + tls_->fault(); }

// One that cannot be told at once is not waited for: the answer is here.
void ProbeStream::end() {
  if (tls_ != nullptr) static_cast<void>(tls_->end());
}

}  // namespace weir::health
