// The process before's side of an upgrade, with a new process that is a script.
#include "server/upgrader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "server/predecessors.h"
#include "unit/support.h"

namespace weir::server {
namespace {

using testing::HasSubstr;

class UpgraderOnALoop : public testing::Test {
 protected:
  // What comes of an upgrade to a shell's `commands`, of which `$WEIR_UPGRADE_FD` is known.
  Upgrader& to(const std::string& commands, base::Millis limit = base::Millis(60'000)) {
    auto made = Upgrader::create(
        *loop, {"/bin/sh", {"sh", "-c", commands}},
        [this](Upgrader::Outcome&& outcome) { outcomes.push_back(std::move(outcome)); }, limit);
    EXPECT_TRUE(made.has_value());
    upgrader = std::move(*made);
    return *upgrader;
  }
  Upgrader::Outcome outcome_of(const std::string& commands, base::Millis limit = base::Millis(60'000)) {
    outcomes.clear();
    EXPECT_TRUE(to(commands, limit).request({}));
    EXPECT_TRUE(driver.until([&] { return !outcomes.empty(); }));
    return outcomes.empty() ? Upgrader::Outcome{} : outcomes.back();
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  std::vector<Upgrader::Outcome> outcomes;
  std::unique_ptr<Upgrader> upgrader;
};

// It may be nobody's child to ask after.
bool is_over(pid_t pid) { return !process_began(pid).has_value(); }

// A packet of a shell's: one write(2) each.
std::string says(const std::string& packet) { return "printf '" + packet + "' >&$WEIR_UPGRADE_FD; "; }

// Reads a packet at a time until "go" has come.
const std::string kWaitsForGo =
    "for i in 1 2 3 4 5 6 7 8 9; do case $(dd bs=65536 count=1 <&$WEIR_UPGRADE_FD 2>/dev/null | tr -d '\\0') "
    "in "
    "g*) break;; esac; done; ";

TEST_F(UpgraderOnALoop, IsMadeWhenTheNewProcessServes) {
  const auto outcome = outcome_of(says("r0 2") + says("a") + "exec sleep 1000");
  EXPECT_EQ(outcome.failure, "");
  EXPECT_GT(outcome.pid, 0);
  EXPECT_EQ(outcome.not_taken, (std::vector<std::size_t>{0, 2}));
  EXPECT_TRUE(upgrader->is_busy());
  upgrader->done();
  EXPECT_FALSE(upgrader->is_busy());
  ::kill(outcome.pid, SIGKILL);
}

TEST_F(UpgraderOnALoop, FailsWithTheWordsOfTheNewProcess) {
  const auto outcome = outcome_of(says("fweir.toml:3: no"));
  EXPECT_EQ(outcome.failure, "weir.toml:3: no");
  EXPECT_FALSE(outcome.had_begun);
}

TEST_F(UpgraderOnALoop, FailsWhenTheNewProcessEndsOrIsSilentTooLong) {
  EXPECT_EQ(outcome_of("exit 0").failure, "the new process ended without a word");
  EXPECT_EQ(outcome_of("exec sleep 1000", base::Millis(50)).failure,
            "the new process was not ready within 50ms");
  EXPECT_TRUE(driver.until([&] { return is_over(outcomes.back().pid); }));
}

TEST_F(UpgraderOnALoop, TellsThatTheNewProcessHadBegun) {
  const auto outcome = outcome_of(says("r") + kWaitsForGo + "exit 0");
  EXPECT_EQ(outcome.failure, "the new process ended without a word");
  EXPECT_TRUE(outcome.had_begun);
}

TEST_F(UpgraderOnALoop, IsGivenUpUntilTheNewProcessMayBegin) {
  Upgrader& one = to("exec sleep 1000");
  ASSERT_TRUE(one.request({}));
  one.give_up();
  ASSERT_TRUE(driver.until([&] { return !outcomes.empty(); }));
  EXPECT_EQ(outcomes[0].failure, "Weir is stopping");
}

TEST_F(UpgraderOnALoop, SaysWhyThereCanBeNone) {
  EXPECT_EQ(to("").why_never(), "");
  const auto of = [this](const std::string& path) {
    return std::move(*Upgrader::create(*loop, {path, {path}}, [](Upgrader::Outcome&&) {}))->why_never();
  };
  EXPECT_THAT(of("/nonexistent"), HasSubstr("/nonexistent cannot be executed: No such file or directory"));
  EXPECT_THAT(of(""), HasSubstr("cannot be told"));
}

}  // namespace
}  // namespace weir::server
