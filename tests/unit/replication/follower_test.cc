// SPDX-License-Identifier: Apache-2.0
#include "core/replication/follower.h"

#include <string>
#include <utility>

#include "tests/unit/replication/follower_fixture.h"

namespace vasto::replication {
namespace {

TEST_F(FollowerTest, AsksEveryPeerAtOnceAndAgainAfterAnAnswer) {
  Start();
  ASSERT_NE(Pull(kA), nullptr);
  ASSERT_NE(Pull(kB), nullptr);
  EXPECT_FALSE(Pull(kA)->wait) << "first it wants to know how things stand";
  End(kA, Answer(kLogA, {}));
  ASSERT_NE(Pull(kA), nullptr);
  EXPECT_TRUE(Pull(kA)->wait);
  EXPECT_EQ(Pull(kB), nullptr);
}

TEST_F(FollowerTest, AppliesBeforeItAsksOn) {
  Start();
  ChangeBatch batch{.log = kLogA, .first = 1, .last = 4, .changes = "c", .checksum = 0};
  End(kA, Answer(kLogA, {{kLogA, 9}}, batch));
  ASSERT_EQ(actions_.size(), 1u);
  ASSERT_NE(Applied(), nullptr);
  EXPECT_EQ(Applied()->batch.last, 4u);
  have_.Raise(Position{kLogA, 4});
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  EXPECT_NE(Pull(kA), nullptr);
}

class AgreementTest : public FollowerTest {
 protected:
  void Says(const Uuid& peer, std::vector<Position> has, EventTime settled, EventTime complete) {
    rpc::PullResponse response = Answer(peer == kA ? kLogA : kLogB, std::move(has));
    response.settled = settled;
    response.complete = complete;
    End(peer, std::move(response));
  }
  void Get(Position position) {
    have_.Raise(position);
    Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  }
};

TEST_F(AgreementTest, IsTheLeastThatAllHaveOnceItIsHere) {
  EXPECT_EQ(f_.Complete(90), 0u) << "it does not even know who there is";
  Start();
  Says(kA, {{kLogA, 4}}, 50, 40);
  Says(kB, {}, 60, 45);
  EXPECT_EQ(f_.Complete(90), 0u) << "the first four of A's log are not here";
  Get({kLogA, 4});
  EXPECT_EQ(f_.Complete(90), 50u);
  EXPECT_EQ(f_.Agreed(90), 40u);
  EXPECT_EQ(f_.Complete(30), 30u);
  EXPECT_EQ(f_.Agreed(30), 30u);
  Says(kA, {{kLogA, 4}}, 80, 70);
  EXPECT_EQ(f_.Complete(90), 60u);
  EXPECT_EQ(f_.Agreed(90), 45u);
}

TEST_F(AgreementTest, GoesOnWhileThePeerIsAlwaysAhead) {
  Start();
  Says(kB, {}, 100, 100);
  Says(kA, {{kLogA, 4}}, 50, 40);
  Says(kA, {{kLogA, 9}}, 60, 55);
  Get({kLogA, 4});
  EXPECT_EQ(f_.Agreed(100), 40u);
  Says(kA, {{kLogA, 12}}, 80, 75);
  Get({kLogA, 9});
  Says(kA, {{kLogA, 15}}, 90, 85);
  Get({kLogA, 12});
  EXPECT_EQ(f_.Agreed(100), 75u);
}

TEST_F(AgreementTest, WhatAPeerHasLostIsNotWaitedFor) {
  Start();
  Says(kB, {}, 100, 100);
  Says(kA, {{kLogA, 4}, {kFormer, 7}}, 50, 40);
  Says(kA, {{kLogA, 4}, {kFormer, 5}}, 60, 55);
  Get({kFormer, 5});
  Get({kLogA, 4});
  EXPECT_EQ(f_.Agreed(100), 55u);
}

TEST_F(AgreementTest, APeerThatIsAwayHoldsItUp) {
  Start();
  Says(kA, {}, 50, 40);
  Says(kB, {}, 50, 40);
  Fail(kB);
  Says(kA, {}, 90, 50);
  EXPECT_EQ(f_.Complete(100), 50u);
  EXPECT_EQ(f_.Agreed(100), 40u);
}

TEST_F(FollowerTest, WhatAnotherPeerBroughtMeanwhileIsNoFailure) {
  Start();
  End(kA, Answer(kLogA, {{kLogA, 4}}, {.log = kLogA, .first = 1, .last = 4, .changes = "c"}));
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::AlreadyExists(""), have_, now_us_));
  EXPECT_NE(Pull(kA), nullptr);
}

