// SPDX-License-Identifier: Apache-2.0
#include "core/base/hlc.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace vasto {
namespace {

constexpr uint64_t kNow = 1'700'000'000'123'456'789;

TEST(HlcTest, NanosecondsRoundTripAndKeepTheirOrder) {
  EventTime last = 0;
  for (uint64_t ns = kNow; ns < kNow + 3000; ++ns) {
    const EventTime t = EventTimeFromNanos(ns);
    EXPECT_EQ(EventTimeToNanos(t), ns);
    EXPECT_GT(t, last);
    last = t;
  }
}

TEST(HlcTest, NanosecondsBeyondWhatItHoldsAreTheLastTime) {
  constexpr uint64_t kEndNs = (uint64_t{1} << 52) * 1000;
  EXPECT_LT(EventTimeFromNanos(kEndNs - 1), kMaxEventTime);
  for (const uint64_t ns : {kEndNs, kEndNs + 1, uint64_t{INT64_MAX}, UINT64_MAX}) {
    EXPECT_EQ(EventTimeFromNanos(ns), kMaxEventTime) << ns;
  }
}

TEST(HlcTest, ToNanosIsMonotonicOverAllCounters) {
  uint64_t last = 0;
  for (uint32_t counter = 0; counter < (1u << kHlcCounterBits); ++counter) {
    const uint64_t ns = EventTimeToNanos(MakeEventTime(5, counter));
    EXPECT_GE(ns, last);
    EXPECT_LT(ns, 6000u);
    last = ns;
  }
}

TEST(HybridClockTest, FollowsTheWallClock) {
  ManualClock clock;
  HybridClock hybrid(&clock);
  EXPECT_EQ(EventTimeMicros(hybrid.Now()), clock.WallMicros());
  clock.Advance(1000);
  EXPECT_EQ(hybrid.Now(), MakeEventTime(clock.WallMicros()));
}

TEST(HybridClockTest, NeverGoesBackWhenTheWallClockDoes) {
  ManualClock clock;
  HybridClock hybrid(&clock);
  const EventTime before = hybrid.Now();
  clock.StepWall(-60'000'000);
  const EventTime after = hybrid.Now();
  EXPECT_EQ(after, before + 1);
}

TEST(HybridClockTest, ObservedTimesAreOvertaken) {
  ManualClock clock;
  HybridClock hybrid(&clock);
  const EventTime remote = MakeEventTime(clock.WallMicros() + 5'000'000, 17);
  hybrid.Observe(remote);
  EXPECT_EQ(hybrid.Now(), remote + 1);
  hybrid.Observe(1);
  EXPECT_EQ(hybrid.Now(), remote + 2);
}

TEST(HybridClockTest, ManyThreadsGetDifferentTimes) {
  ManualClock clock;
  HybridClock hybrid(&clock);
  std::vector<std::vector<EventTime>> times(4);
  std::vector<std::thread> threads;
  for (auto& mine : times) {
    threads.emplace_back([&hybrid, &mine] {
      for (int i = 0; i < 5000; ++i) mine.push_back(hybrid.Now());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<EventTime> all;
  for (const auto& mine : times) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20'000u);
}

}  // namespace
}  // namespace vasto
