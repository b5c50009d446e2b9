#include "net/socket_path.h"

#include <gtest/gtest.h>

#include <fstream>

#include "unit/support.h"

namespace weir::net {
namespace {

TEST(SocketPath, IsRemovedAtItsEnd) {
  const test::TempFolder folder;
  const auto fd = listen_on(base::Address::unix_path(folder.file("s")), {});
  ASSERT_TRUE(fd.has_value());
  {
    const SocketPath path(folder.file("s"));
    EXPECT_TRUE(std::filesystem::exists(folder.file("s")));
  }
  EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
}

TEST(SocketPath, StaysWhenSomebodyElseHasMadeItAnew) {
  const test::TempFolder folder;
  const auto first = listen_on(base::Address::unix_path(folder.file("s")), {});
  ASSERT_TRUE(first.has_value());
  std::optional<SocketPath> path(folder.file("s"));
  std::filesystem::rename(folder.file("s"), folder.file("first"));  // so that its number is not given again
  const auto second = listen_on(base::Address::unix_path(folder.file("s")), {});
  ASSERT_TRUE(second.has_value());
  path.reset();
  EXPECT_TRUE(std::filesystem::exists(folder.file("s")));
}

TEST(SocketPath, RemovesNothingWhenNothingWasThere) {
  const test::TempFolder folder;
  std::optional<SocketPath> path(folder.file("s"));
  std::ofstream(folder.file("s")) << "x";
  path.reset();
  EXPECT_TRUE(std::filesystem::exists(folder.file("s")));
}

TEST(SocketPath, OfAnotherProcessStaysUntilItIsTaken) {
  const test::TempFolder folder;
  const auto fd = listen_on(base::Address::unix_path(folder.file("s")), {});
  ASSERT_TRUE(fd.has_value());
  SocketPath path(folder.file("s"));
  path.leave_to_another();
  path.remove();
  EXPECT_TRUE(path.is_at(folder.file("s")));
  path.take();
  path.remove();
  EXPECT_FALSE(std::filesystem::exists(folder.file("s")));
}

}  // namespace
}  // namespace weir::net
