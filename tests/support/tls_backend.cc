#include "support/tls_backend.h"

#include <unistd.h>

#include <utility>

namespace weir::test {

Behaviour over_tls(std::function<TlsOptions()> options_now, std::function<void(TlsSocket&)> behaviour) {
  return [options_now = std::move(options_now), behaviour = std::move(behaviour)](Socket& socket) {
    // Of its own: the backend keeps the other one, to shut it when it ends.
    TlsSocket tls = TlsSocket::accept(Socket(base::UniqueFd(::dup(socket.fd()))), options_now());
    behaviour(tls);
  };
}

Behaviour over_tls(TlsOptions options, std::function<void(TlsSocket&)> behaviour) {
  return over_tls([options = std::move(options)] { return options; }, std::move(behaviour));
}

void only_shakes_hands(TlsSocket& socket) { socket.receive_until_end(); }

std::function<void(TlsSocket&)> answers_http(std::string answer) {
  return [answer = std::move(answer)](TlsSocket& socket) {
    std::string request;
    while (request.find("\r\n\r\n") == std::string::npos) {
      const Received more = socket.receive_some();
      if (more.ended != Ended::kNot) return;
      request += more.bytes;
    }
    socket.send_all(answer);
    socket.end_stream();
    socket.receive_until_end();
  };
}

}  // namespace weir::test
