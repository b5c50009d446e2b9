#include "net/own_program.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "net/packet_channel.h"

namespace weir::net {
namespace {

base::TimePoint soon() { return base::precise_now() + base::Millis(60'000); }

class Siblings : public testing::Test {
 protected:
  void SetUp() override {
    auto ends = PacketChannel::create();
    ASSERT_TRUE(ends.has_value());
    here.emplace(std::move(ends->first));
    there.emplace(std::move(ends->second));
  }
  // Runs it, and has this process be the one that has an end of the channel no longer.
  base::Result<Sibling> start(const OwnProgram& program) {
    auto sibling = start_sibling(program, {{"WORD", "said"}, {"HOME", ""}}, there->fd());
    there.reset();
    return sibling;
  }
  std::string hear() {
    Packet packet;
    EXPECT_EQ(here->receive(packet, soon()), PacketChannel::Outcome::kPacket);
    return packet.bytes;
  }
  // It has ended; it is a child of somebody else.
  static bool ends(const Sibling& sibling) {
    pollfd waiting{sibling.handle.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 60'000) == 1;
  }

  std::optional<PacketChannel> here;
  std::optional<PacketChannel> there;
};

TEST(OwnProgram, IsFoundByTheNameThatItWasCalledBy) {
  const OwnProgram program = own_program();
  EXPECT_TRUE(std::filesystem::path(program.path).is_absolute());
  EXPECT_TRUE(std::filesystem::equivalent(program.path, "/proc/self/exe"));
  ASSERT_FALSE(program.arguments.empty());
  EXPECT_EQ(std::filesystem::absolute(program.arguments[0]), program.path);
}

TEST_F(Siblings, HaveTheChannelTheChangedEnvironmentAndTheSameParent) {
  const std::string fd = std::to_string(there->fd());
  const auto sibling = start(
      {"/bin/sh", {"sh", "-c", "echo -n \"$WORD:$HOME:$PPID\" >&" + fd + "; kill -TERM $$; sleep 100"}});
  ASSERT_TRUE(sibling.has_value());
  EXPECT_EQ(hear(), "said::" + std::to_string(::getppid()));
  EXPECT_TRUE(ends(*sibling)) << "no signal is blocked in it";
}

TEST_F(Siblings, SayWhyTheyCannotBeExecuted) {
  const auto sibling = start({"/nonexistent/weir", {"weir"}});
  ASSERT_TRUE(sibling.has_value());
  EXPECT_EQ(hear(), "f/nonexistent/weir: No such file or directory");
  EXPECT_TRUE(ends(*sibling));
}

// One that hangs could not be ended, and would stay beside its sibling.
TEST_F(Siblings, AreNotStartedWhenThereIsNoDescriptorForTheirHandle) {
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 1;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  const auto sibling = start({"/bin/true", {"true"}});
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  ASSERT_FALSE(sibling.has_value());
  EXPECT_EQ(sibling.error().message(), "start /bin/true: Too many open files");
  Packet packet;
  EXPECT_EQ(here->receive(packet, soon()), PacketChannel::Outcome::kEnded);
}

TEST_F(Siblings, AreEndedByTheirHandle) {
  const auto sibling = start({"/bin/sleep", {"sleep", "1000"}});
  ASSERT_TRUE(sibling.has_value());
  signal_sibling(*sibling, SIGKILL);
  EXPECT_TRUE(ends(*sibling));
  Packet packet;
  EXPECT_EQ(here->receive(packet, soon()), PacketChannel::Outcome::kEnded);
  signal_sibling(*sibling, SIGKILL);
}

}  // namespace
}  // namespace weir::net
