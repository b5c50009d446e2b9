#include "server/session_cuts.h"

namespace weir::server {

void SessionCuts::call_off(const pool::Backend& backend, session::CloseReason reason) {
  std::erase_if(planned_, [&](const Planned& one) {
    return one.cut.backend.get() == &backend && one.cut.reason == reason;
  });
}

}  // namespace weir::server
