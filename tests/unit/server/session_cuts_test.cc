#include "server/session_cuts.h"

#include <gtest/gtest.h>

#include "unit/pool/backends.h"

namespace weir::server {
namespace {

using pool::kStart;
using session::CloseReason;

constexpr base::Millis kSecond{1'000};

// A pool of two with a session at each, the plans for them, and two workers that may have no room.
class Cuts : public testing::Test {
 protected:
  void plan(std::size_t backend, CloseReason reason, base::TimePoint due, std::uint64_t last_place = 2) {
    cuts.plan(its_pool, {backends[backend], reason, last_place}, due);
  }

  // "0 a backend_down 2" for what a worker took at once: which worker, and of each cut whose, why and up to
  // which place.
  std::vector<std::string> carried_out(base::TimePoint now) {
    std::vector<std::string> texts;
    cuts.carry_out(now, workers, [&](std::size_t worker, const SessionCuts::Cuts& together) {
      if (worker == full) return false;
      std::string text = std::to_string(worker);
      for (const session::SessionCut& cut : *together) {
        text += " " + cut.backend->name() + " " + std::string(word(cut.reason)) + " " +
                std::to_string(cut.last_place);
      }
      texts.push_back(text);
      return true;
    });
    return texts;
  }

  pool::Slot pick() {
    pool::NoPick why_not = pool::NoPick::kNone;
    return its_pool->pick({0, {}}, why_not);
  }

  using Texts = std::vector<std::string>;

  const std::shared_ptr<pool::Pool> its_pool =
      std::make_shared<pool::Pool>(pool::PoolSettings{}, pool::several(2));
  const std::vector<std::shared_ptr<pool::Backend>> backends = its_pool->backends();
  pool::Slot at_a = pick();
  pool::Slot at_b = pick();
  std::optional<std::size_t> full;
  const std::vector<std::shared_ptr<std::size_t>> workers{std::make_shared<std::size_t>(0),
                                                          std::make_shared<std::size_t>(1)};
  SessionCuts cuts;
};

TEST_F(Cuts, AreBroughtToEachWorkerWhenTheyAreDue) {
  plan(0, CloseReason::kBackendDown, kStart + kSecond);
  EXPECT_EQ(carried_out(kStart), Texts{});
  EXPECT_EQ(carried_out(kStart + kSecond), (Texts{"0 a backend_down 2", "1 a backend_down 2"}));
  EXPECT_EQ(carried_out(kStart + kSecond), Texts{}) << "once";
}

TEST_F(Cuts, AreBroughtAgainToAWorkerThatHadNoRoomAndOnlyToThat) {
  plan(0, CloseReason::kBackendDown, kStart);
  full = 1;
  EXPECT_EQ(carried_out(kStart), (Texts{"0 a backend_down 2"}));
  EXPECT_EQ(carried_out(kStart), Texts{});
  full.reset();
  EXPECT_EQ(carried_out(kStart), (Texts{"1 a backend_down 2"}));
  EXPECT_EQ(carried_out(kStart), Texts{});
}

TEST_F(Cuts, AreCalledOffByWhatUndoesTheirReasonOnly) {
  plan(0, CloseReason::kBackendDown, kStart);
  plan(0, CloseReason::kBackendRemoved, kStart);
  plan(0, CloseReason::kBackendMaintenance, kStart);
  plan(1, CloseReason::kBackendDown, kStart);
  cuts.call_off(*backends[0], CloseReason::kBackendDown);
  EXPECT_EQ(carried_out(kStart), (Texts{"0 a backend_removed 2 a backend_maintenance 2 b backend_down 2",
                                        "1 a backend_removed 2 a backend_maintenance 2 b backend_down 2"}))
      << "together, since each worker looks at all its sessions";
}

TEST_F(Cuts, AreForgottenOnceTheBackendHasNoSessions) {
  plan(0, CloseReason::kBackendRemoved, kStart + kSecond);
  plan(1, CloseReason::kBackendRemoved, kStart + kSecond);
  its_pool->replace({pool::backend("c")}, kStart);
  at_a.release();
  EXPECT_EQ(carried_out(kStart), Texts{});
  EXPECT_EQ(cuts.size(), 1u);
}

}  // namespace
}  // namespace weir::server
