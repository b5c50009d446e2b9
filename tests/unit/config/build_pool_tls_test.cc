// What is refused is in the cases of case_test.
#include "config/build_pool_tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "unit/config/support.h"

namespace weir::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A pool with these lines; only what concerns TLS is read of them.
PoolConfig pool_tls_of(const std::string& lines) {
  const Node table = tree_of(lines, "conf/t");
  Problems problems;
  PoolConfig out;
  TableReader reader(Section::kPool, table, "pools.web", table.place, problems);
  read_pool_tls(reader, "pools.web", out, problems);
  EXPECT_THAT(lines_of(problems), IsEmpty());
  return out;
}

TEST(BuildPoolTls, DefaultsOfTheSchemaAreThoseOfTheModel) {
  const PoolConfig pool = pool_tls_of("[tls]\n");
  ASSERT_TRUE(pool.tls);
  const PoolTlsConfig usual;
  EXPECT_EQ(pool.tls->enabled, usual.enabled);
  EXPECT_EQ(pool.tls->verify, usual.verify);
  EXPECT_EQ(pool.tls->ca.value, usual.ca.value);
  EXPECT_EQ(pool.tls->naming, usual.naming);
  EXPECT_EQ(pool.tls->server_name, usual.server_name);
  EXPECT_EQ(pool.tls->certificate.value, usual.certificate.value);
  EXPECT_EQ(pool.tls->key.value, usual.key.value);
  EXPECT_EQ(pool.tls->alpn, usual.alpn);
  EXPECT_EQ(pool.tls->min_version, usual.min_version);
  EXPECT_EQ(pool.tls->place.line, 1u);
}

TEST(BuildPoolTls, EveryWrittenValueArrivesAndFilesStandBesideTheConfiguration) {
  const PoolConfig pool = pool_tls_of(R"([tls]
ca = "internal.pem"
server_name = "App.Example."
certificate = "/etc/weir/weir.pem"
key = "../weir.key"
alpn = ["h2", "http/1.1"]
min_version = "1.3"
)");
  ASSERT_TRUE(pool.tls);
  EXPECT_EQ(pool.tls->ca.value, "conf/internal.pem");
  EXPECT_EQ(pool.tls->ca.place.line, 2u);
  EXPECT_EQ(pool.tls->naming, BackendName::kGiven);
  EXPECT_EQ(pool.tls->server_name, "app.example");
  EXPECT_EQ(pool.tls->certificate.value, "/etc/weir/weir.pem");
  EXPECT_EQ(pool.tls->key.value, "weir.key");
  EXPECT_THAT(pool.tls->alpn, ElementsAre("h2", "http/1.1"));
  EXPECT_EQ(pool.tls->min_version, TlsVersion::k13);
  EXPECT_FALSE(pool_tls_of("[tls]\nverify = false\n").tls->verify);
}

TEST(BuildPoolTls, ThePlaceOfAnAuthorityMayBeTheSystemsInItsOwnWord) {
  EXPECT_EQ(pool_tls_of("[tls]\nca = \"system\"\n").tls->ca.value, "");
  EXPECT_EQ(pool_tls_of("[tls]\nca = \"./system\"\n").tls->ca.value, "conf/system");
}

TEST(BuildPoolTls, TheNameMayBeTheOneThatTheClientAsksFor) {
  const PoolConfig pool = pool_tls_of("[tls]\nserver_name = \"from_client\"\n");
  EXPECT_EQ(pool.tls->naming, BackendName::kFromClient);
  EXPECT_EQ(pool.tls->server_name, "");
}

TEST(BuildPoolTls, APoolEncryptsWithTheTableUnlessItSaysNo) {
  EXPECT_TRUE(pool_tls_of("[tls]\n").encrypts());
  EXPECT_TRUE(pool_tls_of("[tls]\nenabled = true\n").encrypts());
  EXPECT_FALSE(pool_tls_of("[tls]\nenabled = false\n").encrypts());
  EXPECT_FALSE(pool_tls_of("").encrypts());
}

}  // namespace
}  // namespace weir::config
