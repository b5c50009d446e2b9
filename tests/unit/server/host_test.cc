#include "server/host.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

namespace weir::server {
namespace {

TEST(UsableCpus, AreNoMoreThanTheAffinityMaskAllows) {
  cpu_set_t before;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(before), &before), 0);
  EXPECT_GE(usable_cpus(), 1u);
  EXPECT_LE(usable_cpus(), static_cast<unsigned>(CPU_COUNT(&before)));
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(::sched_setaffinity(0, sizeof(one), &one), 0);
  EXPECT_EQ(usable_cpus(), 1u);
  ::sched_setaffinity(0, sizeof(before), &before);
}

TEST(UsableMemory, IsSomeAndNoMoreThanTheMachineHas) {
  const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                       static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  EXPECT_GT(usable_memory(), 1024u * 1024u);
  EXPECT_LE(usable_memory(), machine);
}

}  // namespace
}  // namespace weir::server
