// SPDX-License-Identifier: Apache-2.0
#include "core/client/repeat_times.h"

#include <gtest/gtest.h>

#include "core/client/client.h"

namespace vasto::client {
namespace {

class RepeatTimesTest : public testing::Test {
 protected:
  static rpc::WriteResult Result(Code code, EventTime event_time, bool superseded = false) {
    return {code, event_time, superseded, ""};
  }

  rpc::WriteBatchRequest request_{
      .ref = {}, .entries = std::vector<rpc::WriteEntry>(3), .acks = {}};
  std::vector<rpc::WriteEntry>& entries_ = request_.entries;
  RepeatTimes times_;
};

TEST_F(RepeatTimesTest, EntriesKeepTheirOrder) {
  times_.Give(entries_, {}, 100);
  EXPECT_GE(entries_[0].event_time, 100u);
  EXPECT_GT(entries_[1].event_time, entries_[0].event_time);
  EXPECT_GT(entries_[2].event_time, entries_[1].event_time);
}

TEST_F(RepeatTimesTest, WhatTheCallerGaveStays) {
  entries_[1].event_time = 7;
  times_.Give(entries_, {}, 100);
  EXPECT_EQ(entries_[1].event_time, 7u);
  times_.TakeBack(entries_);
  EXPECT_EQ(entries_[1].event_time, 7u);
  EXPECT_EQ(entries_[0].event_time, 0u);
}

TEST_F(RepeatTimesTest, TheFirstOnesStay) {
  times_.Give(entries_, {}, 100);
  const EventTime first = entries_[0].event_time;
  times_.Give(entries_, {}, 5000);
  EXPECT_EQ(entries_[0].event_time, first);
}

TEST_F(RepeatTimesTest, WhatTheStoreSaidOfAnUnconfirmedWriteCounts) {
  const std::vector<rpc::WriteResult> results = {
      Result(Code::kTimeout, 150), Result(Code::kTimeout, 151), Result(Code::kTimeout, 0)};
  times_.Give(entries_, results, 100);
  EXPECT_EQ(entries_[0].event_time, 150u);
  EXPECT_EQ(entries_[1].event_time, 151u);
  EXPECT_GT(entries_[2].event_time, 151u) << "it never came to the sequencer, behind the others";
}

TEST_F(RepeatTimesTest, WithoutAClockTheNextStoreDecides) {
  times_.Give(entries_, {}, StoreClock().At(1'000'000));
  EXPECT_EQ(entries_[0].event_time, 0u);
  times_.Give(entries_, {}, 100);
  EXPECT_EQ(entries_[0].event_time, 100u) << "known with the second attempt";
}

TEST_F(RepeatTimesTest, LosingIsAFailureOnlyForWhomGaveATime) {
  entries_[1].event_time = 7;
  times_.Give(entries_, {}, 100);
  std::vector<rpc::WriteResult> results = {Result(Code::kOk, 900, true),
                                           Result(Code::kOk, 900, true), Result(Code::kOk, 102)};
  times_.Settle(entries_, results);
  EXPECT_FALSE(results[0].superseded);
  EXPECT_EQ(results[0].event_time, entries_[0].event_time) << "its own, not that of the winner";
  EXPECT_TRUE(results[1].superseded);
}

TEST_F(RepeatTimesTest, WhatIsRepeatedAtAStoreWhoseClockIsFarBehindIsInDoubt) {
  entries_[1].event_time = 7;
  times_.Give(entries_, {}, 100);
  std::vector<rpc::WriteResult> results = {
      Result(Code::kInvalidArgument, 0), Result(Code::kInvalidArgument, 0), Result(Code::kOk, 102)};
  times_.Settle(entries_, results);
  EXPECT_EQ(results[0].code, Code::kTimeout) << "the caller named no time";
  EXPECT_TRUE(IsInDoubt(results[0].message));
  EXPECT_EQ(results[1].code, Code::kInvalidArgument);
}

TEST_F(RepeatTimesTest, WhatIsTooLateToBeRepeatedIsInDoubt) {
  entries_[1].event_time = 7;
  times_.Give(entries_, {}, 100);
  std::vector<rpc::WriteResult> results = {Result(Code::kStaleWrite, 0),
                                           Result(Code::kStaleWrite, 0), Result(Code::kOk, 102)};
  times_.Settle(entries_, results);
  EXPECT_EQ(results[0].code, Code::kTimeout) << "the caller named no time that could be too old";
  EXPECT_TRUE(IsInDoubt(results[0].message));
  EXPECT_EQ(results[1].code, Code::kStaleWrite);
  EXPECT_TRUE(IsInDoubt(results[1].message)) << "the first attempt may have been in time";
  EXPECT_TRUE(results[2].message.empty());
}

TEST_F(RepeatTimesTest, ARepetitionThatFailsLeavesTheFirstAttemptInDoubt) {
  times_.Give(entries_, {}, 0);
  std::vector<rpc::WriteResult> results = {Result(Code::kNoSpace, 0), Result(Code::kNotFound, 0),
                                           Result(Code::kOk, 102)};
  times_.Settle(entries_, results);
  EXPECT_TRUE(IsInDoubt(results[0].message));
  EXPECT_FALSE(IsInDoubt(results[1].message));
  EXPECT_FALSE(IsInDoubt(results[2].message));
}

TEST_F(RepeatTimesTest, OfOneAttemptOnlyWhatIsNotConfirmedIsInDoubt) {
  std::vector<rpc::WriteResult> results = {Result(Code::kTimeout, 101),
                                           Result(Code::kStaleWrite, 0), Result(Code::kOk, 102)};
  times_.Settle(entries_, results);
  EXPECT_EQ(results[0].code, Code::kTimeout);
  EXPECT_TRUE(IsInDoubt(results[0].message));
  EXPECT_EQ(results[1].code, Code::kStaleWrite);
  EXPECT_FALSE(IsInDoubt(results[1].message));
  EXPECT_FALSE(IsInDoubt(results[2].message));
}

TEST_F(RepeatTimesTest, OnlyWhatAStoreGaveTellsOfItsClock) {
  const std::vector<rpc::WriteResult> results = {Result(Code::kOk, 1), Result(Code::kOk, 2),
                                                 Result(Code::kOk, 3)};
  EXPECT_EQ(LastShown(entries_, results), 3u);
  const std::vector<rpc::WriteResult> late(3, Result(Code::kUnavailable, 9));
  EXPECT_EQ(LastShown(entries_, late), 9u) << "it came too late by that clock";
  const std::vector<rpc::WriteResult> there(3, Result(Code::kAlreadyExists, 9));
  EXPECT_EQ(LastShown(entries_, there), 0u) << "this is the time of what is stored";
  entries_[2].event_time = 3;
  EXPECT_EQ(LastShown(entries_, results), 0u);
  EXPECT_EQ(LastShown({}, {}), 0u);
}

TEST(StoreClockTest, GoesOnFromWhatItGave) {
  StoreClock clock;
  EXPECT_EQ(clock.At(0), 0u);
  // Its clock is hours ahead of the monotonic one here, as real ones are.
  const EventTime given = MakeEventTime(50'000'000'000, 4);
  clock.Observe(given, 1'000'000);
  EXPECT_GT(clock.At(1'000'000), given);
  EXPECT_EQ(EventTimeMicros(clock.At(1'500'000)), EventTimeMicros(given) + 500'001);
}

TEST(StoreClockTest, ForgetsWhatItWasToldLongAgo) {
  StoreClock clock;
  const EventTime given = MakeEventTime(50'000'000'000);
  clock.Observe(given, 1'000'000);
  EXPECT_GT(clock.At(1'000'000 + StoreClock::kCountsUs), given);
  EXPECT_EQ(clock.At(1'000'001 + StoreClock::kCountsUs), 0u);
  EXPECT_LT(clock.At(900'000), given) << "of a write that was sent a little earlier";
  clock.Observe(given, 2'000'000);
  EXPECT_GT(clock.At(1'000'001 + StoreClock::kCountsUs), given);
}

}  // namespace
}  // namespace vasto::client
