#include "server/check_tls.h"

#include <gtest/gtest.h>

#include "tls/client_context.h"

namespace weir::server {
namespace {

class CheckTls : public testing::Test {
 protected:
  CheckTls() {
    from.name = "web";
    from.health.emplace();
    from.health->type = config::CheckType::kHttp;
    tls::ClientSettings settings;
    settings.verify = false;
    std::vector<std::string> warnings;
    of_pool.context = *tls::ClientContext::load(settings, warnings);
  }
  pool::BackendTls build() {
    config::Problems problems;
    pool::BackendTls made = build_check_tls(from, from.encrypts() ? of_pool : pool::BackendTls{}, problems);
    EXPECT_TRUE(problems.empty());
    EXPECT_FALSE(made.takes_name_of_client);
    return made;
  }

  config::PoolConfig from;
  pool::BackendTls of_pool;
};

TEST_F(CheckTls, IsSpokenAsSessionsDo) {
  from.tls.emplace();
  for (const auto type : {config::CheckType::kHttp, config::CheckType::kExchange, config::CheckType::kTls}) {
    from.health->type = type;
    EXPECT_EQ(build().context, of_pool.context);
  }
}

TEST_F(CheckTls, IsNoneForAConnectionAlone) {
  from.health->type = config::CheckType::kTcp;
  from.tls.emplace();
  EXPECT_FALSE(build());
}

TEST_F(CheckTls, IsNoneWherePoolsSpeakPlainly) {
  EXPECT_FALSE(build());
  from.tls.emplace();
  from.tls->enabled = false;
  EXPECT_FALSE(build());
  from.health.reset();
  EXPECT_FALSE(build());
}

TEST_F(CheckTls, IsMadeForAHandshakeWherePoolsSpeakPlainly) {
  from.health->type = config::CheckType::kTls;
  from.health->server_name = "a.example";
  const pool::BackendTls made = build();
  EXPECT_TRUE(made);
  EXPECT_NE(made.context, of_pool.context);
  EXPECT_EQ(made.server_name, "a.example");
}

TEST_F(CheckTls, AsksForItsOwnNameThenForThatOfThePool) {
  from.tls.emplace();
  EXPECT_EQ(build().server_name, "");
  of_pool.server_name = "pool.example";
  EXPECT_EQ(build().server_name, "pool.example");
  from.health->server_name = "check.example";
  EXPECT_EQ(build().server_name, "check.example");
}

TEST_F(CheckTls, HasNoClientWhoseNameItCouldAskFor) {
  from.tls.emplace();
  of_pool.takes_name_of_client = true;
  of_pool.server_name = "of.the.client";
  EXPECT_EQ(build().server_name, "");
  from.health->server_name = "check.example";
  EXPECT_EQ(build().server_name, "check.example");
}

}  // namespace
}  // namespace weir::server
