// SPDX-License-Identifier: Apache-2.0
#include "core/base/random.h"

#include <gtest/gtest.h>

#include <array>

namespace vasto {
namespace {

TEST(RandomTest, ASeedReplays) {
  auto a = SeededRandom(7);
  auto b = SeededRandom(7);
  auto c = SeededRandom(8);
  int same_as_c = 0;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a->Next();
    EXPECT_EQ(value, b->Next());
    same_as_c += value == c->Next();
  }
  EXPECT_EQ(same_as_c, 0);
}

TEST(RandomTest, BelowIsUniform) {
  auto random = SeededRandom(1);
  std::array<int, 6> counts{};
  for (int i = 0; i < 60'000; ++i) ++counts[random->Below(6)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
  EXPECT_EQ(random->Below(1), 0u);
}

TEST(RandomTest, TheSystemsNumbersDiffer) {
  EXPECT_NE(SystemRandom()->Next(), SystemRandom()->Next());
}

}  // namespace
}  // namespace vasto
