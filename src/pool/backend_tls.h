// How the backends of a pool are spoken to where that is not plainly. Made, and understood, in the rooms
// above: the one class of theirs that is named here, and nothing in this room looks into it.
#pragma once

#include <memory>
#include <string>

namespace weir::tls {
class ClientContext;
}

namespace weir::pool {

struct BackendTls {
  std::shared_ptr<const tls::ClientContext> context;  // none: plainly
  bool takes_name_of_client = false;                  // the name that the client has asked for
  std::string server_name{};                          // else this one; empty: the backend's host

  explicit operator bool() const { return context != nullptr; }
};

}  // namespace weir::pool
