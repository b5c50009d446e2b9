#include "health/check.h"

#include <gtest/gtest.h>

namespace weir::health {
namespace {

TEST(StatusPattern, ContainsBothItsEnds) {
  const StatusPattern pattern{200, 204};
  EXPECT_FALSE(pattern.contains(199));
  EXPECT_TRUE(pattern.contains(200));
  EXPECT_TRUE(pattern.contains(204));
  EXPECT_FALSE(pattern.contains(205));
}

TEST(StatusPattern, IsWrittenInItsShortestForm) {
  EXPECT_EQ(to_string(StatusPattern{200, 299}), "2xx");
  EXPECT_EQ(to_string(StatusPattern{204, 204}), "204");
  EXPECT_EQ(to_string(StatusPattern{200, 204}), "200-204");
  EXPECT_EQ(to_string(StatusPattern{300, 499}), "300-499");
}

}  // namespace
}  // namespace weir::health
