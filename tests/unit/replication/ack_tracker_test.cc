// SPDX-License-Identifier: Apache-2.0
#include "core/replication/ack_tracker.h"

#include <gtest/gtest.h>

#include "tests/unit/replication/follower_fixture.h"

namespace vasto::replication {
namespace {

const Uuid kC{0, 3};

struct Waiter final : AckWaiter {
  void Ended(bool /*acknowledged*/) override { FAIL() << "waiters are handed back"; }
};

class AckTrackerTest : public testing::Test {
 protected:
  AckTrackerTest() { acks_.Configure({kA, kB, kC}); }
  using Waiters = AckTracker::Waiters;

  AckTracker acks_;
  Waiter x_, y_, z_;
};

TEST_F(AckTrackerTest, EndsWhenEnoughHaveIt) {
  EXPECT_FALSE(acks_.Wait(5, 2, 100, &x_));
  EXPECT_EQ(acks_.Advance(kA, 5), Waiters());
  EXPECT_EQ(acks_.Advance(kA, 9), Waiters()) << "one replica counts once";
  EXPECT_EQ(acks_.Advance(kB, 4), Waiters());
  EXPECT_EQ(acks_.Advance(kB, 5), Waiters{&x_});
}

TEST_F(AckTrackerTest, NeedNotWaitForWhatIsThere) {
  acks_.Advance(kA, 5);
  acks_.Advance(kB, 3);
  EXPECT_TRUE(acks_.Wait(5, 1, 100, &x_));
  EXPECT_TRUE(acks_.Wait(3, 2, 100, &x_));
  EXPECT_FALSE(acks_.Wait(4, 2, 100, &x_));
  EXPECT_EQ(acks_.ReachedBy(1), 5u);
  EXPECT_EQ(acks_.ReachedBy(2), 3u);
  EXPECT_EQ(acks_.ReachedBy(3), 0u);
}

TEST_F(AckTrackerTest, EveryWriteWaitsForARequiredOne) {
  EXPECT_TRUE(acks_.Wait(5, 0, 100, &x_)) << "nobody is required yet";
  acks_.Require(kC);
  EXPECT_FALSE(acks_.Wait(5, 0, 100, &x_));
  EXPECT_FALSE(acks_.Wait(6, 1, 100, &y_));
  EXPECT_EQ(acks_.most_needed(), 1);
  EXPECT_EQ(acks_.Advance(kA, 9), Waiters());
  EXPECT_EQ(acks_.Advance(kC, 5), Waiters{&x_});
  EXPECT_EQ(acks_.Advance(kC, 6), Waiters{&y_});
  EXPECT_FALSE(acks_.anybody_waits());
}

TEST_F(AckTrackerTest, AReleasedOneHoldsNobodyUp) {
  acks_.Require(kC);
  EXPECT_FALSE(acks_.Wait(5, 0, 100, &x_));
  EXPECT_FALSE(acks_.Wait(5, 1, 100, &y_));
  EXPECT_TRUE(acks_.anybody_waits());
  EXPECT_EQ(acks_.Release(kC), Waiters{&x_});
  EXPECT_EQ(acks_.Advance(kB, 5), Waiters{&y_});
  acks_.Require(kC);
  acks_.Configure({kA});
  EXPECT_FALSE(acks_.requires_any());
}

TEST_F(AckTrackerTest, OneThatWasGivenUpIsWaitedForAsLongAsItMayServe) {
  acks_.Require(kC);
  EXPECT_FALSE(acks_.Wait(5, 0, 100, &x_));
  acks_.GiveUp(kC, 50);
  EXPECT_FALSE(acks_.Requires(kC));
  EXPECT_TRUE(acks_.requires_any());
  EXPECT_EQ(acks_.next_deadline_us(), 50);
  EXPECT_EQ(acks_.LetGo(49), Waiters());
  EXPECT_FALSE(acks_.Wait(6, 0, 100, &y_));
  EXPECT_EQ(acks_.LetGo(50), (Waiters{&x_, &y_}));
  EXPECT_FALSE(acks_.requires_any());
  EXPECT_EQ(acks_.next_deadline_us(), INT64_MAX);
  EXPECT_TRUE(acks_.GaveUp(kC)) << "it does not know";
}

TEST_F(AckTrackerTest, OneThatIsKnownToBeGoneIsLetGoAtOnce) {
  acks_.Require(kC);
  EXPECT_FALSE(acks_.Wait(5, 0, 100, &x_));
  acks_.GiveUp(kC, 50);
  acks_.GiveUp(kC, 10);
  acks_.GiveUp(kC, 70);
  EXPECT_EQ(acks_.LetGo(10), Waiters{&x_});
}

TEST_F(AckTrackerTest, OneThatWasGivenUpDoesNotKnowUntilItSaysSo) {
  acks_.Require(kC);
  acks_.GiveUp(kC, 50);
  EXPECT_TRUE(acks_.GaveUp(kC));
  acks_.Release(kC);
  EXPECT_FALSE(acks_.GaveUp(kC));
  acks_.GiveUp(kC, 50);
  EXPECT_FALSE(acks_.GaveUp(kC)) << "nothing was waiting for it";
  acks_.Require(kC);
  acks_.GiveUp(kC, 50);
  acks_.Require(kC);
  EXPECT_FALSE(acks_.GaveUp(kC));
  EXPECT_EQ(acks_.LetGo(50), Waiters());
  EXPECT_TRUE(acks_.Requires(kC));
}

TEST_F(AckTrackerTest, LevelsDoNotWaitForEachOther) {
  EXPECT_FALSE(acks_.Wait(5, 3, 100, &x_));
  EXPECT_FALSE(acks_.Wait(6, 1, 100, &y_));
  EXPECT_EQ(acks_.Advance(kC, 6), Waiters{&y_});
  acks_.Advance(kA, 5);
  EXPECT_EQ(acks_.Advance(kB, 5), Waiters{&x_});
}

TEST_F(AckTrackerTest, OneAdvanceMayEndMany) {
  EXPECT_FALSE(acks_.Wait(1, 1, 100, &x_));
  EXPECT_FALSE(acks_.Wait(2, 1, 100, &y_));
  EXPECT_FALSE(acks_.Wait(3, 1, 100, &z_));
  EXPECT_EQ(acks_.Advance(kA, 2), (Waiters{&x_, &y_}));
  EXPECT_EQ(acks_.TakeAll(), Waiters{&z_});
  EXPECT_EQ(acks_.TakeAll(), Waiters());
}

TEST_F(AckTrackerTest, DeadlinesEndWhateverIsMissing) {
  EXPECT_EQ(acks_.next_deadline_us(), INT64_MAX);
  EXPECT_FALSE(acks_.Wait(1, 1, 200, &x_));
  EXPECT_FALSE(acks_.Wait(2, 1, 100, &y_));
  EXPECT_EQ(acks_.next_deadline_us(), 100);
  EXPECT_EQ(acks_.Expire(99), Waiters());
  EXPECT_EQ(acks_.Expire(100), Waiters{&y_});
  EXPECT_EQ(acks_.next_deadline_us(), 200);
}

TEST_F(AckTrackerTest, TellsHowManyAreNeeded) {
  EXPECT_EQ(acks_.most_needed(), 0);
  acks_.Wait(1, 2, 100, &x_);
  acks_.Wait(2, 1, 100, &y_);
  EXPECT_EQ(acks_.most_needed(), 2);
  acks_.Advance(kA, 2);
  acks_.Advance(kB, 1);
  EXPECT_EQ(acks_.most_needed(), 0);
}

TEST_F(AckTrackerTest, OnlyReplicasCount) {
  EXPECT_FALSE(acks_.Wait(1, 1, 100, &x_));
  EXPECT_EQ(acks_.Advance(Uuid{9, 9}, 5), Waiters());
  acks_.Configure({kA, kB});
  EXPECT_EQ(acks_.Advance(kC, 5), Waiters());
  EXPECT_EQ(acks_.Advance(kB, 1), Waiters{&x_});
  EXPECT_FALSE(acks_.Wait(1, 3, 100, &y_)) << "there are not so many";
}

TEST_F(AckTrackerTest, WhatStaysIsRemembered) {
  acks_.Advance(kA, 7);
  acks_.Configure({kA});
  EXPECT_EQ(acks_.ReachedBy(1), 7u);
}

}  // namespace
}  // namespace vasto::replication
