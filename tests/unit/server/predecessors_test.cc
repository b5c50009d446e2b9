#include "server/predecessors.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace weir::server {
namespace {

TEST(Predecessors, AreForgottenOnceTheyHaveEndedThoughNobodyHasAskedHow) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  ASSERT_GT(child, 0);
  PredecessorStatus one;
  one.pid = child;
  one.began = process_began(child).value();
  Predecessors predecessors;
  predecessors.take({one});
  EXPECT_EQ(predecessors.alive().size(), 1u);
  ::kill(child, SIGKILL);
  siginfo_t ended{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
  EXPECT_TRUE(predecessors.alive().empty()) << "it is there, but has ended";
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(process_began(child), std::nullopt);
}

TEST(Predecessors, AreNotMistakenForAnotherProcessOfTheSameNumber) {
  PredecessorStatus one;
  one.pid = ::getpid();
  one.began = process_began(::getpid()).value() + 1;
  Predecessors predecessors;
  predecessors.take({one});
  EXPECT_TRUE(predecessors.alive().empty());
}

}  // namespace
}  // namespace weir::server
