// How the local ports between one source address and one backend are used, and when they will be used up:
// looked at once a second or so from what is held, what is in TIME_WAIT and what there is. It only foretells;
// who opens connections asks nothing of it. Pure: numbers and `now` are arguments; one thread.
//
// Which side ends a connection first keeps its port for a minute (TIME_WAIT; TCP_TIMEWAIT_LEN in Linux's
// include/net/tcp.h). So r connections a second that Weir ends first need 60 r ports, sooner or later,
// besides those that are held: a minute's warning, if one looks at the rate. Where the kernel takes ports in
// TIME_WAIT for new connections (net.ipv4.tcp_tw_reuse, ip-sysctl), it does so after a second (the default
// of tcp_tw_reuse_delay, where there is one), and r ports are enough.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "base/address.h"
#include "base/clock.h"
#include "pool/last_minute.h"
#include "pool/smoothed.h"

namespace weir::pool {

enum class TimeWaitReuse { kNever, kAfterASecond };

// What the kernel does with a port in TIME_WAIT, by net.ipv4.tcp_tw_reuse: 0 never, 1 always, 2 (the default)
// where one end is a loopback address (tcp_twsk_unique in net/ipv4/tcp_ipv4.c; an own address that is none
// does not count, though packets to it stay here). 1 needs TCP timestamps on both sides, tcp(7): where
// net.ipv4.tcp_timestamps is 0, or a backend has none, this says too much.
TimeWaitReuse time_wait_reuse(unsigned tcp_tw_reuse, const base::Address& source,
                              const base::Address& backend);

// What is known at one moment.
struct PortSample {
  std::uint64_t held = 0;          // connections of this process that have a port (PortCounters::open)
  std::uint64_t opened_total = 0;  // ever, never less than before
  std::uint64_t dry_total = 0;     // connects that found no port, ever
  std::uint64_t time_wait = 0;     // of the whole namespace (net/time_wait)
  unsigned usable = 0;             // net::LocalPorts::usable
  TimeWaitReuse reuse = TimeWaitReuse::kNever;
};

struct PortRules {
  // Warns when less than this part is free, or when it will have run dry within that time; the latter must
  // hold for a while, so that no single burst makes it. A connect that found no port warns at once.
  double begin_free = 0.20;
  std::chrono::seconds begin_dry_in{60};
  base::Millis begin_after{3'000};
  // The warning ends when for a while more than this part was free, and it would last longer than that.
  double end_free = 0.30;
  std::chrono::seconds end_dry_in{120};
  base::Millis end_after{10'000};
};

// What was foretold at the last sample.
struct PortOutlook {
  std::uint64_t free = 0;
  // By how much `free` gets less, over about the last 10 s; negative while it grows.
  double shrinking_per_second = 0.0;
  // Ports that are needed if connections go on being ended as over the last 10 s, and held ones stay as many.
  // More than there are: it will run dry within a minute, though there may be room now.
  std::uint64_t eventual_need = 0;
  // When no port will be left if all goes on as over the last 10 s. Nothing: not within an hour.
  std::optional<std::chrono::seconds> dry_in;
};

class PortForecast {
 public:
  enum class Change { kBegan, kEnded };

  explicit PortForecast(PortRules rules = {}) : rules_(rules) {}

  // Takes one sample. Tells when the warning begins, and when it is over. The first sample only learns where
  // the counters stand, so it knows no rate. A sample less than `kShortest` after another is passed over;
  // after a gap of more than a minute it begins anew, though the warning stays.
  std::optional<Change> add(const PortSample& sample, base::TimePoint now);

  bool warns() const { return warns_; }
  const PortOutlook& outlook() const { return outlook_; }
  const PortSample& sample() const { return last_; }

  static constexpr base::Millis kShortest{200};
  static constexpr std::chrono::seconds kMemory{10};
  static constexpr std::chrono::seconds kHorizon{3'600};

 private:
  void learn(const PortSample& sample, base::TimePoint now);
  void look_ahead();
  std::optional<Change> judge(bool found_dry, base::TimePoint now);
  double in_time_wait_after(std::chrono::seconds ahead) const;
  std::optional<std::chrono::seconds> dry_in() const;

  PortRules rules_;
  PortSample last_;
  std::optional<base::TimePoint> looked_;
  LastMinute ended_;  // connections of this process
  Smoothed ending_{kMemory};
  Smoothed held_growth_{kMemory};
  Smoothed shrinking_{kMemory};
  double share_ = 1.0;  // of the connections that end: those that go to TIME_WAIT here
  PortOutlook outlook_;
  bool warns_ = false;
  // While it does not warn: since when it looked bad. While it warns: since when it has looked good.
  std::optional<base::TimePoint> turning_since_;
};

}  // namespace weir::pool
