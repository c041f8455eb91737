// SPDX-License-Identifier: Apache-2.0
#include "core/base/backoff.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace vasto {
namespace {

constexpr Backoff kBackoff{.first_us = 100, .longest_us = 1000};

struct Range {
  int64_t least = std::numeric_limits<int64_t>::max();
  int64_t most = 0;
};

Range Drawn(int failures, Random* random) {
  Range range;
  for (int i = 0; i < 2000; ++i) {
    const int64_t pause_us = kBackoff.PauseUs(failures, random);
    range.least = std::min(range.least, pause_us);
    range.most = std::max(range.most, pause_us);
  }
  return range;
}

TEST(BackoffTest, DoublesUpToTheLongest) {
  const auto random = SeededRandom(1);
  int64_t full_us = 100;
  for (int failures = 0; failures < 100; ++failures) {
    const Range range = Drawn(failures, random.get());
    EXPECT_GE(range.least, full_us / 2) << failures;
    EXPECT_LT(range.least, full_us * 11 / 20) << failures;
    EXPECT_GE(range.most, full_us * 19 / 20) << failures;
    EXPECT_LT(range.most, full_us) << failures;
    full_us = std::min<int64_t>(1000, full_us * 2);
  }
}

TEST(BackoffTest, TheShortestPauseHasJitterToo) {
  const auto random = SeededRandom(1);
  EXPECT_EQ(Jittered(2, random.get()), 1);
  EXPECT_EQ(Jittered(3, random.get()), 1);
}

}  // namespace
}  // namespace vasto
