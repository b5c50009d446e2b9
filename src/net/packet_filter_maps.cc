#include "net/packet_filter_maps.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

namespace weir::net {
namespace {

using base::failure;
using base::Result;
using base::UniqueFd;

// A key of BPF_MAP_TYPE_LPM_TRIE is the prefix's length and its bytes; the map's key size says how many of
// them there are. A value is 1 to drop.
struct Key {
  std::uint32_t length = 0;
  std::array<std::uint8_t, 16> bytes{};
};
constexpr std::uint32_t kKeySizeV4 = sizeof(std::uint32_t) + 4;
constexpr std::uint32_t kKeySizeV6 = sizeof(std::uint32_t) + 16;
static_assert(sizeof(Key) == kKeySizeV6);
using Value = std::uint32_t;

// Steps in one system call: 100 000 take a third of the time that they take one by one.
constexpr std::size_t kBatch = 1024;

// The key is built at the bottom of the program's stack.
constexpr std::int16_t kKeyLengthAt = -static_cast<std::int16_t>(kKeySizeV6);
constexpr std::int16_t kKeyBytesAt = kKeyLengthAt + 4;

// A program under construction. Registers by the calling convention: r0 result, r1 to r5 arguments, r6 kept
// over calls, r10 the stack's end.
class Program {
 public:
  const std::vector<bpf_insn>& code() const { return code_; }

  void move(std::uint8_t to, std::uint8_t from) { add(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0); }
  void set(std::uint8_t to, std::int32_t value) { add(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value); }
  void point_into_stack(std::uint8_t to, std::int16_t at) {
    move(to, BPF_REG_10);
    add(BPF_ALU64 | BPF_ADD, to, 0, 0, at);  // BPF_K, a constant, is 0
  }
  void load_word(std::uint8_t to, std::uint8_t from, std::int16_t at) {
    add(BPF_LDX | BPF_MEM | BPF_W, to, from, at, 0);
  }
  void store_word_on_stack(std::int16_t at, std::int32_t value) {
    add(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, at, value);
  }
  void atomic_add(std::uint8_t where, std::uint8_t value) {
    add(BPF_STX | BPF_ATOMIC | BPF_DW, where, value, 0, BPF_ADD);
  }
  void point_to_map(std::uint8_t to, int map) {
    // BPF_IMM is 0. A constant of 64 bits takes the place of two instructions.
    add(BPF_LD | BPF_DW, to, BPF_PSEUDO_MAP_FD, 0, map);
    add(0, 0, 0, 0, 0);
  }
  void call(std::int32_t helper) { add(BPF_JMP | BPF_CALL, 0, 0, 0, helper); }
  void exit() { add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0); }

  // A jump forward, to wherever `land` is called with what this returns.
  std::size_t jump() { return add(BPF_JMP | BPF_JA, 0, 0, 0, 0); }
  std::size_t jump_if_equal(std::uint8_t what, std::int32_t value) {
    return add(BPF_JMP | BPF_JEQ | BPF_K, what, 0, 0, value);
  }
  std::size_t jump_unless_equal(std::uint8_t what, std::int32_t value) {
    return add(BPF_JMP | BPF_JNE | BPF_K, what, 0, 0, value);
  }
  void land(std::size_t jump) { code_[jump].off = static_cast<std::int16_t>(code_.size() - jump - 1); }

 private:
  std::size_t add(int code, std::uint8_t to, std::uint8_t from, std::int16_t off, std::int32_t value) {
    bpf_insn instruction{};
    instruction.code = static_cast<std::uint8_t>(code);
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = off;
    instruction.imm = value;
    code_.push_back(instruction);
    return code_.size() - 1;
  }

  std::vector<bpf_insn> code_;
};

// Looks the packet's source address up in `map`; r0 is the verdict's address. The jumps that are returned are
// taken when there is none.
std::vector<std::size_t> look_up(Program& program, std::size_t source_at, int address_size, int map) {
  // A listening TCP socket's filter sees the packet from its TCP header on, so the address is asked for
  // relative to the network header.
  program.move(BPF_REG_1, BPF_REG_6);
  program.set(BPF_REG_2, static_cast<std::int32_t>(source_at));
  program.point_into_stack(BPF_REG_3, kKeyBytesAt);
  program.set(BPF_REG_4, address_size);
  program.set(BPF_REG_5, BPF_HDR_START_NET);
  program.call(BPF_FUNC_skb_load_bytes_relative);
  const std::size_t unreadable = program.jump_unless_equal(BPF_REG_0, 0);
  program.store_word_on_stack(kKeyLengthAt, address_size * 8);
  program.point_to_map(BPF_REG_1, map);
  program.point_into_stack(BPF_REG_2, kKeyLengthAt);
  program.call(BPF_FUNC_map_lookup_elem);
  return {unreadable, program.jump_if_equal(BPF_REG_0, 0)};
}

// What cannot be read or is not found is kept: the gate behind the socket still judges it.
std::vector<bpf_insn> build_program(int v4, int v6, int drops) {
  Program program;
  program.move(BPF_REG_6, BPF_REG_1);
  program.load_word(BPF_REG_0, BPF_REG_6, offsetof(__sk_buff, protocol));
  const std::size_t is_v4 = program.jump_if_equal(BPF_REG_0, htons(ETH_P_IP));
  std::vector<std::size_t> to_keep = {program.jump_unless_equal(BPF_REG_0, htons(ETH_P_IPV6))};
  const auto keep_jumps = look_up(program, offsetof(ip6_hdr, ip6_src), 16, v6);
  const std::size_t found_v6 = program.jump();
  program.land(is_v4);
  const auto keep_jumps_v4 = look_up(program, offsetof(iphdr, saddr), 4, v4);
  program.land(found_v6);
  program.load_word(BPF_REG_0, BPF_REG_0, 0);
  to_keep.push_back(program.jump_if_equal(BPF_REG_0, 0));

  program.store_word_on_stack(kKeyLengthAt, 0);  // the counter's index
  program.point_to_map(BPF_REG_1, drops);
  program.point_into_stack(BPF_REG_2, kKeyLengthAt);
  program.call(BPF_FUNC_map_lookup_elem);
  const std::size_t uncounted = program.jump_if_equal(BPF_REG_0, 0);
  program.set(BPF_REG_1, 1);
  program.atomic_add(BPF_REG_0, BPF_REG_1);
  program.land(uncounted);
  program.set(BPF_REG_0, 0);
  program.exit();

  to_keep.insert(to_keep.end(), keep_jumps.begin(), keep_jumps.end());
  to_keep.insert(to_keep.end(), keep_jumps_v4.begin(), keep_jumps_v4.end());
  for (const std::size_t jump : to_keep) program.land(jump);
  program.set(BPF_REG_0, -1);  // more than any packet's length: all of it
  program.exit();
  return program.code();
}

// `result` is a descriptor or a negative errno, as libbpf 1 returns them.
Result<UniqueFd> taken(int result, std::string_view what) {
  if (result >= 0) return UniqueFd(result);
  base::Error error = base::system_error(what, -result);
  if (result == -EPERM) return failure({error.side(), error.message() + " (it needs CAP_BPF, or root)"});
  return failure(std::move(error));
}

Result<UniqueFd> make_trie(const char* name, std::uint32_t key_size, std::uint32_t entries) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_NO_PREALLOC);
  return taken(::bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, name, key_size, sizeof(Value), entries, &options),
               "make a BPF map of prefixes");
}

}  // namespace

