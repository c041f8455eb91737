// SPDX-License-Identifier: Apache-2.0
// What a follower does when logs do not hold any more what it lacks.
#include <algorithm>
#include <utility>
#include <vector>

#include "tests/unit/replication/follower_fixture.h"

namespace vasto::replication {
namespace {

rpc::PullResponse OutOfLog(LogId log, std::vector<Position> has, bool serving = true) {
  rpc::PullResponse response = Answer(log, std::move(has));
  response.out_of_log = true;
  response.serving = serving;
  return response;
}

const CopyChoice kCopyA{kA, false};
const CopyChoice kJoinA{kA, true};

TEST_F(FollowerTest, WhatNoLogHoldsAnyMoreKeepsItFromServing) {
  Start();
  End(kB, Answer(kLogB, {}));
  End(kA, OutOfLog(kLogA, {{kLogA, 9}}));
  EXPECT_EQ(Pull(kA), nullptr) << "asking again at once brings nothing";
  Tick(Follower::kPatienceUs);
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(f_.out_of_log(), kA);
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

TEST_F(FollowerTest, OthersMayHaveInTheirLogsWhatOneHasNotAnyMore) {
  Start();
  End(kA, OutOfLog(kLogA, {{kLogA, 9}}));
  EXPECT_EQ(f_.CopyFrom(have_), CopyChoice()) << "B was not heard yet";
  Tick(Follower::kPatienceUs);
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

TEST_F(FollowerTest, OneThatWouldLoseSomethingByItIsNotCopiedOver) {
  Start();
  have_.Raise(Position{kOwn, 5});
  End(kA, OutOfLog(kLogA, {{kLogA, 9}, {kOwn, 4}}));
  Tick(Follower::kPatienceUs);
  EXPECT_EQ(f_.CopyFrom(have_), CopyChoice()) << "its checkpoint would be for nothing";
  End(kA, OutOfLog(kLogA, {{kLogA, 9}, {kOwn, 5}}));
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

TEST_F(FollowerTest, OneThatDoesNotServeIsNotCopied) {
  Start();
  End(kA, OutOfLog(kLogA, {{kLogA, 9}}, false));
  EXPECT_EQ(f_.out_of_log(), kA);
  EXPECT_EQ(f_.CopyFrom(have_), CopyChoice());
}

TEST_F(FollowerTest, WhatAPeerSLogDoesNotHoldIsAskedOfTheOthers) {
  Start();
  End(kA, Answer(kLogA, {}));
  End(kB, Answer(kLogB, {{kLogA, 9}}));
  EXPECT_TRUE(Pull(kB)->relay.empty());
  End(kA, OutOfLog(kLogA, {{kLogA, 9}}));
  ASSERT_NE(Pull(kB), nullptr);
  EXPECT_EQ(Pull(kB)->relay, std::vector<LogId>{kLogA});
}

// Serving, and A's log does not reach back any more; what A has of this replica's log.
class BehindTest : public FollowerTest {
 protected:
  void SetUp() override {
    Start();
    have_.Raise(Position{kOwn, 5});
    End(kA, Answer(kLogA, {}));
    End(kB, Answer(kLogB, {}));
    ASSERT_TRUE(f_.serving());
  }
  // A answers that way until patience ends.
  void AnswerForLong(const std::vector<Position>& has, bool serving = true) {
    const int64_t end_us = now_us_ + Follower::kPatienceUs + Follower::kMaxPauseUs;
    for (int i = 0; now_us_ < end_us && f_.serving(); ++i) {
      if (i == 0 || Pull(kA) != nullptr) End(kA, OutOfLog(kLogA, has, serving));
      Tick(std::max<int64_t>(f_.next_wake_us() - now_us_, 1));
    }
  }
};

TEST_F(BehindTest, OneThatIsLeftBehindStopsServingToCopy) {
  AnswerForLong({{kLogA, 900}, {kOwn, 5}});
  EXPECT_FALSE(f_.serving());
  ASSERT_NE(Pull(kA), nullptr);
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
  End(kA, OutOfLog(kLogA, {{kLogA, 901}, {kOwn, 5}}));
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

TEST_F(BehindTest, ItServesAgainWhenThatPeerDies) {
  AnswerForLong({{kLogA, 900}, {kOwn, 5}});
  ASSERT_FALSE(f_.serving());
  Fail(kA);
  End(kB, Answer(kLogB, {}));
  Tick(Follower::kPatienceUs);
  EXPECT_TRUE(f_.serving());
  EXPECT_EQ(f_.CopyFrom(have_), CopyChoice());
}

TEST_F(BehindTest, ItStaysWhenThePeerCannotFollowItEither) {
  End(kA, Answer(kLogA, {{kOwn, 2}}));
  AnswerForLong({{kLogA, 900}, {kOwn, 2}});
  EXPECT_TRUE(f_.serving());
}

TEST_F(BehindTest, ItStaysWhenItHasWhatThePeerHasNot) {
  have_.Raise(Position{kLogB, 3});
  AnswerForLong({{kLogA, 900}, {kOwn, 5}});
  EXPECT_TRUE(f_.serving());
}

TEST_F(BehindTest, ItStaysWhenThePeerDoesNotServe) {
  AnswerForLong({{kLogA, 900}, {kOwn, 5}}, false);
  EXPECT_TRUE(f_.serving());
}

TEST_F(BehindTest, WhatComesOfAnotherLogMeanwhileDoesNotCloseTheGap) {
  have_.Raise(Position{kLogB, 1});
  const int64_t end_us = now_us_ + Follower::kPatienceUs + Follower::kMaxPauseUs;
  for (uint64_t n = 1; now_us_ < end_us && f_.serving(); ++n) {
    const std::vector<Position> has{{kLogA, n}, {kFormer, 9}, {kLogB, 1}, {kOwn, 5}};
    End(kA, OutOfLog(kLogA, has));
    Tick(std::max<int64_t>(f_.next_wake_us() - now_us_, 1));
    if (Pull(kA) == nullptr) continue;
    rpc::PullResponse more = Answer(kLogA, has, {.log = kLogA, .first = n, .last = n});
    more.serving = true;
    End(kA, more);
    have_.Raise(Position{kLogA, n});
    Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  }
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

// And A was told that what it lacks is in no log here.
class ApartTest : public BehindTest {
 protected:
  void SetUp() override {
    BehindTest::SetUp();
    f_.CannotGive(kA, have_, now_us_);
  }
};

TEST_F(ApartTest, OfTwoThatServeThatWhichClientsPreferLessJoins) {
  AnswerForLong({{kLogA, 900}, {kOwn, 2}});
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(f_.CopyFrom(have_), kJoinA);
}

TEST_F(ApartTest, WithoutPatienceItDoesNotJoin) {
  End(kA, OutOfLog(kLogA, {{kLogA, 900}, {kOwn, 2}}));
  Tick(Follower::kPatienceUs - 1);
  EXPECT_TRUE(f_.serving());
}

TEST_F(ApartTest, WhenThePeerHasAllAfterAllItIsCopied) {
  AnswerForLong({{kLogA, 900}, {kOwn, 2}});
  ASSERT_EQ(f_.CopyFrom(have_), kJoinA);
  End(kA, OutOfLog(kLogA, {{kLogA, 900}, {kOwn, 5}}));
  EXPECT_EQ(f_.CopyFrom(have_), kCopyA);
}

TEST_F(ApartTest, OfTwoThatDoNotServeThatWhichClientsPreferLessJoins) {
  Keep(f_.Restart(have_, now_us_));
  End(kA, OutOfLog(kLogA, {{kLogA, 900}, {kOwn, 2}}, false));
  Tick(Follower::kPatienceUs);
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(f_.CopyFrom(have_), kJoinA);
}

// The same, but clients prefer this replica to A.
class ApartFirstTest : public ApartTest {
 protected:
  ApartFirstTest() { ahead_ = 0; }
  void SetUp() override {
    rpc::PullResponse waits = Answer(kLogA, {});
    waits.waits = true;
    Start();
    have_.Raise(Position{kOwn, 5});
    End(kA, waits);
    waits.log = kLogB;
    End(kB, waits);
    End(kA, Answer(kLogA, {}));
    ASSERT_TRUE(f_.serving());
    f_.CannotGive(kA, have_, now_us_);
  }
};

TEST_F(ApartFirstTest, OneThatDoesNotServeJoinsOneThatDoes) {
  Keep(f_.Restart(have_, now_us_));
  End(kA, OutOfLog(kLogA, {{kLogA, 900}, {kOwn, 2}}));
  Tick(Follower::kPatienceUs);
  EXPECT_EQ(f_.CopyFrom(have_), kJoinA);
}

TEST_F(ApartFirstTest, OfTwoThatDoNotServeTheOtherOneJoins) {
  Keep(f_.Restart(have_, now_us_));
  End(kA, OutOfLog(kLogA, {{kLogA, 900}, {kOwn, 2}}, false));
  Tick(Follower::kPatienceUs);
  EXPECT_EQ(f_.CopyFrom(have_), CopyChoice());
}

TEST_F(BehindTest, OneThatStoodStillLooksAtItsPeersFirst) {
  Keep(f_.Restart(have_, now_us_));
  EXPECT_FALSE(f_.serving());
  ASSERT_NE(Pull(kA), nullptr);
  ASSERT_NE(Pull(kB), nullptr);
  End(kA, Answer(kLogA, {{kLogA, 1}}, {.log = kLogA, .first = 1, .last = 1, .changes = "c"}));
  End(kB, Answer(kLogB, {}));
  EXPECT_FALSE(f_.serving());
  have_.Raise(Position{kLogA, 1});
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  EXPECT_TRUE(f_.serving());
}

TEST_F(BehindTest, AfterAStandstillThoseThatWereGoneAreNotWaitedFor) {
  Fail(kB);
  now_us_ += 10 * Follower::kPatienceUs;
  Keep(f_.Restart(have_, now_us_));
  End(kA, Answer(kLogA, {}));
  EXPECT_TRUE(f_.serving());
}

}  // namespace
}  // namespace vasto::replication
