#include "server/reloader.h"

#include <gtest/gtest.h>

#include <atomic>

#include "unit/support.h"

namespace weir::server {
namespace {

class ReloaderOnALoop : public testing::Test {
 protected:
  void SetUp() override {
    auto made = Reloader::create(
        *loop,
        [this] {
          ++prepared;
          EXPECT_EQ(at_once++, 0) << "two at the same time";
          while (is_held) std::this_thread::yield();
          --at_once;
          Next next;
          config::add_error(next.problems, {}, "number " + std::to_string(prepared));
          return next;
        },
        [this](Next&& next, base::Millis) { results.push_back(next.problems[0].text); });
    ASSERT_TRUE(made.has_value());
    reloader = std::move(*made);
  }

  std::unique_ptr<net::EventLoop> loop = test::make_loop();
  test::Driver driver{*loop};
  std::atomic<int> prepared{0};
  std::atomic<int> at_once{0};
  std::atomic<bool> is_held{false};
  std::vector<std::string> results;
  std::unique_ptr<Reloader> reloader;
};

TEST_F(ReloaderOnALoop, BringsWhatWasMadeOnAThreadOfItsOwn) {
  EXPECT_FALSE(reloader->is_busy());
  ASSERT_TRUE(reloader->request());
  EXPECT_TRUE(reloader->is_busy());
  ASSERT_TRUE(driver.until([&] { return results.size() == 1; }));
  EXPECT_TRUE(reloader->is_busy()) << "until it is put in force";
  EXPECT_FALSE(reloader->done());
  EXPECT_FALSE(reloader->is_busy());
  ASSERT_TRUE(reloader->request());
  ASSERT_TRUE(driver.until([&] { return results.size() == 2; }));
  EXPECT_EQ(results, (std::vector<std::string>{"number 1", "number 2"}));
}

TEST_F(ReloaderOnALoop, KeepsInMindThatSomebodyAskedMeanwhile) {
  is_held = true;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(reloader->request());
  is_held = false;
  ASSERT_TRUE(driver.until([&] { return results.size() == 1; }));
  ASSERT_TRUE(reloader->request());
  EXPECT_EQ(prepared, 1) << "the one before is not in force yet";
  EXPECT_TRUE(reloader->done());
  EXPECT_FALSE(reloader->is_busy());
  ASSERT_TRUE(reloader->request());
  ASSERT_TRUE(driver.until([&] { return results.size() == 2; }));
  EXPECT_FALSE(reloader->done()) << "all of them together are one";
  EXPECT_EQ(prepared, 2);
}

TEST_F(ReloaderOnALoop, WaitsForItsThreadAtItsEnd) {
  ASSERT_TRUE(reloader->request());
  reloader.reset();
  EXPECT_EQ(prepared, 1);
  EXPECT_EQ(at_once, 0);
}

}  // namespace
}  // namespace weir::server
