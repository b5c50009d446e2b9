#include "net/packet_filter.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>

#include "net/kernel_counters.h"
#include "net/packet_filter_classic.h"

namespace weir::net {
namespace {

using base::failure;
using base::Result;

// While a list is replaced, both are in the maps; the two of length 0 are besides.
constexpr std::uint32_t kMapEntries = 2 * PacketFilter::kMaxPrefixes + 2;

// A prefix is a node of the kernel's trie and at most one inner node, in slabs of 96 bytes at most; 100 000
// random ones were measured to take 140 bytes each.
constexpr std::uint64_t kNodeBytes = std::uint64_t{2} * 96;
// A classic instruction, as it was given, as the kernel translates it, and as machine code.
constexpr std::uint64_t kInstructionBytes = 64;

int set_program(int fd, const std::vector<sock_filter>& program) {
  // The kernel copies the program and changes nothing of it.
  const sock_fprog given{static_cast<unsigned short>(program.size()),
                         const_cast<sock_filter*>(program.data())};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &given, sizeof(given)) == 0 ? 0 : errno;
}

base::Error cannot_attach(int error) {
  base::Error plain = base::system_error("set the socket filter", error);
  switch (error) {
    case EPERM:
      return {plain.side(), plain.message() + " (this kernel asks CAP_NET_ADMIN for a classic BPF filter)"};
    case ENOMEM:
      return {plain.side(), plain.message() +
                                " (a program of this length needs more than net.core.optmem_max: "
                                "`sysctl -w net.core.optmem_max=131072`)"};
    default:
      return plain;
  }
}

// Whether the kernel takes the program, asked with a socket that nobody uses.
Result<void> try_program(const std::vector<sock_filter>& program) {
  const base::UniqueFd scratch(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!scratch) return failure(base::system_error("open a socket", errno));
  if (const int error = set_program(scratch.get(), program)) return failure(cannot_attach(error));
  return {};
}

}  // namespace

Result<std::unique_ptr<PacketFilter>> PacketFilter::create(const PacketRules& rules) {
  auto bpf = create(rules, FilterMode::kBpf);
  if (bpf) return bpf;
  auto classic = create(rules, FilterMode::kClassic);
  if (!classic) {
    return failure({classic.error().side(), bpf.error().message() + "; " + classic.error().message()});
  }
  (*classic)->why_not_bpf_ = bpf.error().message();
  return classic;
}

Result<std::unique_ptr<PacketFilter>> PacketFilter::create(const PacketRules& rules, FilterMode mode) {
  auto filter = std::unique_ptr<PacketFilter>(new PacketFilter);
  if (mode == FilterMode::kBpf) {
    auto maps = PacketFilterMaps::create(kMapEntries);
    if (!maps) return failure(std::move(maps.error()));
    filter->maps_ = std::move(*maps);
  }
  if (auto filled = filter->update(rules); !filled) return failure(std::move(filled.error()));
  return filter;
}

Result<void> PacketFilter::attach(int fd) {
  if (maps_) {
    const int program = maps_->program();
    if (::setsockopt(fd, SOL_SOCKET, SO_ATTACH_BPF, &program, sizeof(program)) == 0) return {};
    return failure(cannot_attach(errno));
  }
  const std::lock_guard lock(mutex_);
  if (const int error = set_program(fd, program_)) return failure(cannot_attach(error));
  drops_seen_.try_emplace(fd, socket_drops(fd).value_or(0));
  return {};
}

void PacketFilter::detach(int fd) {
  detach_accepted(fd);
  forget(fd);
}

void PacketFilter::forget(int fd) {
  if (maps_) return;
  const std::lock_guard lock(mutex_);
  const auto seen = drops_seen_.find(fd);
  if (seen == drops_seen_.end()) return;
  count_drops(fd, seen->second);
  drops_seen_.erase(seen);
}

void PacketFilter::detach_accepted(int fd) {
  // The kernel reads a number and looks at none. SO_DETACH_BPF is the same option.
  const int unused = 0;
  ::setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

Result<void> PacketFilter::update(const PacketRules& rules) {
  std::vector<PacketRule> wanted = normalized(rules);
  return maps_ ? update_maps(std::move(wanted)) : update_program(std::move(wanted));
}

Result<void> PacketFilter::update_maps(std::vector<PacketRule> wanted) {
  if (wanted.size() > kMaxPrefixes + 2) {
    return failure({base::ErrorSide::kConfiguration, "a packet filter holds " + std::to_string(kMaxPrefixes) +
                                                         " prefixes, and the list has " +
                                                         std::to_string(wanted.size() - 2)});
  }
  const std::lock_guard lock(mutex_);
  const std::vector<RuleStep> steps = steps_between(rules_, wanted);
  const PacketFilterMaps::Applied applied = maps_->apply(steps);
  if (applied.error != 0) {
    rules_ = after_steps(rules_, std::span(steps).first(applied.steps));
    return failure(base::system_error("change the BPF map of prefixes", applied.error));
  }
  rules_ = std::move(wanted);
  return {};
}

Result<void> PacketFilter::update_program(std::vector<PacketRule> wanted) {
  auto program = build_classic_filter(wanted);
  if (!program) return failure(std::move(program.error()));
  if (auto tried = try_program(*program); !tried) return tried;
  const std::lock_guard lock(mutex_);
  for (const auto& [fd, drops] : drops_seen_) {
    if (const int error = set_program(fd, *program)) return failure(cannot_attach(error));
  }
  program_ = std::move(*program);
  rules_ = std::move(wanted);
  return {};
}

std::uint64_t PacketFilter::dropped() const {
  if (maps_) {
    // Where the kernel no longer lets this process look, the number stands still.
    if (const auto now = maps_->dropped()) dropped_ = *now;
    return dropped_;
  }
  const std::lock_guard lock(mutex_);
  for (auto& [fd, last] : drops_seen_) count_drops(fd, last);
  return dropped_;
}

void PacketFilter::count_drops(int fd, std::uint32_t& last) const {
  const std::uint32_t now = socket_drops(fd).value_or(last);
  dropped_ += now - last;  // both wrap at 2^32
  last = now;
}

std::size_t PacketFilter::prefixes() const {
  const std::lock_guard lock(mutex_);
  return rules_.size();
}

base::Bytes PacketFilter::memory() const {
  const std::lock_guard lock(mutex_);
  if (maps_) return base::Bytes{rules_.size() * (kNodeBytes + sizeof(PacketRule))};
  return base::Bytes{rules_.size() * sizeof(PacketRule) + program_.size() * sizeof(sock_filter) +
                     drops_seen_.size() * program_.size() * kInstructionBytes};
}

base::Bytes PacketFilter::memory_at_most() {
  return base::Bytes{kMapEntries * (kNodeBytes + sizeof(PacketRule) + sizeof(RuleStep))};
}

}  // namespace weir::net
