// SPDX-License-Identifier: Apache-2.0
// The properties that Lamping and Veach prove and measure (arXiv 1406.2294): balance, and that
// growing moves the expected share of keys, all of them to the new bucket.
#include "core/hash/jump_hash.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace vasto {
namespace {

std::vector<uint64_t> Hashes(size_t count) {
  std::mt19937_64 rng(42);
  std::vector<uint64_t> hashes(count);
  for (uint64_t& hash : hashes) hash = rng();
  return hashes;
}

// The algorithm as printed in the paper, figure 1.
int32_t Paper(uint64_t key, int32_t buckets) {
  int64_t b = -1;
  int64_t j = 0;
  while (j < buckets) {
    b = j;
    key = key * 2862933555777941757ULL + 1;
    j = static_cast<int64_t>(static_cast<double>(b + 1) * (static_cast<double>(1LL << 31) /
                                                           static_cast<double>((key >> 33) + 1)));
  }
  return static_cast<int32_t>(b);
}

TEST(JumpHashTest, IsTheFunctionOfThePaper) {
  for (uint64_t hash : Hashes(2000)) {
    for (int32_t buckets : {1, 2, 3, 7, 100, 4096, 1'000'000}) {
      ASSERT_EQ(JumpConsistentHash(hash, buckets), Paper(hash, buckets));
    }
  }
}

TEST(JumpHashTest, OneBucketTakesEverything) {
  for (uint64_t hash : Hashes(100)) EXPECT_EQ(JumpConsistentHash(hash, 1), 0);
  EXPECT_EQ(JumpConsistentHash(0, 1), 0);
  EXPECT_EQ(JumpConsistentHash(~0ull, 1), 0);
}

TEST(JumpHashTest, BucketsAreBalanced) {
  constexpr size_t kKeys = 400'000;
  const std::vector<uint64_t> hashes = Hashes(kKeys);
  for (int32_t buckets : {2, 10, 64}) {
    std::vector<double> counts(static_cast<size_t>(buckets));
    for (uint64_t hash : hashes) ++counts[static_cast<size_t>(JumpConsistentHash(hash, buckets))];
    const double expected = static_cast<double>(kKeys) / buckets;
    double chi_square = 0;
    for (double count : counts) chi_square += (count - expected) * (count - expected) / expected;
    // Mean buckets - 1, deviation sqrt(2 (buckets - 1)); five deviations never happen by chance.
    EXPECT_LT(chi_square, buckets - 1 + 5 * std::sqrt(2.0 * (buckets - 1))) << buckets;
  }
}

TEST(JumpHashTest, GrowingMovesTheExpectedShareAndOnlyToTheNewBucket) {
  constexpr size_t kKeys = 200'000;
  const std::vector<uint64_t> hashes = Hashes(kKeys);
  for (int32_t buckets : {1, 2, 9, 31, 100}) {
    size_t moved = 0;
    for (uint64_t hash : hashes) {
      const int32_t before = JumpConsistentHash(hash, buckets);
      const int32_t after = JumpConsistentHash(hash, buckets + 1);
      if (before == after) continue;
      ASSERT_EQ(after, buckets);
      ++moved;
    }
    const double share = 1.0 / (buckets + 1);
    const double deviation = std::sqrt(kKeys * share * (1 - share));
    EXPECT_NEAR(static_cast<double>(moved), kKeys * share, 5 * deviation) << buckets;
  }
}

TEST(JumpHashTest, ShrinkingIsTheReverse) {
  for (uint64_t hash : Hashes(5000)) {
    const int32_t in_nine = JumpConsistentHash(hash, 9);
    if (in_nine < 8) {
      EXPECT_EQ(JumpConsistentHash(hash, 8), in_nine);
    }
  }
}

}  // namespace
}  // namespace vasto