TEST_F(FollowerTest, ChangesThatCannotBeAppliedAreAskedForAgainLater) {
  Start();
  End(kA, Answer(kLogA, {{kLogA, 4}}, {.log = kLogA, .first = 1, .last = 4, .changes = "c"}));
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::NoSpace(""), have_, now_us_));
  EXPECT_TRUE(actions_.empty());
  Tick(Follower::kMinPauseUs);
  EXPECT_NE(Pull(kA), nullptr);
}

TEST_F(FollowerTest, OldAnswersAreIgnored) {
  Start();
  const uint64_t first = attempts_[kA];
  Fail(kA);
  Tick(Follower::kMinPauseUs);
  Keep(f_.PullEnded(kA, first, Answer(kLogA, {}), have_, now_us_));
  EXPECT_TRUE(actions_.empty());
}

TEST_F(FollowerTest, PausesGrowAndEndWithAnAnswer) {
  Start();
  int64_t pause_us = Follower::kMinPauseUs;
  for (int i = 0; i < 10; ++i) {
    Fail(kA);
    Tick(pause_us - 1);
    EXPECT_EQ(Pull(kA), nullptr);
    Tick(1);
    EXPECT_NE(Pull(kA), nullptr);
    pause_us = std::min(2 * pause_us, Follower::kMaxPauseUs);
  }
  End(kA, Answer(kLogA, {}));
  Fail(kA);
  EXPECT_EQ(f_.next_wake_us(), now_us_ + Follower::kMinPauseUs);
}

TEST_F(FollowerTest, OneThatIsBackIsNotLeftWaitingForAPause) {
  Start();
  for (int i = 0; i < 5; ++i) {
    Fail(kA);
    Tick(Follower::kMaxPauseUs);
  }
  Fail(kA);
  Keep(f_.Asked(kA, false, have_, now_us_));
  ASSERT_NE(Pull(kA), nullptr);
  Keep(f_.Asked(kA, false, have_, now_us_));
  EXPECT_TRUE(actions_.empty()) << "it is being asked";
  Fail(kA);
  EXPECT_EQ(f_.next_wake_us(), now_us_ + Follower::kMinPauseUs);
}

// ---- Relaying

TEST_F(FollowerTest, ALogIsAskedOfItsOwnerAsLongAsThatAnswers) {
  Start();
  End(kA, Answer(kLogA, {{kLogA, 5}}, {.log = kLogA, .first = 1, .last = 2, .changes = "c"}));
  End(kB, Answer(kLogB, {{kLogA, 5}}));
  EXPECT_TRUE(Pull(kB)->relay.empty());
}

TEST_F(FollowerTest, TheLogOfOneThatIsGoneIsAskedOfTheOtherAtOnce) {
  Start();
  End(kA, Answer(kLogA, {{kLogA, 5}}, {.log = kLogA, .first = 1, .last = 2, .changes = "c"}));
  have_.Raise(Position{kLogA, 2});
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  End(kB, Answer(kLogB, {}));
  EXPECT_TRUE(Pull(kB)->relay.empty());
  Fail(kA);
  // The question to B was waiting there; another one takes its place.
  ASSERT_NE(Pull(kB), nullptr);
  EXPECT_EQ(Pull(kB)->relay, std::vector<LogId>{kLogA});
}

TEST_F(FollowerTest, AFormerLogIsAskedOfOneOnly) {
  Start();
  End(kA, Answer(kLogA, {{kFormer, 7}}));
  EXPECT_EQ(Pull(kA)->relay, std::vector<LogId>{kFormer});
  End(kB, Answer(kLogB, {{kFormer, 7}}));
  EXPECT_TRUE(Pull(kB)->relay.empty());
}

TEST_F(FollowerTest, ItsOwnNewestLogIsNeverAskedFor) {
  Start();
  End(kA, Answer(kLogA, {{kOwn, 7}}));
  EXPECT_TRUE(Pull(kA)->relay.empty());
}

