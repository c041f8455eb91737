// SPDX-License-Identifier: Apache-2.0
#include "core/storage/gc_floors.h"

#include <gtest/gtest.h>

#include <string>

#include "core/storage/timestamp_sketch.h"

namespace vasto::storage {
namespace {

class GcFloorsTest : public testing::Test {
 protected:
  GcFloorsTest() { EXPECT_TRUE(floors_.Load("").ok()); }

  int wanted_ = 0;  // calls of on_wanted
  GcFloors floors_{[this] { ++wanted_; }};
};

TEST_F(GcFloorsTest, NothingGoesBeforeItsFloorIsStored) {
  EXPECT_FALSE(floors_.MayDrop(7, 100));
  EXPECT_FALSE(floors_.MayDrop(7, 100));
  EXPECT_FALSE(floors_.Covers(7, 1));
  EXPECT_FALSE(floors_.BeginRaise().empty());
  EXPECT_FALSE(floors_.MayDrop(7, 100)) << "not stored yet";
  EXPECT_FALSE(floors_.Covers(7, 100));
  floors_.EndRaise(true);
  EXPECT_TRUE(floors_.MayDrop(7, 100));
  EXPECT_TRUE(floors_.MayDrop(7, 99));
  EXPECT_FALSE(floors_.MayDrop(7, 101));
  EXPECT_TRUE(floors_.Covers(7, 100));
  EXPECT_FALSE(floors_.Covers(7, 101));
  EXPECT_FALSE(floors_.Covers(8, 1)) << "another slot";
  EXPECT_TRUE(floors_.Covers(7 + TimestampSketch::kSlots, 100)) << "the same slot";
}

TEST_F(GcFloorsTest, ARaiseThatFailedIsWantedAgain) {
  EXPECT_FALSE(floors_.MayDrop(7, 100));
  EXPECT_FALSE(floors_.BeginRaise().empty());
  floors_.EndRaise(false);
  EXPECT_FALSE(floors_.Covers(7, 1));
  EXPECT_FALSE(floors_.BeginRaise().empty());
  floors_.EndRaise(true);
  EXPECT_TRUE(floors_.MayDrop(7, 100));
  EXPECT_TRUE(floors_.BeginRaise().empty()) << "nothing is wanted any more";
}

TEST_F(GcFloorsTest, TellsOnceUntilARaiseBegins) {
  EXPECT_FALSE(floors_.MayDrop(7, 100));
  EXPECT_FALSE(floors_.MayDrop(8, 100));
  EXPECT_EQ(wanted_, 1);
  EXPECT_FALSE(floors_.BeginRaise().empty());
  EXPECT_FALSE(floors_.MayDrop(9, 100));
  EXPECT_EQ(wanted_, 2);
  floors_.EndRaise(true);
  EXPECT_FALSE(floors_.Covers(9, 100)) << "noted after the raise had begun";
}

TEST_F(GcFloorsTest, OfTwoJoinedTheHigherCounts) {
  EXPECT_FALSE(floors_.MayDrop(7, 100));
  EXPECT_FALSE(floors_.MayDrop(8, 200));
  const std::string a = floors_.BeginRaise();
  GcFloors other([] {});
  ASSERT_TRUE(other.Load("").ok());
  EXPECT_FALSE(other.MayDrop(7, 300));
  EXPECT_FALSE(other.MayDrop(9, 50));
  const std::string b = other.BeginRaise();
  GcFloors joined([] {});
  ASSERT_TRUE(joined.Load(*GcFloors::Join(a, b)).ok());
  EXPECT_TRUE(joined.Covers(7, 300));
  EXPECT_TRUE(joined.Covers(8, 200));
  EXPECT_TRUE(joined.Covers(9, 50));
  EXPECT_FALSE(joined.Covers(7, 301));
  EXPECT_EQ(*GcFloors::Join(a, ""), a);
  EXPECT_EQ(*GcFloors::Join("", a), a);
  EXPECT_EQ(*GcFloors::Join("", ""), "");
  EXPECT_EQ(GcFloors::Join(a, "x").status().code(), Code::kNotSupported);
  EXPECT_EQ(GcFloors::Join("\1", b).status().code(), Code::kCorruption);
}

// A compaction may run before the stored floors have been read.
TEST_F(GcFloorsTest, NothingIsAskedForBeforeLoad) {
  int told = 0;
  GcFloors floors([&told] { ++told; });
  EXPECT_FALSE(floors.MayDrop(7, 100));
  EXPECT_EQ(told, 0);
  ASSERT_TRUE(floors.Load("").ok());
  EXPECT_EQ(told, 1);
}

TEST_F(GcFloorsTest, ComesBackFromTheDisk) {
  EXPECT_FALSE(floors_.MayDrop(1, 0x0102));
  EXPECT_FALSE(floors_.MayDrop(4095, 5));
  const std::string bytes = floors_.BeginRaise();
  // The format is on disks: format byte, then 4096 little-endian floors.
  ASSERT_EQ(bytes.size(), 1u + 4096 * 8);
  std::string golden(bytes.size(), '\0');
  golden[0] = 1;
  golden[1 + 8] = 2;
  golden[1 + 8 + 1] = 1;
  golden[1 + 4095 * 8] = 5;
  EXPECT_EQ(bytes, golden);
  GcFloors other(nullptr);
  ASSERT_TRUE(other.Load(bytes).ok());
  EXPECT_TRUE(other.Covers(1, 0x0102));
  EXPECT_FALSE(other.Covers(1, 0x0103));
  EXPECT_TRUE(other.Covers(4095, 5));
  EXPECT_FALSE(other.Covers(2, 1));
}

TEST_F(GcFloorsTest, RefusesWhatItCannotRead) {
  EXPECT_FALSE(floors_.MayDrop(1, 1));
  std::string bytes = floors_.BeginRaise();
  EXPECT_TRUE(floors_.Load(bytes.substr(0, 100)).Is(Code::kCorruption));
  bytes[0] = 2;
  EXPECT_TRUE(floors_.Load(bytes).Is(Code::kNotSupported));
  bytes[0] = 0;
  EXPECT_TRUE(floors_.Load(bytes).Is(Code::kCorruption));
}

}  // namespace
}  // namespace vasto::storage
