// Drops packets of denied clients at a listening TCP socket, before a connection exists: a denied SYN meets
// silence. Not the judge of record: what the filter keeps still passes the gate, and what it cannot read it
// keeps. One for each listener, shared by the listener's sockets; any thread may call anything, each call is
// whole. The surprising rule: accepted sockets inherit the filter, so each must be given to `detach_accepted`
// at once.
#pragma once

#include <linux/filter.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "net/packet_filter_maps.h"
#include "net/packet_rules.h"

namespace weir::net {

// How the kernel holds the list.
enum class FilterMode : std::uint8_t {
  // eBPF with longest-prefix maps: long lists, exact counts. Making one needs CAP_BPF (or root) and Linux
  // 5.13; attaching one needs no right, and changing and reading one needs none from Linux 5.19 on.
  kBpf,
  // A classic BPF program: short lists. Attaching and changing one needs CAP_NET_ADMIN over the network
  // namespace since "tcp: restrict SO_ATTACH_FILTER to priv users" (commit 5d39580f68e6, June 2026, in the
  // stable series too); kernels before that ask for no right.
  kClassic,
};

class PacketFilter {
 public:
  // The longest list of mode `bpf`, after normalization.
  static constexpr std::size_t kMaxPrefixes = 131'072;

  // Takes `bpf` when that works, else `classic`, and then `why_not_bpf` says why. Fails when neither can hold
  // the list; the error has both reasons.
  static base::Result<std::unique_ptr<PacketFilter>> create(const PacketRules& rules);
  // That mode or an error.
  static base::Result<std::unique_ptr<PacketFilter>> create(const PacketRules& rules, FilterMode mode);

  // The sockets stay as they are: a filter that is on them stays until `detach`, another `attach` or their
  // close.
  ~PacketFilter() = default;
  PacketFilter(const PacketFilter&) = delete;
  PacketFilter& operator=(const PacketFilter&) = delete;

  FilterMode mode() const { return maps_ ? FilterMode::kBpf : FilterMode::kClassic; }
  // For a warning: why the better mode was not taken. Empty in mode `bpf` and when a mode was asked for.
  const std::string& why_not_bpf() const { return why_not_bpf_; }

  // Puts the filter on a listening TCP socket of either family (IPv4 clients of a dual-stack socket are
  // judged as IPv4), over one that is there. Best done before listen(2). Precondition: `fd` stays open up to
  // `detach`, `forget` or the end of this object. SO_ATTACH_BPF, SO_ATTACH_FILTER in socket(7).
  base::Result<void> attach(int fd);

  // Takes it off again; before the socket is closed, so that nothing is done to whatever gets its number
  // next. What was dropped there stays in the count.
  void detach(int fd);

  // The same, but the filter stays on, as another process that has the socket wants it.
  void forget(int fd);

  // Takes an inherited filter off a socket that was accepted; none is fine. One system call. Without it, a
  // client that becomes denied later would be cut off in silence.
  static void detach_accepted(int fd);

  // Changes the list. At every moment each client is judged by the old list or by the new one. An error
  // leaves the old one in force, unless memory ran out half-way: then each client is judged by either, and a
  // later update mends it. For the rights see `FilterMode`. 100 000 changes take about 0.3 s, so not on a
  // worker's thread.
  base::Result<void> update(const PacketRules& rules);

  // Whether the filter has the list that it should have, on every socket. Told by whoever changes it. Any
  // thread.
  bool in_force() const { return in_force_.load(std::memory_order_relaxed); }
  void set_in_force(bool in_force) { in_force_.store(in_force, std::memory_order_relaxed); }

  // Packets dropped so far, retransmitted SYNs included. Mode `bpf`: exact. Mode `classic`: the sockets' own
  // count of drops (SO_MEMINFO, which wraps at 2^32; looked at more often than that), and so never too few:
  // it has besides what the kernel drops there for other reasons, such as SYNs and handshakes that find the
  // accept queue full and SYNs sent again while their handshake is under way. See `counts_only_denied`.
  std::uint64_t dropped() const;
  bool counts_only_denied() const { return mode() == FilterMode::kBpf; }

  // Prefixes in force, the two defaults included.
  std::size_t prefixes() const;

  // What the list costs now: the kernel's nodes and the copy here. An upper bound.
  base::Bytes memory() const;
  // The same for the longest list, in mode `bpf` while it is replaced by another of that length.
  static base::Bytes memory_at_most();

 private:
  PacketFilter() = default;
  base::Result<void> update_maps(std::vector<PacketRule> rules);
  base::Result<void> update_program(std::vector<PacketRule> rules);
  void count_drops(int fd, std::uint32_t& last) const;

  std::string why_not_bpf_;
  std::optional<PacketFilterMaps> maps_;  // mode `bpf`; made once

  mutable std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> in_force_{true};

  mutable std::mutex mutex_;  // the rest; mode `bpf` holds it for a whole `update`
  std::vector<PacketRule> rules_;
  // Mode `classic`: the program, and each socket's own count of drops when last looked at.
  std::vector<sock_filter> program_;
  mutable std::map<int, std::uint32_t> drops_seen_;
};

}  // namespace weir::net
