// Which client addresses a packet filter drops: prefixes with a verdict each, the longest match deciding.
// Plain values and pure functions, for `net/packet_filter` only: who may come in is decided above, this is
// the decided list. No descriptor, no thread. One surprising rule: the order of the steps from one list to
// the next matters.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace weir::net {

// One prefix. Bits beyond `length` count for nothing.
struct PacketRule {
  int family = 0;                        // AF_INET or AF_INET6
  std::array<std::uint8_t, 16> bytes{};  // network order; an IPv4 address has the first four
  std::uint8_t length = 0;               // at most 32 or 128
  bool deny = false;

  friend bool operator==(const PacketRule&, const PacketRule&) = default;
};

// A whole list, in any order. The longest match decides; of two verdicts on one prefix deny wins; an address
// that nothing matches gets the default.
struct PacketRules {
  std::vector<PacketRule> rules;
  bool default_deny = false;
};

// The same list in one form: host bits cleared; IPv4-mapped prefixes of IPv6 (RFC 4291 section 2.5.5.2) as
// the IPv4 ones they are; each prefix once; and one of length 0 for each family, which is the default unless
// the list has its own. IPv4 stands before IPv6, longer before shorter, then by address: the first match
// decides. Precondition: families and lengths are as said above.
std::vector<PacketRule> normalized(const PacketRules& list);

// One change of a table: put a rule (over the one of the same prefix, if there is one), or erase the prefix.
struct RuleStep {
  PacketRule rule;
  enum class What : std::uint8_t { kPut, kErase } what = What::kPut;
};

// The steps that make `before` into `after`, both normalized. After every step each address gets the verdict
// of `before` or of `after`, never a third: longer prefixes are put before shorter ones, so that a rule which
// is new or changed is never seen without its exceptions; then the shorter are erased before the longer, so
// that an exception never goes before its rule.
std::vector<RuleStep> steps_between(const std::vector<PacketRule>& before,
                                    const std::vector<PacketRule>& after);

// What a table that held `before`, normalized, holds once `steps` are carried out.
std::vector<PacketRule> after_steps(const std::vector<PacketRule>& before, std::span<const RuleStep> steps);

}  // namespace weir::net