TEST_F(FollowerTest, WhatIsCoveredIsNotAskedFor) {
  have_.Raise(Position{kFormer, 7});
  Start();
  End(kA, Answer(kLogA, {{kFormer, 7}}));
  EXPECT_TRUE(Pull(kA)->relay.empty());
}

// ---- Serving

TEST_F(FollowerTest, ServesOnceItHasWhatThePeersHad) {
  Start();
  EXPECT_FALSE(f_.serving());
  End(kA, Answer(kLogA, {}));
  EXPECT_FALSE(f_.serving()) << "B may know more";
  End(kB, Answer(kLogB, {{kLogB, 3}}, {.log = kLogB, .first = 1, .last = 3, .changes = "c"}));
  EXPECT_FALSE(f_.serving());
  have_.Raise(Position{kLogB, 3});
  Keep(f_.ApplyEnded(kB, attempts_[kB], Status::Ok(), have_, now_us_));
  EXPECT_TRUE(f_.serving());
}

TEST_F(FollowerTest, WhatComesUpMeanwhileNeedNotBeThere) {
  Start();
  End(kA, Answer(kLogA, {}));
  End(kB, Answer(kLogB, {{kLogB, 3}}, {.log = kLogB, .first = 1, .last = 3, .changes = "c"}));
  have_.Raise(Position{kLogB, 3});
  End(kA, Answer(kLogA, {{kLogA, 50}}));
  Keep(f_.ApplyEnded(kB, attempts_[kB], Status::Ok(), have_, now_us_));
  EXPECT_TRUE(f_.serving());
}

TEST_F(FollowerTest, WhatAPeerHasLostItselfNeedNotBeThere) {
  Start();
  End(kB, Answer(kLogB, {}));
  End(kA, Answer(kLogA, {{kLogA, 3}, {kFormer, 5}}));
  EXPECT_FALSE(f_.serving());
  have_.Raise(Position{kFormer, 2});
  End(kA, Answer(kLogA + 10, {{kFormer, 2}}));
  EXPECT_TRUE(f_.serving());
}

TEST_F(FollowerTest, APeerThatDoesNotAnswerIsWaitedForOnlySoLong) {
  Start();
  End(kA, Answer(kLogA, {}));
  Fail(kB);
  EXPECT_FALSE(f_.serving());
  Tick(Follower::kPatienceUs - 1);
  EXPECT_FALSE(f_.serving());
  Tick(1);
  EXPECT_TRUE(f_.serving());
  EXPECT_EQ(f_.unreachable(), 1u);
}

TEST_F(FollowerTest, WithoutAnyPeerItServesAfterAWhile) {
  Start();
  Fail(kA);
  Fail(kB);
  EXPECT_LE(f_.next_wake_us(), now_us_ + Follower::kPatienceUs);
  Tick(Follower::kPatienceUs);
  EXPECT_TRUE(f_.serving());
}

// The first in the order.
class PreferredTest : public FollowerTest {
 protected:
  PreferredTest() { ahead_ = 0; }
  static rpc::PullResponse Waits(LogId log, std::vector<Position> has) {
    rpc::PullResponse response = Answer(log, std::move(has));
    response.waits = true;
    return response;
  }
};

TEST_F(PreferredTest, ServesOnceTheOthersWaitForIt) {
  Start();
  EXPECT_FALSE(Pull(kA)->ready) << "it does not know yet what it lacks";
  End(kB, Answer(kLogB, {}));
  EXPECT_FALSE(Pull(kB)->ready);
  End(kA, Answer(kLogA, {}));
  // Both are asked anew at once, and answer at once.
  for (const Uuid& peer : {kA, kB}) {
    ASSERT_NE(Pull(peer), nullptr);
    EXPECT_TRUE(Pull(peer)->ready);
    EXPECT_FALSE(Pull(peer)->wait);
  }
  EXPECT_FALSE(f_.serving());
  End(kA, Waits(kLogA, {}));
  EXPECT_TRUE(Pull(kA)->wait);
  EXPECT_FALSE(f_.serving());
  End(kB, Waits(kLogB, {}));
  EXPECT_TRUE(f_.serving());
}