Result<PacketFilterMaps> PacketFilterMaps::create(std::uint32_t entries) {
  PacketFilterMaps maps;
  auto v4 = make_trie("weir_deny_v4", kKeySizeV4, entries);
  if (!v4) return failure(std::move(v4.error()));
  auto v6 = make_trie("weir_deny_v6", kKeySizeV6, entries);
  if (!v6) return failure(std::move(v6.error()));
  auto drops = taken(::bpf_map_create(BPF_MAP_TYPE_PERCPU_ARRAY, "weir_drops", sizeof(std::uint32_t),
                                      sizeof(std::uint64_t), 1, nullptr),
                     "make a BPF counter");
  if (!drops) return failure(std::move(drops.error()));
  maps.cpus_ = ::libbpf_num_possible_cpus();
  if (maps.cpus_ <= 0) return failure(base::system_error("count the possible CPUs", -maps.cpus_));
  maps.v4_ = std::move(*v4);
  maps.v6_ = std::move(*v6);
  maps.drops_ = std::move(*drops);
  if (auto loaded = maps.load_program(); !loaded) return failure(std::move(loaded.error()));
  return maps;
}

Result<void> PacketFilterMaps::load_program() {
  const std::vector<bpf_insn> code = build_program(v4_.get(), v6_.get(), drops_.get());
  auto program = taken(::bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, "weir_deny", "Apache-2.0", code.data(),
                                       code.size(), nullptr),
                       "load the BPF program");
  if (!program) return failure(std::move(program.error()));
  program_ = std::move(*program);
  return {};
}

PacketFilterMaps::Applied PacketFilterMaps::apply(std::span<const RuleStep> steps) {
  Applied all;
  while (all.error == 0 && all.steps < steps.size()) {
    const std::span<const RuleStep> left = steps.subspan(all.steps);
    const auto other = [&](const RuleStep& step) {
      return step.what != left[0].what || step.rule.family != left[0].rule.family;
    };
    const auto end = std::find_if(left.begin(), left.end(), other);
    const auto run = std::min(static_cast<std::size_t>(end - left.begin()), kBatch);
    const Applied some = apply_run(left.first(run));
    all.steps += some.steps;
    all.error = some.error;
  }
  return all;
}

// `run` is of one kind and one family: one system call.
PacketFilterMaps::Applied PacketFilterMaps::apply_run(std::span<const RuleStep> run) {
  const bool is_v4 = run[0].rule.family == AF_INET;
  const bool is_put = run[0].what == RuleStep::What::kPut;
  const int map = is_v4 ? v4_.get() : v6_.get();
  const std::size_t key_size = is_v4 ? kKeySizeV4 : kKeySizeV6;
  std::vector<char> keys(run.size() * key_size);
  std::vector<Value> values(run.size());
  for (std::size_t i = 0; i < run.size(); ++i) {
    const Key key{run[i].rule.length, run[i].rule.bytes};
    std::memcpy(&keys[i * key_size], &key, key_size);
    values[i] = run[i].rule.deny ? 1 : 0;
  }
  auto count = static_cast<std::uint32_t>(run.size());
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  const int result = is_put ? ::bpf_map_update_batch(map, keys.data(), values.data(), &count, &options)
                            : ::bpf_map_delete_batch(map, keys.data(), &count, &options);
  if (result == 0) return {run.size(), 0};
  // The kernel says how far it came, or leaves the number alone when it did not begin.
  const std::size_t done = count < run.size() ? count : 0;
  if (result == -ENOENT && !is_put) return {done + 1, 0};
  return {done, -result};
}

std::optional<std::uint64_t> PacketFilterMaps::dropped() const {
  const std::uint32_t index = 0;
  std::vector<std::uint64_t> by_cpu(static_cast<std::size_t>(cpus_));
  if (::bpf_map_lookup_elem(drops_.get(), &index, by_cpu.data()) != 0) return std::nullopt;
  std::uint64_t sum = 0;
  for (const std::uint64_t count : by_cpu) sum += count;
  return sum;
}

}  // namespace weir::net
