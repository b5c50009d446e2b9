// The soak finds nothing unless its judge does: what it must not explain away, and what it may.
#include "support/soak_verdict.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace weir::test::soak {
namespace {

constexpr std::uint64_t kSeed = 7;
const Clock::time_point kZero{};

// The first session of that kind and mishap.
Plan plan_with(Mishap mishap, Kind kind = Kind::kKept) {
  for (std::uint64_t number = 1;; ++number) {
    const Plan plan = plan_of(kSeed, number, kind);
    if (plan.mishap == mishap) return plan;
  }
}

Account account(Outcome outcome) { return {outcome, "", kZero + Millis(1'000), kZero + Millis(2'000)}; }

// One that went as it should, at backend "a" from second 1 to 2.
Session whole(const Plan& plan) {
  Session session;
  session.number = plan.number;
  session.kind = plan.kind;
  session.address = "127.0.1.1:40000";
  session.client = account(Outcome::kWhole);
  session.backend = account(Outcome::kWhole);
  session.seen_by = "a";
  session.logged.emplace();
  session.logged->fields = {{"backend", "a"},
                            {"reason", plan.first_to_end == Side::kClient ? "client_end" : "backend_end"},
                            {"upload", std::to_string(plan.upload())},
                            {"download", std::to_string(plan.download())}};
  return session;
}

Session lost(const Plan& plan, const std::string& reason) {
  Session session = whole(plan);
  session.client = account(Outcome::kReset);
  session.backend = account(Outcome::kReset);
  session.logged->fields["reason"] = reason;
  session.logged->fields["upload"] = "0";
  session.logged->fields["download"] = "0";
  return session;
}

Fault fault(FaultKind kind, const std::string& backend, Millis begun, Millis over) {
  return {kind, backend, kZero + begun, kZero + begun + Millis(1), kZero + over};
}

const Plan kPlain = plan_with(Mishap::kNone);
const std::vector<Fault> kDied{fault(FaultKind::kDies, "a", Millis(1'500), Millis(1'900))};

Verdict::Kind verdict(const Session& session, const std::vector<Fault>& faults, const Plan& plan = kPlain) {
  return judge(plan, session, faults).kind;
}

TEST(SoakVerdict, AWholeSessionIsWholeWhateverBefellItsBackend) {
  EXPECT_EQ(verdict(whole(kPlain), {}), Verdict::Kind::kWhole);
  EXPECT_EQ(verdict(whole(kPlain), kDied), Verdict::Kind::kWhole);
}

TEST(SoakVerdict, ALossWithoutAFaultIsUnexplained) {
  EXPECT_EQ(verdict(lost(kPlain, "backend_reset"), {}), Verdict::Kind::kUnexplained);
}

TEST(SoakVerdict, ALossIsExplainedByADeathOfItsBackendWhileItWasOpen) {
  const Session session = lost(kPlain, "backend_reset");
  EXPECT_EQ(verdict(session, kDied), Verdict::Kind::kExplained);
  EXPECT_EQ(verdict(session, {fault(FaultKind::kDies, "b", Millis(1'500), Millis(1'900))}),
            Verdict::Kind::kUnexplained)
      << "another backend's";
  EXPECT_EQ(verdict(session, {fault(FaultKind::kDies, "a", Millis(500), Millis(1'900))}),
            Verdict::Kind::kUnexplained)
      << "it was dead before the session began";
  EXPECT_EQ(verdict(session, {fault(FaultKind::kDies, "a", Millis(2'500), Millis(3'000))}),
            Verdict::Kind::kUnexplained)
      << "the session was over";
  EXPECT_EQ(verdict(lost(kPlain, "idle_timeout"), kDied), Verdict::Kind::kUnexplained)
      << "the reason does not fit";
}

TEST(SoakVerdict, AShortHangExplainsNothingAndALongOneATimeout) {
  const auto hangs = [](FaultKind kind) {
    return std::vector<Fault>{fault(kind, "a", Millis(900), Millis(9'000))};
  };
  EXPECT_EQ(verdict(lost(kPlain, "idle_timeout"), hangs(FaultKind::kHangsShortly)),
            Verdict::Kind::kUnexplained);
  EXPECT_EQ(verdict(lost(kPlain, "idle_timeout"), hangs(FaultKind::kHangs)), Verdict::Kind::kExplained);
  EXPECT_EQ(verdict(lost(kPlain, "backend_reset"), hangs(FaultKind::kHangs)), Verdict::Kind::kUnexplained);
}

TEST(SoakVerdict, WhoStopsListeningLosesOnlyWhatItHasNotAccepted) {
  const std::vector<Fault> faults{fault(FaultKind::kStopsListening, "a", Millis(1'500), Millis(1'900))};
  Session session = lost(kPlain, "backend_reset");
  EXPECT_EQ(verdict(session, faults), Verdict::Kind::kUnexplained);
  session.seen_by = "";
  session.backend = Account{};
  EXPECT_EQ(verdict(session, faults), Verdict::Kind::kExplained);
}

TEST(SoakVerdict, NothingExplainsWrongBytesOrACutThatLooksWhole) {
  for (const Outcome outcome : {Outcome::kWrongBytes, Outcome::kEndedEarly, Outcome::kTimedOut}) {
    Session at_client = lost(kPlain, "backend_reset");
    at_client.client.outcome = outcome;
    EXPECT_EQ(verdict(at_client, kDied), Verdict::Kind::kUnexplained) << word(outcome);
    Session at_backend = lost(kPlain, "backend_reset");
    at_backend.backend.outcome = outcome;
    EXPECT_EQ(verdict(at_backend, kDied), Verdict::Kind::kUnexplained) << word(outcome);
  }
}

TEST(SoakVerdict, TheLogMustSayTheSame) {
  Session session = whole(kPlain);
  session.logged->fields["download"] = "1";
  EXPECT_EQ(verdict(session, {}), Verdict::Kind::kUnexplained) << "bytes";
  session = whole(kPlain);
  session.logged->fields["reason"] = "client_reset";
  EXPECT_EQ(verdict(session, {}), Verdict::Kind::kUnexplained) << "the reason";
  session = whole(kPlain);
  session.logged->fields["backend"] = "b";
  EXPECT_EQ(verdict(session, {}), Verdict::Kind::kUnexplained) << "the backend";
  session = whole(kPlain);
  session.logged.reset();
  EXPECT_EQ(verdict(session, {}), Verdict::Kind::kUnexplained) << "no line";
}

TEST(SoakVerdict, AMishapExplainsItsOwnSession) {
  const Plan resets = plan_with(Mishap::kClientResets);
  Session session = lost(resets, "client_reset");
  session.client.outcome = Outcome::kMishap;
  EXPECT_EQ(verdict(session, {}, resets), Verdict::Kind::kExplained);
  session.logged->fields["reason"] = "backend_reset";
  EXPECT_EQ(verdict(session, {}, resets), Verdict::Kind::kUnexplained);

  const Plan closes = plan_with(Mishap::kClientCloses);
  session = lost(closes, "client_end");
  session.client.outcome = Outcome::kMishap;
  session.backend.outcome = Outcome::kEndedEarly;
  EXPECT_EQ(verdict(session, {}, closes), Verdict::Kind::kExplained);
}

TEST(SoakVerdict, AClientThatClosesBehindTheEndOfItsBackendExplainsThatEndOnly) {
  Plan plan = plan_with(Mishap::kClientCloses, Kind::kBothWays);
  plan.first_to_end = Side::kBackend;
  Session session = whole(plan);
  session.client = account(Outcome::kMishap);
  session.backend = account(Outcome::kEndedEarly);
  session.logged->fields["upload"] = std::to_string(plan.upload() - 1);
  EXPECT_EQ(verdict(session, {}, plan), Verdict::Kind::kExplained);
  session.logged->fields["download"] = std::to_string(plan.download() - 1);
  EXPECT_EQ(verdict(session, {}, plan), Verdict::Kind::kUnexplained) << "the backend had not ended";
}

TEST(EndlessStream, GoesOnBehindTheEndOfItsPeriod) {
  const EndlessStream stream;
  for (std::size_t offset = 1'048'573 - 1'000; offset < 1'048'573 + 1'000; ++offset) {
    EXPECT_TRUE(stream.matches(offset, stream.text(offset, 504))) << offset;
  }
}

TEST(SoakSchedule, HasAllKindsInAShortRound) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    std::set<FaultKind> kinds;
    for (const PlannedFault& one : schedule_of(seed, 0, 6, Millis(12'000))) kinds.insert(one.kind);
    EXPECT_EQ(kinds.size(), kFaultKinds) << seed;
  }
}

TEST(SoakSchedule, KeepsMostOfTheBackendsUp) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<PlannedFault> faults = schedule_of(seed, 0, 6, Millis(60'000));
    EXPECT_GT(faults.size(), 8u);
    for (const PlannedFault& one : faults) {
      const auto at_once = std::ranges::count_if(faults, [&](const PlannedFault& other) {
        return other.at <= one.at && one.at < other.at + other.length;
      });
      EXPECT_LE(at_once, 2);
    }
  }
}

}  // namespace
}  // namespace weir::test::soak
