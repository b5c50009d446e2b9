#include "cli/demo_display.h"

#include <gtest/gtest.h>

namespace weir::cli {
namespace {

server::ProcessStatus status_of(std::uint64_t accepted, std::uint64_t open, std::uint64_t bytes,
                                const std::vector<std::pair<std::string, std::uint64_t>>& backends) {
  server::ProcessStatus status;
  server::ListenerStatus listener;
  listener.accepted = accepted;
  listener.open = open;
  listener.upload_bytes = bytes / 2;
  listener.download_bytes = bytes - bytes / 2;
  status.listeners.push_back(listener);
  server::PoolStatus pool;
  for (const auto& [name, sessions] : backends) {
    server::BackendStatus backend;
    backend.name = name;
    backend.sessions = sessions;
    pool.backends.push_back(std::move(backend));
  }
  status.pools.push_back(std::move(pool));
  return status;
}

TEST(LiveLine, SaysWhatIsOpenTheRateTheSumAndTheSpread) {
  const auto before = status_of(55'555, 0, 0, {});
  const auto now = status_of(56'789, 12, 4'718'592, {{"alpha", 18'930}, {"beta", 18'930}, {"gamma", 18'929}});
  EXPECT_EQ(live_line(before, now, 1.0, 200),
            "12 open   1 234/s   56 789 in all   4.5 MiB   alpha 33.3% beta 33.3% gamma 33.3%");
}

TEST(LiveLine, CountsTheRateOverTheTimeThatPassed) {
  const auto before = status_of(100, 0, 0, {});
  const auto now = status_of(200, 0, 0, {});
  EXPECT_EQ(live_line(before, now, 0.5, 200).find("0 open   200/s   200 in all"), 0u);
  EXPECT_EQ(live_line(before, now, 0.0, 200).find("0 open   0/s"), 0u) << "no time has passed";
}

TEST(LiveLine, SaysThatItDrainsAndHowToEndThat) {
  auto now = status_of(200, 3, 0, {});
  now.draining = true;
  EXPECT_EQ(live_line(now, now, 0.5, 200).find("draining, Ctrl-C cuts:  3 open   0/s"), 0u);
}

TEST(LiveLine, IsNeverLongerThanTheTerminalIsWide) {
  const auto now = status_of(1'000'000, 1000, 1u << 30, {{"alpha", 1}, {"beta", 2}, {"gamma", 3}});
  const std::string whole = live_line({}, now, 1.0, 1000);
  for (std::size_t columns = 0; columns <= whole.size() + 1; ++columns) {
    EXPECT_EQ(live_line({}, now, 1.0, columns), whole.substr(0, columns));
  }
}

TEST(LiveLine, SharesAreNoneBeforeTheFirstSession) {
  const std::string line = live_line({}, status_of(0, 0, 0, {{"alpha", 0}}), 1.0, 200);
  EXPECT_NE(line.find(" alpha 0.0%"), std::string::npos) << line;
}

TEST(SpreadTable, HasALineForEachBackendWithItsShareAndABar) {
  EXPECT_EQ(spread_table(status_of(0, 0, 0, {{"alpha", 3'000}, {"beta", 1'000}, {"gamma", 0}})),
            "backend      sessions    share\n"
            "alpha           3 000   75.0 %  ███████████████████████\n"
            "beta            1 000   25.0 %  ████████\n"
            "gamma               0    0.0 %  \n");
}

TEST(SpreadTable, OfOneBackendHasAFullBar) {
  const std::string table = spread_table(status_of(0, 0, 0, {{"alpha", 5}}));
  std::string bar;
  for (int i = 0; i < 30; ++i) bar += "█";
  EXPECT_NE(table.find("100.0 %  " + bar + "\n"), std::string::npos) << table;
}

}  // namespace
}  // namespace weir::cli
