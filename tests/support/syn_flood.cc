#include "support/syn_flood.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace weir::test {

using base::failure;
using base::Result;

namespace {

constexpr std::uint32_t kNetwork = 0xC612'0000;  // 198.18.0.0/15
constexpr std::uint32_t kNetworkMask = 0xFFFE'0000;
constexpr std::uint32_t kSources = 0xC613'0000;  // 198.19.0.0/16
constexpr std::size_t kIpHeader = 20;
constexpr std::size_t kTcpHeader = 24;

tl::unexpected<base::Error> refusal(const char* why) {
  return failure({base::ErrorSide::kConfiguration, std::string("this flood is not sent: ") + why});
}

void put16(std::uint8_t* at, std::uint32_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

void put32(std::uint8_t* at, std::uint32_t value) {
  put16(at, value >> 16);
  put16(at + 2, value);
}

}  // namespace

Result<FloodPlan> checked(const FloodPlan& plan) {
  if ((ntohl(plan.target.s_addr) & kNetworkMask) != kNetwork) {
    return refusal("the target is not in 198.18.0.0/15");
  }
  if (plan.port == 0) return refusal("there is no port 0");
  if (plan.per_second == 0 || plan.per_second > kMostSynsPerSecond) {
    return refusal("the rate is not from 1 to 20000 a second");
  }
  if (plan.duration.count() <= 0 || plan.duration > kLongestFlood) {
    return refusal("the duration is not from 1 ms to 10 s");
  }
  return plan;
}

std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes, std::uint32_t sum) {
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(bytes[i]) << 8;
    if (i + 1 < bytes.size()) sum += bytes[i + 1];
  }
  while ((sum >> 16) != 0) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

in_addr forged_source(std::uint32_t random) { return {htonl(kSources | (random & 0xFFFF))}; }

SynPacket syn_packet(in_addr source, std::uint16_t source_port, in_addr target, std::uint16_t target_port,
                     std::uint32_t sequence) {
  SynPacket packet{};
  std::uint8_t* const ip = packet.data();
  ip[0] = 0x45;  // version 4, five words
  put16(ip + 2, kIpHeader + kTcpHeader);
  put16(ip + 6, 0x4000);  // do not fragment
  ip[8] = 64;             // time to live
  ip[9] = IPPROTO_TCP;
  std::memcpy(ip + 12, &source, sizeof(source));
  std::memcpy(ip + 16, &target, sizeof(target));
  put16(ip + 10, internet_checksum({ip, kIpHeader}));

  std::uint8_t* const tcp = ip + kIpHeader;
  put16(tcp, source_port);
  put16(tcp + 2, target_port);
  put32(tcp + 4, sequence);
  tcp[12] = (kTcpHeader / 4) << 4;
  tcp[13] = 0x02;           // SYN
  put16(tcp + 14, 64'240);  // window
  tcp[20] = 2;              // option: maximum segment size
  tcp[21] = 4;
  put16(tcp + 22, 1460);
  // The pseudo header's addresses are the IP header's last eight bytes; its rest is the number of TCP and a
  // length.
  std::uint32_t pseudo = IPPROTO_TCP + kTcpHeader;
  for (std::size_t i = 12; i < kIpHeader; i += 2)
    pseudo += static_cast<std::uint32_t>(ip[i]) << 8 | ip[i + 1];
  put16(tcp + 16, internet_checksum({tcp, kTcpHeader}, pseudo));
  return packet;
}

Result<FloodResult> flood(const FloodPlan& wanted) {
  const auto plan = checked(wanted);
  if (!plan) return failure(plan.error());
  const base::UniqueFd fd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd) return failure(base::system_error("raw socket", errno));

  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_addr = plan->target;
  std::mt19937 generator(std::random_device{}());
  const auto random = [&] { return static_cast<std::uint32_t>(generator()); };
  const auto interval = std::chrono::nanoseconds(std::chrono::seconds(1)) / plan->per_second;
  constexpr std::chrono::milliseconds kCatchUp{10};
  const base::TimePoint begin = base::precise_now();
  const base::TimePoint end = begin + plan->duration;
  base::TimePoint next = begin;
  base::TimePoint now = begin;
  FloodResult result;
  for (; now < end; now = base::precise_now()) {
    // What a pause kept from being sent is not made up for, or the rate would be exceeded after it.
    for (next = std::max(next, now - kCatchUp); next <= now; next += interval) {
      const std::uint32_t bits = random();
      const auto source_port = static_cast<std::uint16_t>(1024 + (bits >> 16) % 64'000);
      const SynPacket packet =
          syn_packet(forged_source(bits), source_port, plan->target, plan->port, random());
      const ssize_t n = ::sendto(fd.get(), packet.data(), packet.size(), 0,
                                 reinterpret_cast<const sockaddr*>(&to), sizeof(to));
      // A full queue of the device is no reason to stop; the SYN is lost as it might be anywhere.
      if (n < 0 && errno != ENOBUFS) return failure(base::system_error("send a SYN", errno));
      ++result.sent;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  result.took = std::chrono::duration_cast<std::chrono::milliseconds>(now - begin);
  return result;
}

}  // namespace weir::test