TEST_F(PreferredTest, ServesOnlyWithWhatTheyHadWhenTheyBeganToWait) {
  Start();
  End(kB, Answer(kLogB, {}));
  End(kA, Answer(kLogA, {}));
  End(kB, Waits(kLogB, {}));
  End(kA, Waits(kLogA, {{kLogA, 7}}));
  EXPECT_FALSE(f_.serving());
  have_.Raise(Position{kLogA, 7});
  Tick(1);
  EXPECT_TRUE(f_.serving());
}

TEST_F(PreferredTest, WhoDoesNotAnswerNeedNotWait) {
  Start();
  Fail(kB);
  End(kA, Answer(kLogA, {}));
  Tick(Follower::kPatienceUs);
  EXPECT_FALSE(f_.serving());
  End(kA, Waits(kLogA, {}));
  EXPECT_TRUE(f_.serving());
}

class WaitedForTest : public PreferredTest {
 protected:
  void SetUp() override {
    Start();
    for (const bool waits : {false, true}) {
      rpc::PullResponse a = Answer(kLogA, {}), b = Answer(kLogB, {});
      a.waits = b.waits = waits;
      End(kA, a);
      End(kB, b);
    }
    ASSERT_TRUE(f_.serving());
  }
};

TEST_F(WaitedForTest, OneThatWasGivenUpLooksAgain) {
  rpc::PullResponse response = Answer(kLogA, {{kLogA, 7}});
  response.gave_up = true;
  End(kA, response);
  EXPECT_FALSE(f_.serving()) << "clients were told of what is not here";
  for (const Uuid& peer : {kA, kB}) {
    ASSERT_NE(Pull(peer), nullptr);
    EXPECT_FALSE(Pull(peer)->ready) << "which tells the peer that it knows";
    EXPECT_FALSE(Pull(peer)->wait);
  }
  End(kA, Answer(kLogA, {{kLogA, 7}}));
  End(kB, Answer(kLogB, {}));
  have_.Raise(Position{kLogA, 7});
  Tick(1);
  End(kA, Waits(kLogA, {{kLogA, 7}}));
  End(kB, Waits(kLogB, {}));
  EXPECT_TRUE(f_.serving());
}

TEST_F(WaitedForTest, WhatOneAnsweredThatWasNotHeardOfIsLookedFor) {
  Keep(f_.Silent(kA, have_, now_us_));
  EXPECT_TRUE(f_.serving()) << "clients prefer this one";
  rpc::PullResponse response = Waits(kLogA, {{kLogA, 7}});
  response.serving = true;
  End(kA, response);
  EXPECT_FALSE(f_.serving());
}

TEST_F(WaitedForTest, OneThatWasNotHeardOfAndHasNothingElseChangesNothing) {
  Keep(f_.Silent(kA, have_, now_us_));
  rpc::PullResponse response = Waits(kLogA, {});
  response.serving = true;
  End(kA, response);
  EXPECT_TRUE(f_.serving());
}

TEST_F(WaitedForTest, OneThatIsTooSlowForItDoesNotServeOn) {
  ChangeBatch batch{.log = kLogA, .first = 1, .last = 4, .changes = "c", .checksum = 0};
  rpc::PullResponse response = Waits(kLogA, {{kLogA, 4}});
  response.batch = batch;
  End(kA, response);
  EXPECT_EQ(f_.next_wake_us(), now_us_ + Follower::kWaitedForUs);
  Tick(Follower::kWaitedForUs - 1);
  EXPECT_TRUE(f_.serving());
  Tick(1);
  EXPECT_FALSE(f_.serving());
}

TEST_F(WaitedForTest, OneThatIsQuickServesOn) {
  End(kA, Waits(kLogA, {}));
  Tick(10 * Follower::kWaitedForUs);
  EXPECT_TRUE(f_.serving()) << "it has asked, and the question waits there";
}

TEST_F(PreferredTest, AfterAStandstillTheyHaveToSaySoAgain) {
  Start();
  End(kB, Answer(kLogB, {}));
  End(kA, Answer(kLogA, {}));
  End(kB, Waits(kLogB, {}));
  End(kA, Waits(kLogA, {}));
  ASSERT_TRUE(f_.serving());
  Keep(f_.Restart(have_, now_us_));
  EXPECT_FALSE(Pull(kA)->ready);
  End(kB, Answer(kLogB, {}));
  End(kA, Answer(kLogA, {}));
  EXPECT_FALSE(f_.serving());
}

