#include "admission/rank_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace weir::admission {
namespace {

template <class Key>
std::size_t plain_rank(const std::vector<Key>& keys, Key key) {
  return static_cast<std::size_t>(std::upper_bound(keys.begin(), keys.end(), key) - keys.begin()) - 1;
}

// `count` different keys with 0 among them, and the greatest when `count` is even.
template <class Key>
std::vector<Key> random_keys(std::size_t count, std::mt19937_64& random) {
  std::vector<Key> keys{0};
  if (count % 2 == 0) keys.push_back(std::numeric_limits<Key>::max());
  while (keys.size() < count) {
    while (keys.size() < count) keys.push_back(static_cast<Key>(random()));
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

template <class Key>
class RankIndexProperty : public testing::Test {};
using Keys = testing::Types<std::uint32_t, std::uint64_t>;
TYPED_TEST_SUITE(RankIndexProperty, Keys);

TYPED_TEST(RankIndexProperty, FindsWhatThePlainSearchFindsAroundEveryKey) {
  std::mt19937_64 random(7);
  for (const std::size_t count : {1u,   2u,   7u,   8u,   9u,   15u,  16u,  17u,   63u,   64u,   65u,    128u,
                                  129u, 255u, 256u, 257u, 511u, 512u, 513u, 4095u, 4096u, 4097u, 10'000u}) {
    const std::vector<TypeParam> keys = random_keys<TypeParam>(count, random);
    const RankIndex<TypeParam> index(keys);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(index[i], keys[i]);
      for (const auto key :
           {keys[i], static_cast<TypeParam>(keys[i] - 1), static_cast<TypeParam>(keys[i] + 1)}) {
        ASSERT_EQ(index.find(key), plain_rank(keys, key)) << "of " << count << " keys, " << key;
      }
    }
    ASSERT_EQ(index.find(std::numeric_limits<TypeParam>::max()), keys.size() - 1);
  }
}

TYPED_TEST(RankIndexProperty, TakesLittleMoreThanTheKeys) {
  std::mt19937_64 random(8);
  const std::vector<TypeParam> keys = random_keys<TypeParam>(100'000, random);
  EXPECT_LT(RankIndex<TypeParam>(keys).memory_bytes(), keys.size() * sizeof(TypeParam) * 6 / 5);
}

}  // namespace
}  // namespace weir::admission
