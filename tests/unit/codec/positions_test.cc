// SPDX-License-Identifier: Apache-2.0
#include "core/codec/positions.h"

#include <gtest/gtest.h>

namespace vasto {
namespace {

TEST(PositionsTest, NothingIsCoveredByNothing) {
  const VersionVector empty;
  EXPECT_EQ(empty.Of(5), 0u);
  EXPECT_TRUE(empty.Covers(Position{5, 0}));
  EXPECT_FALSE(empty.Covers(Position{5, 1}));
  EXPECT_TRUE(empty.Covers(VersionVector()));
}

TEST(PositionsTest, RaiseNeverLowers) {
  VersionVector vector({{7, 10}, {3, 4}, {7, 2}});
  EXPECT_EQ(vector.Of(7), 10u);
  EXPECT_EQ(vector.Of(3), 4u);
  vector.Raise(Position{7, 5});
  EXPECT_EQ(vector.Of(7), 10u);
  vector.Raise(Position{7, 11});
  EXPECT_EQ(vector.Of(7), 11u);
}

TEST(PositionsTest, WhatSaysNothingIsLeftOut) {
  const VersionVector vector({{0, 3}, {4, 0}, {9, 1}});
  EXPECT_EQ(vector.positions(), (std::vector<Position>{{9, 1}}));
}

TEST(PositionsTest, PositionsAreInTheOrderOfLogs) {
  const VersionVector vector({{9, 1}, {2, 5}, {4, 3}});
  EXPECT_EQ(vector.positions(), (std::vector<Position>{{2, 5}, {4, 3}, {9, 1}}));
}

TEST(PositionsTest, CoversComparesLogByLog) {
  const VersionVector a({{1, 5}, {2, 5}});
  const VersionVector b({{1, 6}});
  EXPECT_FALSE(a.Covers(b));
  EXPECT_FALSE(b.Covers(a));
  VersionVector both = a;
  both.Raise(b);
  EXPECT_TRUE(both.Covers(a));
  EXPECT_TRUE(both.Covers(b));
}

TEST(PositionsTest, IntersectKeepsWhatBothCover) {
  VersionVector vector({{1, 5}, {2, 6}, {3, 7}});
  vector.Intersect(VersionVector({{1, 9}, {2, 4}, {4, 1}}));
  EXPECT_EQ(vector, VersionVector({{1, 5}, {2, 4}}));
}

TEST(PositionsTest, ForgetDropsOneLog) {
  VersionVector vector({{1, 5}, {2, 6}});
  vector.Forget(1);
  vector.Forget(3);
  EXPECT_EQ(vector, VersionVector({{2, 6}}));
}

}  // namespace
}  // namespace vasto
