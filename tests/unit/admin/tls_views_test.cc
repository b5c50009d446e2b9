#include "admin/tls_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::admin {
namespace {

using testing::HasSubstr;
using testing::Not;

const tls::UtcTime kNow = tls::utc_now();

std::string metrics_of(const server::ListenerStatus& listener) {
  metrics::TextFormat out;
  server::ListenerStatus other;
  other.name = "plain";
  tls_metrics(out, {other, listener});
  return out.text();
}

server::ListenerStatus ending(std::chrono::seconds not_after) {
  server::ListenerStatus listener;
  listener.name = "web";
  listener.ends_tls = true;
  tls::CertificateFact fact;
  fact.file = "site.pem";
  fact.subject = "CN=a.example";
  fact.not_after = kNow + not_after;
  listener.certificates.push_back(fact);
  return listener;
}

TEST(TlsMetrics, AreNotThereWhereNobodysTlsEnds) { EXPECT_EQ(metrics_of({}), ""); }

TEST(TlsMetrics, CountWhatHandshakesCameTo) {
  server::ListenerStatus listener = ending(std::chrono::hours(1));
  listener.handshakes[static_cast<std::size_t>(session::HandshakeNews::kResumed)] = 41;
  listener.handshakes_under_way = 3;
  listener.most_handshakes = 1'000;
  listener.tls_cut = 5;
  const std::string text = metrics_of(listener);
  EXPECT_THAT(text, HasSubstr("weir_tls_handshakes_total{listener=\"web\",result=\"resumed\"} 41\n"));
  EXPECT_THAT(text, HasSubstr("weir_tls_handshakes_total{listener=\"web\",result=\"full\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("weir_tls_handshakes_under_way{listener=\"web\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("weir_tls_handshakes_under_way_max{listener=\"web\"} 1000\n"));
  EXPECT_THAT(text, HasSubstr("weir_tls_streams_cut_total{listener=\"web\"} 5\n"));
  EXPECT_THAT(text, Not(HasSubstr("\"plain\"")));
}

TEST(TlsMetrics, ShowACertificateOnceThatIsNamedTwice) {
  server::ListenerStatus listener = ending(std::chrono::hours(1));
  listener.certificates.push_back(listener.certificates.front());
  const std::string text = metrics_of(listener);
  const std::string series = "weir_certificate_end_timestamp_seconds{";
  EXPECT_EQ(text.find(series), text.rfind(series));
}

TEST(TlsMetrics, SayWhenACertificateEndsEvenWhenThatIsOver) {
  using std::chrono::hours;
  for (const std::chrono::seconds left : {hours(90 * 24), hours(-25)}) {
    EXPECT_THAT(metrics_of(ending(left)),
                HasSubstr("weir_certificate_end_timestamp_seconds{listener=\"web\",file=\"site.pem\","
                          "subject=\"CN=a.example\"} " +
                          std::to_string((kNow + left).time_since_epoch().count()) + "\n"));
  }
}

TEST(BackendCertificateMetrics, SayWhenWeirsOwnEnds) {
  server::PoolStatus plain;
  plain.name = "plain";
  server::PoolStatus pool;
  pool.name = "web";
  pool.certificate.emplace();
  pool.certificate->file = "weir.pem";
  pool.certificate->subject = "CN=weir";
  pool.certificate->not_after = kNow - std::chrono::hours(1);
  metrics::TextFormat out;
  backend_certificate_metrics(out, {plain, pool});
  EXPECT_THAT(out.text(),
              HasSubstr("weir_backend_certificate_end_timestamp_seconds{pool=\"web\","
                        "file=\"weir.pem\",subject=\"CN=weir\"} " +
                        std::to_string(pool.certificate->not_after.time_since_epoch().count()) + "\n"));
  EXPECT_THAT(out.text(), Not(HasSubstr("plain")));
  metrics::TextFormat none;
  backend_certificate_metrics(none, {plain});
  EXPECT_EQ(none.text(), "");
}

}  // namespace
}  // namespace weir::admin
