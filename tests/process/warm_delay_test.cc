// What warm connections are for: a backend that is far. Over a link with a known delay a client's first
// answer comes one round trip earlier when its backend's connection stood already.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "support/backend.h"
#include "support/pool_facts.h"
#include "support/slow_link.h"

namespace weir::test {
namespace {

constexpr Millis kOneWay{60};
constexpr Millis kRoundTrip = 2 * kOneWay;
constexpr std::size_t kClients = 9;

// From a client's connect to the first byte of its answer.
Millis first_answer(const WeirProcess& weir) {
  const auto begun = Clock::now();
  Socket client = weir.connect();
  client.send_all("x");
  EXPECT_EQ(client.receive_exactly(1), "x");
  return std::chrono::duration_cast<Millis>(Clock::now() - begun);
}

class FarBackend : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto why = why_no_slow_link()) GTEST_SKIP() << "NOT CHECKED: " << *why;
    here_.emplace();
    there_.emplace();
    link_.emplace(LinkEnd{*here_, {"198.18.0.1/24"}}, LinkEnd{*there_, {"198.18.0.2/24"}}, kOneWay);
    backend_ = there_->run([] { return std::make_unique<Backend>(address_of("198.18.0.2:0"), echo()); });
    inside_.emplace(*here_);
  }
  void TearDown() override { inside_.reset(); }

  // What it took each of some clients that came one after the other, the shortest first. Each found what was
  // warm, if anything should be.
  std::vector<Millis> answers(unsigned warm) {
    Configuration configuration;
    configuration.backends = {entry(backend_->address(), "far")};
    configuration.pool = "warm_connections = " + std::to_string(warm) + "\n";
    const WeirProcess weir(configuration);
    std::vector<Millis> took;
    for (std::size_t i = 0; i < kClients; ++i) {
      EXPECT_TRUE(eventually([&] { return facts_of(weir, "far").warm == warm; }));
      took.push_back(first_answer(weir));
    }
    EXPECT_EQ(facts_of(weir, "far").warm_used, warm == 0 ? 0 : kClients);
    std::sort(took.begin(), took.end());
    return took;
  }

 private:
  std::optional<NetworkNamespace> here_;
  std::optional<NetworkNamespace> there_;
  std::optional<SlowLink> link_;
  std::unique_ptr<Backend> backend_;
  std::optional<NetworkNamespace::Inside> inside_;
};

TEST_F(FarBackend, AnswersOneRoundTripEarlierOnWarmConnections) {
  const auto cold = answers(0);
  const auto warm = answers(3);
  const Millis cold_median = cold[kClients / 2];
  const Millis warm_median = warm[kClients / 2];
  std::printf(
      "round trip %lld ms; the first answer, median of %zu: %lld ms without, %lld ms with warm connections\n",
      static_cast<long long>(kRoundTrip.count()), kClients, static_cast<long long>(cold_median.count()),
      static_cast<long long>(warm_median.count()));
  EXPECT_GE(cold.front(), 2 * kRoundTrip) << "a connect and a question";
  EXPECT_GE(warm.front(), kRoundTrip) << "the link is as slow as it should be";
  EXPECT_LT(warm_median, 2 * kRoundTrip) << "the question alone";
}

}  // namespace
}  // namespace weir::test
