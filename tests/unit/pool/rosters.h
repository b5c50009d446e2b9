// A roster's rules, and what it says, in few words: for the tests of rosters.
#pragma once

#include <gtest/gtest.h>

#include "pool/roster.h"
#include "unit/pool/backends.h"

namespace weir::pool {

inline constexpr base::Millis kSecond{1'000};

inline RosterRules checked(bool initially_up = true) {
  RosterRules rules;
  rules.health = {.is_checked = true, .rise = 1, .fall = 1, .initially_up = initially_up};
  return rules;
}

// The session's name for where it goes, or why it goes nowhere. Takes the place when there is one.
inline std::string choose(Roster& roster, const balance::Tried& tried = {}) {
  NoPick why_not = NoPick::kNone;
  const auto index = roster.choose({0, tried}, why_not);
  if (index) {
    EXPECT_EQ(why_not, NoPick::kNone);
    roster.enter(*index);
    return roster.backends()[*index]->name();
  }
  switch (why_not) {
    case NoPick::kNone:
      return "?";
    case NoPick::kFull:
      return "full";
    case NoPick::kNobody:
      return "nobody";
  }
  return "?";
}

inline std::string chosen(Roster& roster, int times) {
  std::string names;
  for (int i = 0; i < times; ++i) names += choose(roster);
  return names;
}

inline std::map<std::string, int> shares(Roster& roster, int times) {
  std::map<std::string, int> picks;
  for (int i = 0; i < times; ++i) ++picks[choose(roster)];
  return picks;
}

inline balance::Tried tried_of(std::initializer_list<balance::BackendIndex> indexes) {
  balance::Tried tried;
  for (const balance::BackendIndex index : indexes) tried.add(index);
  return tried;
}

constexpr std::string_view word(Change change) {
  constexpr std::string_view kWords[] = {"down",  "up",      "ejected", "passed over", "returned", "mode",
                                         "added", "removed", "panic",   "calm",        "denied"};
  return kWords[static_cast<std::size_t>(change)];
}

// "down a 2/3" for each event: what, whose, healthy of total.
inline std::vector<std::string> told(Roster& roster) {
  std::vector<std::string> texts;
  for (const PoolEvent& event : roster.take_events()) {
    std::string text(word(event.change));
    if (event.backend != nullptr) text += " " + event.backend->name();
    texts.push_back(text + " " + std::to_string(event.healthy) + "/" + std::to_string(event.total));
  }
  return texts;
}

using Texts = std::vector<std::string>;

inline void fail(Roster& roster, balance::BackendIndex index, base::TimePoint now = kStart, int times = 5) {
  for (int i = 0; i < times; ++i) roster.failed(index, Failure::kConnect, now, "connect_refused");
}

}  // namespace weir::pool
