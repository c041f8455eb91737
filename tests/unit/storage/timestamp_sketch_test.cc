// SPDX-License-Identifier: Apache-2.0
#include "core/storage/timestamp_sketch.h"

#include <gtest/gtest.h>

#include <map>

#include "core/base/random.h"

namespace vasto::storage {
namespace {

TEST(TimestampSketch, RisingTimesNeedNoSlots) {
  TimestampSketch sketch(100);
  EXPECT_EQ(sketch.Of(1), 100u);
  sketch.Raise(1, 200);
  sketch.Raise(2, 300);
  EXPECT_EQ(sketch.Of(1), 300u);
  EXPECT_EQ(sketch.Of(3), 300u);
}

TEST(TimestampSketch, TellsSlotsApartFromTheFirstOlderOneOn) {
  TimestampSketch sketch(100);
  sketch.Raise(1, 200);
  sketch.Raise(2, 150);
  sketch.Raise(3, 500);
  EXPECT_EQ(sketch.Of(1), 200u);
  EXPECT_EQ(sketch.Of(2), 200u) << "an older one lowers nothing";
  EXPECT_EQ(sketch.Of(3), 500u);
  EXPECT_EQ(sketch.Of(3 + TimestampSketch::kSlots), 500u);
}

TEST(TimestampSketch, IsNeverBelowWhatWasRaised) {
  auto random = SeededRandom(11);
  for (int round = 0; round < 200; ++round) {
    TimestampSketch sketch(0);
    std::map<uint64_t, EventTime> greatest;
    for (int i = 0; i < 50; ++i) {
      const uint64_t hash = random->Next() % 20;
      const EventTime time = random->Next() % 1000;
      sketch.Raise(hash, time);
      greatest[hash] = std::max(greatest[hash], time);
      for (const auto& [h, t] : greatest) ASSERT_GE(sketch.Of(h), t);
    }
  }
}

}  // namespace
}  // namespace vasto::storage
