#include "support/soak_plan.h"

#include <array>

namespace weir::test::soak {
namespace {

constexpr std::size_t kKiB = 1024;
// Bulk is some MiB: enough for a session to be spliced for a while.
constexpr std::size_t kLeastBulk = kSanitized ? 600 * kKiB : 1024 * kKiB;
constexpr std::size_t kMostBulk = kSanitized ? 1200 * kKiB : 5 * 1024 * kKiB;

std::uint64_t scatter(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}

Exchange small(Dice& dice) { return {dice.between(1, 400), dice.between(1, 2000), Millis(0)}; }

std::vector<Exchange> many_small(Dice& dice, std::size_t count, Millis least_pause, Millis most_pause) {
  std::vector<Exchange> exchanges;
  for (std::size_t i = 0; i < count; ++i) {
    exchanges.push_back(small(dice));
    if (i > 0) exchanges.back().pause = dice.between(least_pause, most_pause);
  }
  return exchanges;
}

std::vector<Exchange> exchanges_of(Kind kind, Dice& dice) {
  const std::size_t little = dice.between(1, 400);
  switch (kind) {
    case Kind::kTiny:
      return {small(dice)};
    case Kind::kKept:
      return many_small(dice, dice.between(10, 60), Millis(0), Millis(40));
    case Kind::kDownload:
      return {{little, dice.between(kLeastBulk, kMostBulk), Millis(0)}};
    case Kind::kUpload:
      return {{dice.between(kLeastBulk, kMostBulk), little, Millis(0)}};
    case Kind::kBothWays:
      return {{dice.between(kLeastBulk, kMostBulk / 2), dice.between(kLeastBulk, kMostBulk / 2), Millis(0)}};
    case Kind::kServerFirst:
      return many_small(dice, dice.between(1, 20), Millis(0), Millis(60));
    case Kind::kSlowReader:
      return {{little, dice.between(300 * kKiB, 1000 * kKiB), Millis(0)}};
    case Kind::kIdle:
      return many_small(dice, dice.between(2, 4), kIdleTimeout / 20, kIdleTimeout / 4);
  }
  return {};
}

// A vanished client's session waits for its timeout, so the tiny ones are spared: they would be most of what
// is open.
Mishap mishap_of(Kind kind, Dice& dice) {
  const bool tiny = kind == Kind::kTiny;
  if (dice.one_in(tiny ? 250 : 25)) return Mishap::kClientResets;
  if (dice.one_in(tiny ? 250 : 25)) return Mishap::kBackendResets;
  if (!tiny && dice.one_in(50)) return Mishap::kClientCloses;
  if (!tiny && dice.one_in(60)) return Mishap::kClientVanishes;
  return Mishap::kNone;
}

std::uint64_t sum(const std::vector<Exchange>& exchanges, std::size_t Exchange::*bytes) {
  std::uint64_t all = 0;
  for (const Exchange& exchange : exchanges) all += exchange.*bytes;
  return all;
}

}  // namespace

Dice::Dice(std::uint64_t seed, std::uint64_t number) : state_(scatter(seed) ^ scatter(~number)) {}

std::uint64_t Dice::next() {
  state_ += 0x9e3779b97f4a7c15ull;
  return scatter(state_);
}

std::uint64_t Dice::between(std::uint64_t least, std::uint64_t most) {
  return least + next() % (most - least + 1);
}

Millis Dice::between(Millis least, Millis most) {
  return Millis(static_cast<std::int64_t>(
      between(static_cast<std::uint64_t>(least.count()), static_cast<std::uint64_t>(most.count()))));
}

std::string_view word(Kind kind) {
  static constexpr std::array<std::string_view, kKinds> kWords{
      "tiny", "kept", "download", "upload", "both_ways", "server_first", "slow_reader", "idle"};
  return kWords[static_cast<std::size_t>(kind)];
}

std::string_view word(Mishap mishap) {
  static constexpr std::array<std::string_view, 5> kWords{"none", "client_resets", "client_closes",
                                                          "client_vanishes", "backend_resets"};
  return kWords[static_cast<std::size_t>(mishap)];
}

std::uint64_t Plan::upload() const { return sizeof(Header) + sum(exchanges, &Exchange::upload); }

std::uint64_t Plan::download() const {
  return sum(exchanges, &Exchange::download) + (is_greeted(kind) ? kGreetingSize : 0);
}

Plan plan_of(std::uint64_t seed, std::uint64_t number, Kind kind) {
  Dice dice(seed, number);
  Plan plan;
  plan.number = number;
  plan.kind = kind;
  plan.exchanges = exchanges_of(kind, dice);
  plan.at_once = kind == Kind::kBothWays;
  plan.first_to_end = dice.one_in(3) ? Side::kBackend : Side::kClient;
  plan.ends_early = dice.one_in(2);
  if (kind == Kind::kSlowReader) plan.reader_pause = dice.between(Millis(20), Millis(50));
  plan.mishap = mishap_of(kind, dice);
  const std::uint64_t upload = sum(plan.exchanges, &Exchange::upload);
  const std::uint64_t download = sum(plan.exchanges, &Exchange::download);
  // Before the last byte, or it would change nothing.
  plan.mishap_at = dice.between(0, upload + download - 1);
  return plan;
}

std::uint64_t phase_of(std::uint64_t number, Side sender) {
  return scatter(number * 2 + (sender == Side::kBackend ? 1 : 0)) >> 16;
}

}  // namespace weir::test::soak
