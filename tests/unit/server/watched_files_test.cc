#include "server/watched_files.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "unit/support.h"

namespace weir::server {
namespace {

class Files : public testing::Test {
 protected:
  void write(const std::string& name, const std::string& text) {
    std::ofstream(directory.file(name)) << text;
  }
  WatchedFiles watched(std::chrono::seconds read_after) const {
    return {{directory.file("a"), directory.file("b")}, std::chrono::system_clock::now() + read_after};
  }

  test::TempFolder directory;
};

TEST_F(Files, AreReadWhenTheyHaveChangedAndLookAsAtTheLastLook) {
  write("a", "1");
  write("b", "1");
  WatchedFiles files = watched(std::chrono::seconds(60));
  EXPECT_FALSE(files.take_change()) << "read since";
  write("b", "22");
  EXPECT_FALSE(files.take_change()) << "it may still be written";
  files.note();
  EXPECT_TRUE(files.take_change());
  EXPECT_FALSE(files.take_change()) << "taken";
}

TEST_F(Files, ThatChangedJustBeforeTheyWereReadAreReadAgain) {
  write("a", "1");
  write("b", "1");
  WatchedFiles files = watched(std::chrono::seconds(0));
  EXPECT_TRUE(files.take_change());
}

TEST_F(Files, WithOtherRightsHaveChanged) {
  write("a", "1");
  write("b", "1");
  WatchedFiles files = watched(std::chrono::seconds(60));
  ASSERT_EQ(::chmod(directory.file("a").c_str(), 0600), 0);
  files.note();
  EXPECT_TRUE(files.take_change());
}

TEST_F(Files, ThatHaveGoneHaveChangedAndWereNotThere) {
  write("a", "1");
  write("b", "1");
  WatchedFiles files = watched(std::chrono::seconds(60));
  EXPECT_TRUE(files.were_there());
  std::filesystem::remove(directory.file("a"));
  files.note();
  EXPECT_TRUE(files.take_change());
  EXPECT_FALSE(files.were_there());
}

TEST_F(Files, ThatCouldNotBeReadAreDueAgain) {
  write("a", "1");
  write("b", "1");
  WatchedFiles files = watched(std::chrono::seconds(60));
  files.forget_read();
  EXPECT_TRUE(files.take_change());
}

}  // namespace
}  // namespace weir::server