// B, behind A in the order, and one more behind it; it serves.
class SecondTest : public FollowerTest {
 protected:
  void SetUp() override {
    ahead_ = 1;
    Start();
    const auto waiting = [](rpc::PullResponse response) {
      response.waits = true;
      return response;
    };
    End(kA, Answer(kLogA, {}));
    End(kB, waiting(Answer(kLogB, {})));
    End(kB, waiting(Answer(kLogB, {})));
    ASSERT_TRUE(f_.serving());
  }
  void LookAgainWhileAServes() {
    Keep(f_.Restart(have_, now_us_));
    rpc::PullResponse a = Answer(kLogA, {});
    a.serving = true;
    rpc::PullResponse b = Answer(kLogB, {});
    b.waits = true;
    End(kA, a);
    End(kB, Answer(kLogB, {}));
    End(kB, b);
  }
};

TEST_F(FollowerTest, AnswersAreAsLargeAsComesInATenthOfASecond) {
  constexpr int64_t kWayUs = 150'000;  // there and back
  Start();
  now_us_ += kWayUs;
  End(kB, Answer(kLogB, {}));
  End(kA, Answer(kLogA, {}));
  uint64_t last = 0;
  const auto take = [&](size_t bytes, int64_t took_us, int64_t waited_us = 0) {
    ++last;
    now_us_ += took_us;
    rpc::PullResponse answer =
        Answer(kLogA, {{kLogA, last}},
               {.log = kLogA, .first = last, .last = last, .changes = std::string(bytes, 'c')});
    answer.waited_us = waited_us;
    End(kA, std::move(answer));
    have_.Raise(Position{kLogA, last});
    Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
    return Pull(kA)->max_bytes;
  };
  for (size_t ask = Pull(kA)->max_bytes; ask < Follower::kMaxAskBytes;) {
    const size_t before = std::exchange(ask, take(ask, kWayUs));
    ASSERT_EQ(ask, 2 * before);
  }
  EXPECT_EQ(take(1000, kWayUs), Follower::kMaxAskBytes);
  EXPECT_EQ(take(1 << 20, kWayUs), Follower::kMaxAskBytes);
  EXPECT_EQ(take(1 << 20, kWayUs + 1'000'000), size_t{1 << 20} / 10);
  EXPECT_EQ(take(1000, 2'000'000, 2'000'000 - kWayUs), size_t{1 << 20} / 10)
      << "it waited for changes";
  EXPECT_EQ(take(1000, 2'000'000), size_t{1 << 20} / 20) << "others are before it";
  EXPECT_EQ(take(60'000, kWayUs + 2'000'000), Follower::kMinAskBytes);
  EXPECT_EQ(take(1000, 2'000'000), Follower::kMinAskBytes);
  size_t before = Follower::kMinAskBytes;
  for (int i = 0; i < 8; ++i) {
    const size_t after = take(before, kWayUs + 1000);
    EXPECT_EQ(after, std::min(2 * before, Follower::kMaxAskBytes));
    before = after;
  }
}

// Else each new question would add to what stands before its answer.
TEST_F(FollowerTest, AQuestionWhileAnAnswerIsOnItsWayAsksForLittle) {
  Start();
  EXPECT_EQ(Pull(kA)->max_bytes, Follower::kMaxAskBytes);
  Keep(f_.Restart(have_, now_us_));
  EXPECT_EQ(Pull(kA)->max_bytes, Follower::kMinAskBytes);
}

// B has seen that this one does not serve, and may be about to serve because of that.
TEST_F(SecondTest, OneThatAsksIsWaitedForThoughItDidNotAnswerYet) {
  Fail(kB);
  Keep(f_.Restart(have_, now_us_));
  Keep(f_.Asked(kB, false, have_, now_us_));
  End(kA, Answer(kLogA, {}));
  EXPECT_FALSE(f_.serving());
  rpc::PullResponse b = Answer(kLogB, {});
  b.waits = true;
  End(kB, b);
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, OneThatOnlyAsksAndNeverAnswersIsNotWaitedForForLong) {
  Fail(kB);
  Keep(f_.Restart(have_, now_us_));
  Keep(f_.Asked(kB, false, have_, now_us_));
  End(kA, Answer(kLogA, {}));
  Fail(kB);
  Tick(Follower::kPatienceUs / 2);
  Keep(f_.Asked(kB, false, have_, now_us_));
  EXPECT_FALSE(f_.serving());
  EXPECT_LE(f_.next_wake_us(), now_us_ + Follower::kPatienceUs / 2);
  Tick(Follower::kPatienceUs / 2);
  EXPECT_TRUE(f_.serving());
}

// It served until just now, so it has missed nothing of the one that goes.
TEST_F(SecondTest, OneThatTakesOverDoesNotWaitForAThirdThatIsLostMeanwhile) {
  rpc::PullResponse a = Answer(kLogA, {});
  a.serving = true;
  End(kA, a);
  End(kA, Answer(kLogA, {}));
  ASSERT_FALSE(f_.serving()) << "A has stopped serving";
  Keep(f_.Silent(kB, have_, now_us_));
  End(kA, Answer(kLogA, {}));
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, WithoutThePreferredOneItServesOnlyWithWhatTheOthersHaveOfThat) {
  Keep(f_.Silent(kA, have_, now_us_));
  EXPECT_FALSE(f_.serving()) << "a client may have been told that what B has is kept";
  ASSERT_NE(Pull(kB), nullptr);
  EXPECT_FALSE(Pull(kB)->wait);
  rpc::PullResponse response = Answer(kLogB, {{kLogA, 3}});
  response.waits = true;
  End(kB, response);
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(Pull(kB)->relay, std::vector<LogId>{kLogA});
  have_.Raise(Position{kLogA, 3});
  End(kB, response);
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, AClosedConnectionIsAsGoodASign) {
  Fail(kA);
  EXPECT_FALSE(f_.serving());
}

TEST_F(SecondTest, OneThatIsSilentForLongIsLostOnce) {
  Keep(f_.Silent(kA, have_, now_us_));
  rpc::PullResponse response = Answer(kLogB, {});
  response.waits = true;
  End(kB, response);
  End(kB, response);
  ASSERT_TRUE(f_.serving());
  Keep(f_.Silent(kA, have_, now_us_));
  EXPECT_TRUE(f_.serving());
  EXPECT_TRUE(actions_.empty());
}

TEST_F(SecondTest, WhenThePreferredOneStopsServingItLooksAtTheOthersFirst) {
  rpc::PullResponse response = Answer(kLogA, {});
  response.serving = true;
  End(kA, response);
  EXPECT_TRUE(f_.serving());
  response.serving = false;
  End(kA, response);
  EXPECT_FALSE(f_.serving()) << "its clients come here, and B may have what they were told of";
  ASSERT_NE(Pull(kB), nullptr);
  EXPECT_FALSE(Pull(kB)->wait);
}

TEST_F(SecondTest, ItLooksAtAllForAClientThatKnowsMore) {
  rpc::PullResponse b = Answer(kLogB, {{kLogA, 3}});
  b.waits = true;
  now_us_ += 100;
  EXPECT_LT(f_.looked_us(), now_us_);
  Keep(f_.Look(have_, now_us_));
  EXPECT_FALSE(f_.serving());
  EXPECT_EQ(f_.looked_us(), now_us_);
  ASSERT_NE(Pull(kA), nullptr);
  EXPECT_FALSE(Pull(kA)->wait);
  EXPECT_FALSE(Pull(kB)->wait);
  // A is gone indeed. What it had acknowledged B has.
  now_us_ += 100;
  Fail(kA);
  EXPECT_EQ(f_.looked_us(), now_us_) << "B is asked again, for A's log too";
  End(kB, b);
  EXPECT_FALSE(f_.serving());
  have_.Raise(Position{kLogA, 3});
  End(kB, b);
  EXPECT_TRUE(f_.serving()) << "nobody waits for A, which was there until now";
}

TEST_F(SecondTest, AfterAStandstillOneThatIsGoneIsWaitedFor) {
  rpc::PullResponse b = Answer(kLogB, {});
  b.waits = true;
  Keep(f_.Restart(have_, now_us_));
  Fail(kA);
  End(kB, b);
  End(kB, b);
  EXPECT_FALSE(f_.serving()) << "it may be back in a moment, with what was missed";
  Tick(Follower::kPatienceUs);
  End(kB, b);
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, OneThatServesBeforeItMustCountOnIt) {
  LookAgainWhileAServes();
  EXPECT_FALSE(f_.serving()) << "A would miss what is accepted here";
  Keep(f_.Asked(kA, true, have_, now_us_));
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, OneThatNeverCountsOnItIsNotWaitedForForLong) {
  LookAgainWhileAServes();
  Tick(Follower::kPatienceUs);
  EXPECT_TRUE(f_.serving());
}

TEST_F(SecondTest, WhatALostOneHadIsLookedForAgain) {
  Keep(f_.Restart(have_, now_us_));
  End(kB, Answer(kLogB, {}));
  Fail(kA);
  EXPECT_FALSE(f_.serving());
  ASSERT_NE(Pull(kB), nullptr) << "it may have got more of A meanwhile";
  EXPECT_FALSE(Pull(kB)->wait);
}

TEST_F(SecondTest, WithoutOneThatIsBehindItGoesOn) {
  Keep(f_.Silent(kB, have_, now_us_));
  EXPECT_TRUE(f_.serving());
  EXPECT_EQ(f_.unreachable(), 1u);
}

TEST_F(SecondTest, ASilentOneIsBackWithItsNextAnswer) {
  Keep(f_.Silent(kB, have_, now_us_));
  End(kB, Answer(kLogB, {}));
  EXPECT_EQ(f_.unreachable(), 0u);
}

TEST_F(FollowerTest, OneThatWasMadeAnewServesOnlyWithWhatAServingPeerHad) {
  Follower anew(kOwn, true);
  Keep(anew.Configure({kA, kB}, 2, have_, now_us_));
  const auto end = [&](const Uuid& peer, StatusOr<rpc::PullResponse> result) {
    Keep(anew.PullEnded(peer, attempts_[peer], std::move(result), have_, now_us_));
  };
  end(kA, Status::Unavailable("gone"));
  end(kB, Answer(kLogB, {}));
  now_us_ += 10 * Follower::kPatienceUs;
  Keep(anew.Tick(have_, now_us_));
  EXPECT_FALSE(anew.serving()) << "B may be as new as this one";
  rpc::PullResponse serving = Answer(kLogA, {{kLogA, 3}}, {.log = kLogA, .first = 1, .last = 3});
  serving.serving = true;
  end(kA, serving);
  EXPECT_FALSE(anew.serving());
  have_.Raise(Position{kLogA, 3});
  Keep(anew.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  EXPECT_TRUE(anew.serving());
}

TEST_F(FollowerTest, DoesNotWakeForWhatIsOver) {
  Start();
  End(kA, Answer(kLogA, {{kFormer, 5}}));  // which is to come, so it goes on without serving
  Fail(kB);
  Tick(2 * Follower::kPatienceUs);
  EXPECT_FALSE(f_.serving());
  EXPECT_GT(f_.next_wake_us(), now_us_);
}

TEST_F(FollowerTest, LagCountsFromWhenItWasLevel) {
  Start();
  End(kA, Answer(kLogA, {}));
  End(kB, Answer(kLogB, {}));
  now_us_ += 1000;
  EXPECT_EQ(f_.LagUs(have_, now_us_), 0);
  End(kA, Answer(kLogA, {{kLogA, 5}}, {.log = kLogA, .first = 1, .last = 2, .changes = "c"}));
  now_us_ += 500;
  EXPECT_EQ(f_.LagUs(have_, now_us_), 1500);
  have_.Raise(Position{kLogA, 5});
  EXPECT_EQ(f_.LagUs(have_, now_us_), 0);
}

TEST_F(FollowerTest, APeerThatIsNoneAnyMoreIsForgotten) {
  Start();
  End(kA, Answer(kLogA, {}));
  Keep(f_.Configure({kA}, 1, have_, now_us_));
  EXPECT_TRUE(actions_.empty());
  EXPECT_TRUE(f_.serving());
  End(kB, Answer(kLogB, {}));
  EXPECT_TRUE(actions_.empty());
}

}  // namespace
}  // namespace vasto::replication
