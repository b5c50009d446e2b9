#include "net/packet_rules.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "base/assert.h"

namespace weir::net {
namespace {

constexpr std::array<std::uint8_t, 12> kMappedPrefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::uint8_t kMappedBits = 96;

// Whether `a` stands before `b`; the verdict is no part of it.
bool before_in_order(const PacketRule& a, const PacketRule& b) {
  if (a.family != b.family) return a.family == AF_INET;
  if (a.length != b.length) return a.length > b.length;
  return a.bytes < b.bytes;
}

bool is_mapped(const PacketRule& rule) {
  return rule.family == AF_INET6 && rule.length >= kMappedBits &&
         std::equal(kMappedPrefix.begin(), kMappedPrefix.end(), rule.bytes.begin());
}

PacketRule unmapped(const PacketRule& rule) {
  PacketRule v4{AF_INET, {}, static_cast<std::uint8_t>(rule.length - kMappedBits), rule.deny};
  std::copy_n(rule.bytes.begin() + kMappedPrefix.size(), 4, v4.bytes.begin());
  return v4;
}

void clear_host_bits(PacketRule& rule) {
  for (std::size_t i = 0; i < rule.bytes.size(); ++i) {
    const int kept = std::clamp(rule.length - static_cast<int>(i) * 8, 0, 8);
    rule.bytes[i] &= static_cast<std::uint8_t>(0xff00 >> kept);
  }
}

}  // namespace

std::vector<PacketRule> normalized(const PacketRules& list) {
  std::vector<PacketRule> rules;
  rules.reserve(list.rules.size() + 2);
  for (const PacketRule& given : list.rules) {
    WEIR_ASSERT((given.family == AF_INET && given.length <= 32) ||
                (given.family == AF_INET6 && given.length <= 128));
    PacketRule rule = is_mapped(given) ? unmapped(given) : given;
    clear_host_bits(rule);
    rules.push_back(rule);
  }
  // Deny stands first among equals, so that it is the one which stays.
  std::sort(rules.begin(), rules.end(), [](const PacketRule& a, const PacketRule& b) {
    if (before_in_order(a, b)) return true;
    return !before_in_order(b, a) && a.deny && !b.deny;
  });
  // The defaults go where they belong, behind a /0 of the list's own.
  for (const int family : {AF_INET, AF_INET6}) {
    const PacketRule fallback{family, {}, 0, list.default_deny};
    rules.insert(std::upper_bound(rules.begin(), rules.end(), fallback, before_in_order), fallback);
  }
  const auto same_prefix = [](const PacketRule& a, const PacketRule& b) {
    return !before_in_order(a, b) && !before_in_order(b, a);
  };
  rules.erase(std::unique(rules.begin(), rules.end(), same_prefix), rules.end());
  return rules;
}

std::vector<RuleStep> steps_between(const std::vector<PacketRule>& before,
                                    const std::vector<PacketRule>& after) {
  std::vector<RuleStep> puts;
  std::vector<RuleStep> erasures;
  auto old = before.begin();
  for (const PacketRule& rule : after) {
    while (old != before.end() && before_in_order(*old, rule)) {
      erasures.push_back({*old++, RuleStep::What::kErase});
    }
    const bool is_there = old != before.end() && !before_in_order(rule, *old);
    if (!is_there || old->deny != rule.deny) puts.push_back({rule, RuleStep::What::kPut});
    if (is_there) ++old;
  }
  for (; old != before.end(); ++old) erasures.push_back({*old, RuleStep::What::kErase});
  // Both came longest first within a family, and no address is of two; erasing wants the other end first.
  std::reverse(erasures.begin(), erasures.end());
  puts.insert(puts.end(), erasures.begin(), erasures.end());
  return puts;
}

std::vector<PacketRule> after_steps(const std::vector<PacketRule>& before, std::span<const RuleStep> steps) {
  std::map<PacketRule, bool, decltype(&before_in_order)> table(&before_in_order);
  for (const PacketRule& rule : before) table.emplace(rule, rule.deny);
  for (const RuleStep& step : steps) {
    if (step.what == RuleStep::What::kErase) {
      table.erase(step.rule);
    } else {
      table.insert_or_assign(step.rule, step.rule.deny);
    }
  }
  std::vector<PacketRule> after;
  after.reserve(table.size());
  for (const auto& [rule, deny] : table) after.push_back({rule.family, rule.bytes, rule.length, deny});
  return after;
}

}  // namespace weir::net
