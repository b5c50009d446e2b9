#include "session/backend_tls.h"

#include "tls/client_context.h"

namespace weir::session {

std::unique_ptr<tls::TlsStream> make_backend_stream(const pool::BackendTls& how, const pool::Backend& backend,
                                                    std::string_view name_of_client, int fd,
                                                    std::string header) {
  std::string_view name = how.takes_name_of_client ? name_of_client : how.server_name;
  if (name.empty()) name = backend.way().host;
  return tls::TlsStream::make(how.context->make_resuming(name, backend.identity().address), fd,
                              {.header = std::move(header)});
}

}  // namespace weir::session
