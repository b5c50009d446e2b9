#include "pool/backend.h"

#include <gtest/gtest.h>

#include "unit/pool/backends.h"

namespace weir::pool {
namespace {

BackendIdentity identity_from(const std::vector<std::string>& sources, const std::string& interface = "",
                              const std::string& host = "") {
  auto origin = std::make_shared<Origin>();
  for (const std::string& source : sources) origin->sources.push_back(*base::parse_address(source + ":0"));
  origin->interface = interface;
  BackendIdentity identity;
  identity.name = "a";
  identity.address = *base::parse_address("192.0.2.1:80");
  identity.origin = std::move(origin);
  identity.host = host;
  return identity;
}

TEST(Backend, IsReachedAsItsIdentitySaysUntilAnotherSaysOtherwise) {
  Backend backend(identity_from({"192.0.2.10"}, "eth0", "old.test"));
  const BackendWay& first = backend.way();
  EXPECT_EQ(first.origin->interface, "eth0");
  EXPECT_EQ(first.host, "old.test");
  backend.take_way(identity_from({"192.0.2.10", "192.0.2.11"}, "eth1", "new.test"));
  EXPECT_EQ(backend.way().origin->interface, "eth1");
  EXPECT_EQ(backend.way().host, "new.test");
  EXPECT_EQ(backend.way().sources.all().size(), 2u);
  EXPECT_EQ(first.host, "old.test") << "who has begun by it may go on";
}

TEST(Backend, SourcesThatStayKeepWhatTheyHold) {
  Backend backend(identity_from({"192.0.2.10", "192.0.2.11"}));
  const PortHold held(backend.way().sources.all()[1]);
  backend.take_way(identity_from({"192.0.2.11", "192.0.2.12"}));
  EXPECT_EQ(backend.way().sources.all()[0]->open(), 1u);
  EXPECT_EQ(backend.way().sources.all()[1]->open(), 0u);
}

TEST(Backend, TakesAWayAgainThatItHasHad) {
  Backend backend(identity_from({"192.0.2.10"}));
  const BackendWay* const first = &backend.way();
  backend.take_way(identity_from({"192.0.2.10"}));
  EXPECT_EQ(&backend.way(), first) << "the same in other words";
  backend.take_way(identity_from({"192.0.2.11"}));
  const BackendWay* const second = &backend.way();
  EXPECT_NE(second, first);
  for (int i = 0; i < 10; ++i) {
    backend.take_way(identity_from({"192.0.2.10"}));
    EXPECT_EQ(&backend.way(), first);
    backend.take_way(identity_from({"192.0.2.11"}));
    EXPECT_EQ(&backend.way(), second);
  }
}

TEST(Backend, WithoutAnOriginAndWithOneThatSaysNothingAreTheSame) {
  BackendIdentity none = identity_from({});
  none.origin = nullptr;
  Backend backend(none);
  const BackendWay* const first = &backend.way();
  backend.take_way(identity_from({}));
  EXPECT_EQ(&backend.way(), first);
}

}  // namespace
}  // namespace weir::pool
