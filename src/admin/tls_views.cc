#include "admin/tls_views.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace weir::admin {
namespace {

using metrics::FamilyType;
using metrics::TextFormat;
using server::ListenerStatus;
using server::PoolStatus;

// Whole days, rounded down: 0 on the last day, -1 once it is over.
std::int64_t days_left(const tls::CertificateFact& certificate, tls::UtcTime now) {
  return std::chrono::floor<std::chrono::days>(certificate.not_after - now).count();
}

void handshake_metrics(TextFormat& out, const std::vector<ListenerStatus>& ending) {
  out.family("weir_tls_handshakes_total", FamilyType::kCounter,
             "Handshakes with clients whose TLS ends here, by what they came to.");
  for (const ListenerStatus& listener : ending) {
    for (std::size_t i = 0; i < session::kHandshakeNews; ++i) {
      out.sample({{"listener", listener.name}, {"result", session::kHandshakeNewsWords[i]}},
                 listener.handshakes[i]);
    }
  }
  out.family("weir_tls_handshakes_under_way", FamilyType::kGauge,
             "Handshakes with clients that are not over.");
  for (const ListenerStatus& listener : ending) {
    out.sample({{"listener", listener.name}}, listener.handshakes_under_way);
  }
  out.family("weir_tls_handshakes_under_way_max", FamilyType::kGauge, "How many may be.");
  for (const ListenerStatus& listener : ending) {
    out.sample({{"listener", listener.name}}, listener.most_handshakes);
  }
  out.family("weir_tls_streams_cut_total", FamilyType::kCounter,
             "Clients' TLS streams that ended without close_notify, and were taken for whole.");
  for (const ListenerStatus& listener : ending) {
    out.sample({{"listener", listener.name}}, listener.tls_cut);
  }
}

void certificate_metrics(TextFormat& out, const std::vector<ListenerStatus>& ending, tls::UtcTime now) {
  out.family(
      "weir_certificate_days_left", FamilyType::kGauge,
      "Whole days until the certificate in force, or one that it is shown with, ends; below 0: it has.");
  for (const ListenerStatus& listener : ending) {
    for (const tls::CertificateFact& certificate : listener.certificates) {
      out.signed_sample(
          {{"listener", listener.name}, {"file", certificate.file}, {"subject", certificate.subject}},
          days_left(certificate, now));
    }
  }
}

}  // namespace

void tls_metrics(TextFormat& out, const std::vector<ListenerStatus>& listeners, tls::UtcTime now) {
  std::vector<ListenerStatus> ending;
  std::copy_if(listeners.begin(), listeners.end(), std::back_inserter(ending),
               [](const ListenerStatus& listener) { return listener.ends_tls; });
  if (ending.empty()) return;
  handshake_metrics(out, ending);
  certificate_metrics(out, ending, now);
}

void backend_certificate_metrics(TextFormat& out, const std::vector<PoolStatus>& pools, tls::UtcTime now) {
  bool is_open = false;
  for (const PoolStatus& pool : pools) {
    if (!pool.certificate) continue;
    if (!std::exchange(is_open, true)) {
      out.family(
          "weir_backend_certificate_days_left", FamilyType::kGauge,
          "Whole days until Weir's own certificate for the pool's backends, or one that it is shown with, "
          "ends; below 0: it has.");
    }
    out.signed_sample(
        {{"pool", pool.name}, {"file", pool.certificate->file}, {"subject", pool.certificate->subject}},
        days_left(*pool.certificate, now));
  }
}

}  // namespace weir::admin
