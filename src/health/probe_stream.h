// The bytes of a probe's connection, once that stands: those of its socket, or under TLS where the target has
// it. It knows no time limit and watches nothing; that is the probe's, and so is the socket.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <string_view>

#include "health/judge.h"
#include "tls/tls_stream.h"

namespace weir::health {

class ProbeStream {
 public:
  using Step = tls::TlsStream::Step;

  // Over `fd`, where `conversation` will be held with `target`. `header` goes before all of it, outside of
  // TLS. False when there is no memory.
  [[nodiscard]] bool open(int fd, const Target& target, Conversation& conversation, std::string header);
  void close() { tls_.reset(); }

  // Goes on with the handshake. Precondition, as of the next two: the target has TLS.
  Step shake_hands() { return tls_->shake_hands(); }
  // The errno of a handshake that ended with `kReset`.
  int error() const { return tls_->error(); }
  // Why it came to nothing, for people.
  std::string handshake_fault(Step step) const;

  // As recv(2) and send(2). EPROTO: `was_cut` or else `fault` has more; only under TLS.
  ssize_t receive(void* memory, std::size_t size);
  ssize_t send(std::string_view bytes);

  // The stream has ended without the other side's close_notify.
  bool was_cut() const { return tls_ != nullptr && tls_->was_cut(); }
  // How the other side has broken the protocol, for people.
  std::string fault() const;

  // Tells the other side that nothing more comes, as far as TLS has a word for it.
  void end();

 private:
  int fd_ = -1;
  std::unique_ptr<tls::TlsStream> tls_;  // none: the socket itself
};

}  // namespace weir::health
