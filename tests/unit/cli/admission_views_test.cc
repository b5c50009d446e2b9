#include "cli/admission_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "admin/json_views.h"
#include "unit/admin/a_status.h"

namespace weir::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

// What the door shows, as ctl gets it.
json limits_of(const server::ProcessStatus& status) {
  return json::parse(admin::json_text(admin::limits_json(status)));
}

TEST(LimitsText, HasEachLimitWithHowMuchOfItIsUsed) {
  EXPECT_EQ(
      limits_text(limits_of(admin::a_status()), Colours::kNone),
      "LIMITS                 OPEN    RATE  BURST USED      UP  DOWN  WHEN EXCEEDED          LISTENERS\n"
      "process               3/100  60/min         4/7       -     -  wait\n"
      "listeners.web.limits   3/50   100/s        5/20  1MiB/s     -  tarpit 1/8             web\n"
      "limits.all                -       -           -       -     -  dry run: only counted  a,b\n"
      "\n"
      "EACH CLIENT OF        OPEN  RATE  BURST  CLIENTS  UNLIMITED\n"
      "listeners.web.limits    10   5/h      6     2/16          3\n");
}

TEST(LimitsText, TellsNothingOfClientsWhereTheyAreNotLimited) {
  server::ProcessStatus status = admin::a_status();
  status.limits.erase(status.limits.begin());
  EXPECT_THAT(limits_text(limits_of(status), Colours::kNone), Not(HasSubstr("EACH CLIENT")));
}

TEST(LimitsText, IsRedWhereALimitIsReachedAndYellowShortBeforeIt) {
  server::ProcessStatus status = admin::a_status();
  status.limits[0].connections = 50;
  status.limits[0].rate->used = 18;
  const std::string text = limits_text(limits_of(status), Colours::kTerminal);
  EXPECT_THAT(text, HasSubstr("\x1b[31m50/50\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("\x1b[33m18/20\x1b[0m"));
  EXPECT_THAT(text, HasSubstr("  3/100  "));
}

// The program may be newer than the Weir that it asks.
TEST(LimitsText, DoesWithoutWhatAnEarlierWeirDoesNotSay) {
  const json earlier{{"limits",
                      {{{"name", "listeners.web.limits"},
                        {"tarpitted", 0},
                        {"clients", 2},
                        {"client_table_size", 16},
                        {"unlimited_total", 0}}}}};
  const std::string text = limits_text(earlier, Colours::kNone);
  EXPECT_THAT(text, HasSubstr("listeners.web.limits"));
  EXPECT_THAT(text, HasSubstr("2/16"));
}

TEST(RefusalsText, CountsByListenerAndReasonAboveTheSamples) {
  server::ProcessStatus status;
  server::ListenerStatus& listener = status.listeners.emplace_back();
  listener.name = "web";
  listener.refused[static_cast<std::size_t>(admission::Refusal::kDenied)] = 12'345;
  listener.would_refuse[static_cast<std::size_t>(admission::Refusal::kRate)] = 3;
  listener.paused[static_cast<std::size_t>(admission::Refusal::kProcessConnections)] = 4;
  for (const bool dry_run : {false, true}) {
    server::RefusalStatus& refusal = status.refusals.emplace_back();
    refusal.listener = "web";
    refusal.client = *base::parse_address("192.0.2.7:4711");
    refusal.reason = dry_run ? "rate" : "denied";
    refusal.dry_run = dry_run;
  }
  const json found = json::parse(admin::json_text(admin::refusals_json(status)));
  EXPECT_EQ(refusals_text(found, Colours::kNone),
            "LISTENER  REASON               REFUSED  DRY RUN  PAUSES\n"
            "web       denied                12 345        0       0\n"
            "web       rate                       0        3       0\n"
            "web       process_connections        0        0       4\n"
            "\n"
            "TIME                      LISTENER  CLIENT          REASON\n"
            "1970-01-01T00:00:00.000Z  web       192.0.2.7:4711  denied\n"
            "1970-01-01T00:00:00.000Z  web       192.0.2.7:4711  rate    let in: dry run\n");
  EXPECT_THAT(refusals_text(found, Colours::kTerminal), HasSubstr("\x1b[33m12 345\x1b[0m"));
}

TEST(RefusalsText, SaysThatNobodyWasRefused) {
  const json found = json::parse(admin::json_text(admin::refusals_json({})));
  EXPECT_EQ(refusals_text(found, Colours::kNone), "nobody was refused\n");
}

}  // namespace
}  // namespace weir::cli
