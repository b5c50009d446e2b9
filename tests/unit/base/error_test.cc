#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>

#include "base/assert.h"
#include "base/result.h"

namespace weir::base {
namespace {

TEST(Error, KeepsItsSideAndItsText) {
  const Error error(ErrorSide::kBackend, "refused");
  EXPECT_EQ(error.side(), ErrorSide::kBackend);
  EXPECT_EQ(error.message(), "refused");
}

TEST(Error, ContextIsPutInFrontOutermostFirst) {
  Error error(ErrorSide::kClient, "reset");
  error = std::move(error).with_context("read").with_context("listener web");
  EXPECT_EQ(error.message(), "listener web: read: reset");
  EXPECT_EQ(error.side(), ErrorSide::kClient);
}

TEST(SystemError, SaysWhatWasDoneAndTheTextOfErrno) {
  const Error error = system_error("bind 127.0.0.1:80", EACCES);
  EXPECT_EQ(error.side(), ErrorSide::kSystem);
  EXPECT_EQ(error.message(), "bind 127.0.0.1:80: Permission denied");
}

TEST(SystemError, ANumberWithoutATextIsStillPrinted) {
  EXPECT_NE(system_error("ioctl", 99999).message().find("99999"), std::string::npos);
}

TEST(Result, HoldsAValueOrAnError) {
  const Result<int> good = 7;
  const Result<int> bad = failure({ErrorSide::kSystem, "none left"});
  EXPECT_EQ(good, 7);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().message(), "none left");
}

TEST(AssertDeathTest, AFailedAssertionSaysWhatAndWhereAndAborts) {
  EXPECT_DEATH(WEIR_ASSERT(1 + 1 == 3), "assertion failed: 1 \\+ 1 == 3 \\(.*error_test.cc:[0-9]+\\)");
}

TEST(Assert, APassedAssertionEvaluatesItsExpressionOnce) {
  int evaluations = 0;
  WEIR_ASSERT(++evaluations > 0);
  EXPECT_EQ(evaluations, 1);
}

}  // namespace
}  // namespace weir::base
