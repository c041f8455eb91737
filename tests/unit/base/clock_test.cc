// SPDX-License-Identifier: Apache-2.0
#include "core/base/clock.h"

#include <gtest/gtest.h>

#include <ctime>

namespace vasto {
namespace {

int64_t BootTimeOfTheMachine() {
  timespec ts{};
  clock_gettime(CLOCK_BOOTTIME, &ts);
  return static_cast<int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000;
}

TEST(ClockTest, TheBootClockIsTheOneThatGoesOnInSleep) {
  const int64_t before = BootTimeOfTheMachine();
  const int64_t now = SystemClock()->BootMicros();
  EXPECT_GE(now, before);
  EXPECT_LE(now, BootTimeOfTheMachine());
}

TEST(ClockTest, AClockThatNeverSleepsHasOneMonotonicTime) {
  ManualClock clock;
  clock.Advance(5);
  clock.StepWall(-3);
  EXPECT_EQ(clock.MonotonicMicros(), 5);
  EXPECT_EQ(clock.BootMicros(), 5);
}

}  // namespace
}  // namespace vasto
