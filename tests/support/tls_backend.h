// What a backend does under TLS.
#pragma once

#include <functional>

#include "support/backend.h"
#include "support/tls_socket.h"

namespace weir::test {

// Shakes hands as `options` say, and goes on with `behaviour`. What `options` point to outlives the backend.
Behaviour over_tls(TlsOptions options, std::function<void(TlsSocket&)> behaviour);

// The same, where `options_now` is asked at each connection.
Behaviour over_tls(std::function<TlsOptions()> options_now, std::function<void(TlsSocket&)> behaviour);

// A shaken hand, and nothing but the end of the stream after it.
void only_shakes_hands(TlsSocket& socket);

// Reads an HTTP request, answers with `answer`, and ends the stream with a close_notify.
std::function<void(TlsSocket&)> answers_http(std::string answer);

}  // namespace weir::test
