#include "server/descriptors.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <iterator>

#include "net/event_loop.h"
#include "net/pipe_pool.h"

namespace weir::server {
namespace {

// Each loop with the wake-up of its mailbox.
constexpr std::uint64_t kLoop = net::EventLoop::kDescriptors + 1;
// The admin door: its loop (admin::HttpLoop), its listening socket, its clients, and the one for whom the
// first of them has to leave.
constexpr std::uint64_t kAdminDoor = 4 + 1 + kAdminClients + 1;
// Its program, and the maps of both families and of the count.
constexpr std::uint64_t kPacketFilter = 4;
// Beside a copy of each socket: the two ends of the channel, and the new process.
constexpr std::uint64_t kHandOver = 3;
// Files read on demand, the sockets of the system's resolver at start.
constexpr std::uint64_t kSpare = 12;

}  // namespace

base::Result<DescriptorPlan> plan_descriptors(std::uint64_t limit, const DescriptorNeeds& needs,
                                              std::optional<unsigned> configured) {
  DescriptorPlan plan;
  plan.limit = limit;
  plan.reserved = {{"standard streams", 3},
                   {"log", 2},
                   {"control loop, its mailboxes and signals", kLoop + 6},
                   {"workers' loops and mailboxes", kLoop * needs.workers},
                   {"connections about to be refused", needs.workers},
                   {"listening sockets", needs.listening_sockets},
                   {"handing them over in an upgrade", needs.listening_sockets + kHandOver}};
  if (needs.admin_door) plan.reserved.push_back({"admin door", kAdminDoor});
  if (needs.packet_filters > 0)
    plan.reserved.push_back({"packet filters", kPacketFilter * needs.packet_filters});
  if (needs.pipes > 0)
    plan.reserved.push_back({"pipes for bulk", net::PipePool::kDescriptorsEach * needs.pipes});
  if (needs.tarpit > 0) plan.reserved.push_back({"refused clients in the tarpit", needs.tarpit});
  if (needs.checks > 0) plan.reserved.push_back({"checks of backends", needs.checks});
  if (needs.resolver > 0) plan.reserved.push_back({"sockets to name servers", needs.resolver});
  if (needs.warm > 0) plan.reserved.push_back({"warm connections", needs.warm});
  if (needs.others > 0) plan.reserved.push_back({"this program's own", needs.others});
  plan.reserved.push_back({"spare", kSpare});
  std::uint64_t kept = 0;
  for (const auto& item : plan.reserved) kept += item.count;
  if (limit < kept + DescriptorPlan::kPerConnection) {
    return base::failure(
        {base::ErrorSide::kSystem, fmt::format("the limit of {} descriptors leaves none for connections: {} "
                                               "are needed before the first ({}); raise it "
                                               "(`ulimit -n`, LimitNOFILE= in systemd, ulimits: in compose), "
                                               "or use fewer workers, listeners, "
                                               "warm_connections or splice_pipes, or a smaller tarpit_max",
                                               limit, kept, plan.items())});
  }
  constexpr std::uint64_t kMost = 1u << 30;
  plan.most_connections =
      static_cast<std::uint32_t>(std::min((limit - kept) / DescriptorPlan::kPerConnection, kMost));
  plan.max_connections = std::min(configured.value_or(plan.most_connections), plan.most_connections);
  return plan;
}

std::string DescriptorPlan::items() const {
  std::string text;
  for (const Item& item : reserved) {
    fmt::format_to(std::back_inserter(text), "{}{} {}", text.empty() ? "" : ", ", item.count, item.what);
  }
  return text;
}

std::string DescriptorPlan::arithmetic() const {
  std::uint64_t kept = 0;
  for (const Item& item : reserved) kept += item.count;
  std::string fits = fmt::format("{} = ({} descriptors - {} kept for: {}) / {}", most_connections, limit,
                                 kept, items(), kPerConnection);
  if (max_connections == most_connections) return fits;
  return fmt::format("{} as configured; there is room for {}", max_connections, fits);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = raised.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }
  return limit.rlim_cur;
}

}  // namespace weir::server
