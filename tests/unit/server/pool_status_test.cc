#include "server/pool_status.h"

#include <gtest/gtest.h>

#include "support/certificates.h"
#include "tls/client_context.h"
#include "unit/support.h"

namespace weir::server {
namespace {

PoolStatus status_with(std::shared_ptr<const tls::ClientContext> context) {
  pool::PoolSettings settings;
  settings.name = "web";
  settings.tls.context = std::move(context);
  pool::BackendIdentity identity;
  identity.name = "a";
  identity.address = *base::parse_address("192.0.2.80:443");
  const pool::Pool pool(std::move(settings), {std::make_shared<pool::Backend>(identity)});
  return pool_status(pool, PortFindings());
}

TEST(PoolStatus, TellsOfWeirsOwnCertificate) {
  EXPECT_FALSE(status_with(nullptr).certificate.has_value()) << "backends are spoken to plainly";
  tls::ClientSettings settings;
  settings.verify = false;
  std::vector<std::string> warnings;
  EXPECT_FALSE(status_with(*tls::ClientContext::load(settings, warnings)).certificate.has_value());
  const test::TempFolder folder;
  const auto own = test::TestCertificate::self_signed(test::client_spec("weir"));
  const auto paths = test::write_certificate(folder.path(), "weir", own);
  settings.certificate = paths.chain;
  settings.key = paths.key;
  const auto certificate = status_with(*tls::ClientContext::load(settings, warnings)).certificate;
  ASSERT_TRUE(certificate.has_value());
  EXPECT_EQ(certificate->file, paths.chain);
  EXPECT_EQ(certificate->subject, "CN=weir,O=Weir tests");
  EXPECT_EQ(certificate->not_after, tls::not_after(own.certificate()));
}

}  // namespace
}  // namespace weir::server
