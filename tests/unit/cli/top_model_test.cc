#include "cli/top_model.h"

#include <gtest/gtest.h>

#include <cmath>

namespace weir::cli {
namespace {

using nlohmann::json;

json backend(const char* name, int sessions, int in_flight, const char* state = "up") {
  return {{"name", name},
          {"state", state},
          {"weight", 1},
          {"in_flight", in_flight},
          {"sessions_total", sessions},
          {"connect_failures_total", 0},
          {"connect_us", 1500},
          {"upload_bytes_total", sessions * 100},
          {"download_bytes_total", sessions * 1000}};
}

Reading reading(const json& backends, int accepted = 0, int refused = 0) {
  Reading out;
  out.process = {{"connections", 5}, {"max_connections", 100}};
  out.listeners = {{"listeners",
                    {{{"name", "web"},
                      {"addresses", {"127.0.0.1:80", "[::1]:80"}},
                      {"pool", "site"},
                      {"sessions_open", 5},
                      {"accepted_total", accepted},
                      {"refused_total", {{"denied", refused}, {"rate", 1}}},
                      {"upload_bytes_total", 0},
                      {"download_bytes_total", 0}}}}};
  out.pools = {{"pools", {{{"name", "site"}, {"healthy", 1}, {"waiting", 2}, {"backends", backends}}}}};
  return out;
}

std::vector<std::string> texts(const PageView& view, std::size_t column) {
  std::vector<std::string> out;
  for (const Row& row : view.rows) out.push_back(row.cells[column].text);
  return out;
}

using Texts = std::vector<std::string>;

TEST(TopModel, ARateIsTheGrowthBetweenTwoReadings) {
  const auto before = reading(json::array({backend("a", 100, 1), backend("b", 200, 2)}));
  const auto now = reading(json::array({backend("a", 160, 1), backend("b", 220, 2)}));
  const PageView view = view_of(Page::kBackends, before, now, 2);
  EXPECT_EQ(texts(view, 4), (Texts{"30", "10"}));
  EXPECT_EQ(texts(view, 5), (Texts{"75 %", "25 %"}));
  EXPECT_EQ(texts(view, 7), (Texts{"1.5 ms", "1.5 ms"}));
  EXPECT_EQ(texts(view, 9), (Texts{"29.3 KiB", "9.8 KiB"}));
}

TEST(TopModel, ThereIsNoRateAtFirstNorAfterCountersHaveBegunAnew) {
  const auto now = reading(json::array({backend("a", 100, 1)}), 50);
  EXPECT_EQ(texts(view_of(Page::kBackends, {}, now, 0), 4), Texts{"0"});
  const auto restarted = reading(json::array({backend("a", 3, 1)}), 1);
  EXPECT_EQ(texts(view_of(Page::kBackends, now, restarted, 1), 4), Texts{"0"});
  EXPECT_EQ(totals_of(now, restarted, 1).accepted, 0);
}

TEST(TopModel, ABackendThatHasComeSinceHasNoRateYet) {
  const auto before = reading(json::array({backend("a", 100, 1)}));
  const auto now = reading(json::array({backend("a", 100, 1), backend("new", 5000, 1)}));
  EXPECT_EQ(texts(view_of(Page::kBackends, before, now, 1), 4), (Texts{"0", "0"}));
}

TEST(TopModel, ABackendThatHasLeftIsNotTakenForOneThatIsCalledSoByNow) {
  json gone = backend("a", 1'000'000, 1);
  gone["address"] = "192.0.2.1:80";
  json here = backend("a", 100, 0);
  here["address"] = "192.0.2.2:80";
  const auto before = reading(json::array({here, gone}));
  gone["left"] = true;
  here["sessions_total"] = 150;
  const auto now = reading(json::array({here, gone}));
  const PageView view = view_of(Page::kBackends, before, now, 1);
  EXPECT_EQ(texts(view, 4), (Texts{"50", "0"}));
  EXPECT_EQ(view.rows[0].name, "a");
  EXPECT_EQ(view.rows[1].name, "") << "it cannot be changed any more";
  EXPECT_EQ(totals_of(before, now, 1).backends, 1u);
}

TEST(TopModel, TotalsAreSumsOfAllListenersAndPools) {
  const auto before = reading(json::array({backend("a", 1, 1), backend("b", 1, 0, "down")}), 100, 7);
  const auto now = reading(json::array({backend("a", 1, 1), backend("b", 1, 0, "down")}), 300, 27);
  const Totals totals = totals_of(before, now, 2);
  EXPECT_EQ(totals.accepted, 100);
  EXPECT_EQ(totals.refused, 10);
  EXPECT_EQ(totals.connections, 5u);
  EXPECT_EQ(totals.most, 100u);
  EXPECT_EQ(totals.healthy, 1u);
  EXPECT_EQ(totals.backends, 2u);
  EXPECT_EQ(totals.waiting, 2u);
}

TEST(TopModel, NumbersAreSortedAsNumbersFromTheGreatestAndTextsFromA) {
  const auto now = reading(json::array({backend("b", 1, 9), backend("a", 1, 100), backend("c", 1, 20)}));
  PageView view = view_of(Page::kBackends, {}, now, 0);
  arrange(view, "", 3, false);
  EXPECT_EQ(texts(view, 3), (Texts{"100", "20", "9"}));
  arrange(view, "", 3, true);
  EXPECT_EQ(texts(view, 3), (Texts{"9", "20", "100"}));
  arrange(view, "", 1, false);
  EXPECT_EQ(texts(view, 1), (Texts{"a", "b", "c"}));
}

TEST(TopModel, AFilterLeavesRowsThatHaveItAnywhere) {
  const auto now = reading(json::array({backend("alpha", 1, 1), backend("beta", 1, 2, "drain")}));
  PageView view = view_of(Page::kBackends, {}, now, 0);
  arrange(view, "drain", view.columns.size(), false);
  EXPECT_EQ(texts(view, 1), Texts{"beta"});
  arrange(view, "nothing", view.columns.size(), false);
  EXPECT_TRUE(view.rows.empty());
}

TEST(TopModel, ANameIsShownHarmlessAndSentBackExactly) {
  const auto now = reading(json::array({backend("evil\x1b[2J", 1, 1)}));
  const PageView view = view_of(Page::kBackends, {}, now, 0);
  EXPECT_EQ(view.rows[0].cells[1].text, "evil\\x1b[2J");
  EXPECT_EQ(view.rows[0].name, "evil\x1b[2J");
}

TEST(TopModel, EveryPageHasACellForEachColumn) {
  Reading now = reading(json::array({backend("a", 1, 1)}));
  now.detail = {{"sessions", {{{"id", "1"}, {"age_ms", 5}}}},
                {"clients", {{{"client", "192.0.2.1"}, {"sessions_open", 3}}}},
                {"refusals", {{{"time", "now"}, {"reason", "rate"}, {"dry_run", true}}}}};
  for (const Page page :
       {Page::kBackends, Page::kListeners, Page::kSessions, Page::kClients, Page::kRefusals}) {
    const PageView view = view_of(page, {}, now, 0);
    ASSERT_EQ(view.rows.size(), 1u);
    EXPECT_EQ(view.rows[0].cells.size(), view.columns.size());
    EXPECT_EQ(view.rows[0].values.size(), view.columns.size());
  }
}

TEST(TopModel, RefusalsAreCountedByListenerAndReasonAboveTheirSamples) {
  const auto counted = [](int denied, int rate, int dry, int paused) {
    Reading out = reading(json::array());
    out.listeners["listeners"][0]["refused_total"] = {{"denied", denied}, {"rate", rate}, {"untrusted", 0}};
    out.listeners["listeners"][0]["would_be_refused_total"] = {{"denied", 0}, {"rate", dry}};
    out.listeners["listeners"][0]["accept_pauses_total"] = {{"rate", paused}};
    return out;
  };
  const auto above = [](const PageView& view) {
    std::vector<Texts> rows;
    for (const Row& row : view.rows_above) {
      EXPECT_EQ(row.cells.size(), view.columns_above.size());
      Texts& texts = rows.emplace_back();
      for (const Cell& cell : row.cells) texts.push_back(cell.text);
    }
    return rows;
  };
  PageView view = view_of(Page::kRefusals, counted(10, 0, 0, 0), counted(1'210, 3, 2'000, 4), 2);
  const Texts rate{"web", "rate", "1.5", "3", "1 000", "2 000", "2.0", "4"};
  const Texts denied{"web", "denied", "600", "1 210", "0", "0", "0", "0"};
  EXPECT_EQ(above(view), (std::vector<Texts>{rate, denied})) << "from the most; what never came is not there";
  EXPECT_EQ(view.rows_above[0].cells[2].tone, Tone::kBad);
  EXPECT_EQ(view.rows_above[1].cells[4].tone, Tone::kPlain);
  arrange(view, "denied", 0, true);
  EXPECT_EQ(above(view), std::vector<Texts>{denied});
  EXPECT_EQ(above(view_of(Page::kRefusals, {}, counted(7, 0, 0, 0), 0)),
            (std::vector<Texts>{{"web", "denied", "0", "7", "0", "0", "0", "0"}}));
  EXPECT_TRUE(view_of(Page::kListeners, {}, counted(7, 0, 0, 0), 0).rows_above.empty());
}

TEST(TopModel, AnAnswerOfAnotherShapeIsAnEmptyPage) {
  Reading odd;
  odd.pools = {{"pools", 5}};
  odd.listeners = json::array();
  for (const Page page :
       {Page::kBackends, Page::kListeners, Page::kSessions, Page::kClients, Page::kRefusals}) {
    EXPECT_TRUE(view_of(page, odd, odd, 1).rows.empty());
  }
  EXPECT_EQ(totals_of(odd, odd, 1).backends, 0u);
}

}  // namespace
}  // namespace weir::cli
