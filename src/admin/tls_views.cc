#include "admin/tls_views.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

namespace weir::admin {
namespace {

using metrics::FamilyType;
using metrics::TextFormat;
using server::ListenerStatus;
using server::PoolStatus;

// A moment and not what is left until then: it is the same in every reading, and whoever asks knows the time.
base::Micros end_of(const tls::CertificateFact& certificate) {
  return certificate.not_after.time_since_epoch();
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

void certificate_metrics(TextFormat& out, const std::vector<ListenerStatus>& ending) {
  out.family("weir_certificate_end_timestamp_seconds", FamilyType::kGauge,
             "When the certificate in force, or one that it is shown with, ends, in seconds since 1970.");
  for (const ListenerStatus& listener : ending) {
    // A pair may be named twice, which is only warned of.
    std::set<std::pair<std::string_view, std::string_view>> shown;
    for (const tls::CertificateFact& certificate : listener.certificates) {
      if (!shown.insert({certificate.file, certificate.subject}).second) continue;
      out.seconds_sample(
          {{"listener", listener.name}, {"file", certificate.file}, {"subject", certificate.subject}},
          end_of(certificate));
    }
  }
}

}  // namespace

void tls_metrics(TextFormat& out, const std::vector<ListenerStatus>& listeners) {
  std::vector<ListenerStatus> ending;
  std::copy_if(listeners.begin(), listeners.end(), std::back_inserter(ending),
               [](const ListenerStatus& listener) { return listener.ends_tls; });
  if (ending.empty()) return;
  handshake_metrics(out, ending);
  certificate_metrics(out, ending);
}

void backend_certificate_metrics(TextFormat& out, const std::vector<PoolStatus>& pools) {
  bool is_open = false;
  for (const PoolStatus& pool : pools) {
    if (!pool.certificate) continue;
    if (!std::exchange(is_open, true)) {
      out.family("weir_backend_certificate_end_timestamp_seconds", FamilyType::kGauge,
                 "When Weir's own certificate for the pool's backends, or one that it is shown with, ends, "
                 "in seconds "
                 "since 1970.");
    }
    out.seconds_sample(
        {{"pool", pool.name}, {"file", pool.certificate->file}, {"subject", pool.certificate->subject}},
        end_of(*pool.certificate));
  }
}

}  // namespace weir::admin
