#include "server/process_facts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vector>

#include "base/unique_fd.h"
#include "server/host.h"

namespace weir::server {
namespace {

TEST(ProcessFacts, CountTheDescriptorsThatAreOpen) {
  const ProcessFacts before = read_process_facts();
  ASSERT_TRUE(before.open_descriptors);
  std::vector<base::UniqueFd> more;
  for (int i = 0; i < 70; ++i) more.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(read_process_facts().open_descriptors, *before.open_descriptors + 70);
  more.clear();
  EXPECT_EQ(read_process_facts().open_descriptors, before.open_descriptors);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(before.most_descriptors, limit.rlim_cur);
}

TEST(ProcessFacts, SeeMemoryThatIsTouched) {
  constexpr std::size_t kBytes = std::size_t{64} << 20;
  const ProcessFacts before = read_process_facts();
  const std::vector<char> touched(kBytes, 'x');
  const ProcessFacts after = read_process_facts();
  ASSERT_TRUE(before.resident_bytes && after.resident_bytes);
  EXPECT_GE(*after.resident_bytes, *before.resident_bytes + kBytes / 2);
  EXPECT_EQ(after.memory_limit_bytes, usable_memory());
  EXPECT_EQ(touched[kBytes / 2], 'x');
}

TEST(ProcessFacts, SeeProcessorTimeGrow) {
  const base::Micros before = read_process_facts().processor_time;
  const base::TimePoint deadline = base::precise_now() + base::Millis(20'000);
  while (read_process_facts().processor_time < before + base::Millis(20) && base::precise_now() < deadline) {
  }
  EXPECT_GE(read_process_facts().processor_time, before + base::Millis(20));
}

TEST(ProcessFacts, NameTheSameStartEachTimeWhichWasNotLongAgo) {
  const auto started = read_process_facts().started;
  ASSERT_TRUE(started);
  EXPECT_EQ(read_process_facts().started, started);
  const auto now =
      std::chrono::duration_cast<base::Micros>(std::chrono::system_clock::now().time_since_epoch());
  EXPECT_LE(*started, now + std::chrono::seconds(1)) << "ticks are rounded, clocks are not read at once";
  EXPECT_GE(*started, now - std::chrono::minutes(5));
}

// In a process of its own, where nothing has been read so far.
TEST(ProcessFacts, NameItWhateverTheProcessIsCalled) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        ::prctl(PR_SET_NAME, "we) S 1 2 3");
        const auto started = read_process_facts().started;
        const auto now =
            std::chrono::duration_cast<base::Micros>(std::chrono::system_clock::now().time_since_epoch());
        const bool is_right =
            started && *started >= now - std::chrono::minutes(5) && *started <= now + std::chrono::seconds(1);
        ::_exit(is_right ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace weir::server
