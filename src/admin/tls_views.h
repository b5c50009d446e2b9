// The part of the metrics that tells of clients' TLS that ends here, and of Weir's own certificates for
// backends. Pure text.
#pragma once

#include <vector>

#include "metrics/text_format.h"
#include "server/status.h"

namespace weir::admin {

// Nothing where nobody's does.
void tls_metrics(metrics::TextFormat& out, const std::vector<server::ListenerStatus>& listeners);

// Nothing where backends are shown no certificate.
void backend_certificate_metrics(metrics::TextFormat& out, const std::vector<server::PoolStatus>& pools);

}  // namespace weir::admin
