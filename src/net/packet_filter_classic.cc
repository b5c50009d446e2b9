#include "net/packet_filter_classic.h"

#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <string>

namespace weir::net {
namespace {

using Rules = std::span<const PacketRule>;

constexpr std::uint32_t kDrop = 0;
constexpr std::uint32_t kKeep = 0xffffffff;  // more than any packet's length: all of it
// A conditional jump reaches 255 instructions; a shorter block leaves room.
constexpr std::size_t kBlock = 200;

// The 32-bit word number `index` of the prefix, as the program loads it.
std::uint32_t word_of(const PacketRule& rule, std::size_t index) {
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < 4; ++i) word = word << 8 | rule.bytes[index * 4 + i];
  return word;
}

std::uint32_t mask_of(unsigned bits) { return bits == 0 ? 0 : ~std::uint32_t{0} << (32 - bits); }

class Builder {
 public:
  std::vector<sock_filter> take() { return std::move(code_); }
  std::size_t size() const { return code_.size(); }

  void load_protocol() { load(static_cast<std::uint32_t>(SKF_AD_OFF) + SKF_AD_PROTOCOL); }
  // A listening TCP socket's filter sees the packet from its TCP header on; the network header has a base of
  // its own.
  void load_network(std::size_t offset) {
    load(static_cast<std::uint32_t>(SKF_NET_OFF) + static_cast<std::uint32_t>(offset));
  }
  void load_memory(std::size_t slot) { add(BPF_LD | BPF_MEM, static_cast<std::uint32_t>(slot)); }
  void store_memory(std::size_t slot) { add(BPF_ST, static_cast<std::uint32_t>(slot)); }
  void mask(std::uint32_t value) { add(BPF_ALU | BPF_AND | BPF_K, value); }
  void give(std::uint32_t verdict) { add(BPF_RET | BPF_K, verdict); }
  void skip(std::size_t count) { add(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(count)); }
  // A jump to wherever `land` is called with what this returns, at any distance.
  std::size_t jump_ahead() {
    skip(0);
    return code_.size() - 1;
  }
  void land(std::size_t jump) { code_[jump].k = static_cast<std::uint32_t>(code_.size() - jump - 1); }
  // Skips `if_equal` or `if_not` instructions, at most 255.
  void compare(std::uint32_t value, std::size_t if_equal, std::size_t if_not) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value);
    code_.back().jt = static_cast<std::uint8_t>(if_equal);
    code_.back().jf = static_cast<std::uint8_t>(if_not);
  }

 private:
  void load(std::uint32_t offset) { add(BPF_LD | BPF_W | BPF_ABS, offset); }
  void add(int code, std::uint32_t value) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
  }

  std::vector<sock_filter> code_;
};

std::uint32_t verdict_of(const PacketRule& rule) { return rule.deny ? kDrop : kKeep; }

// Rules of one length, from the front: they exclude each other, so their order is free and verdicts may be
// gathered.
void add_v4_length(Builder& program, Rules same_length) {
  const unsigned length = same_length.front().length;
  if (length == 0) return program.give(verdict_of(same_length.front()));
  program.load_memory(0);
  if (length < 32) program.mask(mask_of(length));
  for (const bool deny : {true, false}) {
    std::vector<std::uint32_t> words;
    for (const PacketRule& rule : same_length) {
      if (rule.deny == deny) words.push_back(word_of(rule, 0));
    }
    for (std::size_t start = 0; start < words.size(); start += kBlock) {
      const std::size_t count = std::min(kBlock, words.size() - start);
      for (std::size_t i = 0; i < count; ++i) program.compare(words[start + i], count - i, 0);
      program.skip(1);
      program.give(deny ? kDrop : kKeep);
    }
  }
}

// One IPv6 rule: its words in turn, each a way out.
void add_v6_rule(Builder& program, const PacketRule& rule) {
  const std::size_t words = (rule.length + std::size_t{31}) / 32;
  const bool has_part = rule.length % 32 != 0;
  const std::size_t size = words * 2 + (has_part ? 1 : 0) + 1;
  const std::size_t start = program.size();
  for (std::size_t i = 0; i < words; ++i) {
    program.load_memory(i);
    if (has_part && i + 1 == words) program.mask(mask_of(rule.length % 32));
    program.compare(word_of(rule, i), 0, start + size - program.size() - 1);
  }
  program.give(verdict_of(rule));
}

base::Error too_long(std::size_t instructions, std::size_t prefixes) {
  return {base::ErrorSide::kConfiguration,
          "a classic BPF filter holds " + std::to_string(kMaxClassicInstructions) + " instructions, and " +
              std::to_string(prefixes) + " prefixes need " + std::to_string(instructions) +
              " (about 4000 IPv4 prefixes fit, or 450 to 680 of IPv6)"};
}

}  // namespace

base::Result<std::vector<sock_filter>> build_classic_filter(const std::vector<PacketRule>& rules) {
  const auto first_v6 = std::find_if(rules.begin(), rules.end(),
                                     [](const PacketRule& rule) { return rule.family == AF_INET6; });
  Builder program;
  program.load_protocol();
  program.compare(ETH_P_IP, 1, 0);
  const std::size_t to_v6 = program.jump_ahead();
  program.load_network(offsetof(iphdr, saddr));
  program.store_memory(0);
  for (auto rule = rules.begin(); rule != first_v6;) {
    const auto end =
        std::find_if(rule, first_v6, [&](const PacketRule& other) { return other.length != rule->length; });
    add_v4_length(program, {rule, end});
    rule = end;
  }
  program.land(to_v6);
  // Neither of the two: kept, for the gate behind the socket to judge.
  program.compare(ETH_P_IPV6, 1, 0);
  program.give(kKeep);
  for (std::size_t word = 0; word < 4; ++word) {
    program.load_network(offsetof(ip6_hdr, ip6_src) + word * 4);
    program.store_memory(word);
  }
  for (auto rule = first_v6; rule != rules.end(); ++rule) add_v6_rule(program, *rule);
  if (program.size() > kMaxClassicInstructions)
    return base::failure(too_long(program.size(), rules.size() - 2));
  return program.take();
}

}  // namespace weir::net
