// SPDX-License-Identifier: Apache-2.0
#include "core/client/router.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/client/client.h"

namespace vasto::client {
namespace {

constexpr int64_t kSecond = 1'000'000;
using Kind = RouteAction::Kind;

// Drives one router over a view the test edits.
class RouterTest : public testing::Test {
 protected:
  void Begin(RouteKind kind, int replicas, int64_t timeout_us = 10 * kSecond) {
    view_ = {};
    view_.generation = 1;
    view_.count = replicas;
    router_ = std::make_unique<Router>(kind, now_us_ + timeout_us);
  }
  RouteAction Start() { return Feed({}); }
  RouteAction Wake(const RouteAction& wait) {
    now_us_ = wait.until_us;
    return Feed({.kind = RouteEvent::Kind::kWake, .status = {}});
  }
  RouteAction PeerSays(Status status) {
    return Feed(
        {.kind = RouteEvent::Kind::kFinished, .status = std::move(status), .from_peer = true});
  }
  RouteAction TransportSays(Status status) {
    return Feed({.kind = RouteEvent::Kind::kFinished, .status = std::move(status)});
  }
  RouteAction Feed(RouteEvent event) {
    return router_->Step(std::move(event), view_, now_us_, random_.get());
  }

  static Status NotSent() { return Status::Unavailable("not sent: connection refused"); }
  static Status Lost() { return Status::Unavailable("connection lost"); }
  static Status Moved() { return Status::Unavailable("moved: shard 3 is not on this store"); }

  int64_t now_us_ = 1000;
  ShardView view_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<Random> random_ = SeededRandom(1);
};

TEST_F(RouterTest, AsksThePrimaryWithTheWholeDeadline) {
  Begin(RouteKind::kRead, 1);
  const RouteAction action = Start();
  EXPECT_EQ(action.kind, Kind::kSend);
  EXPECT_EQ(action.candidate, 0);
  EXPECT_EQ(action.until_us, now_us_ + 10 * kSecond);
  EXPECT_FALSE(action.refresh_map);
  const RouteAction end = PeerSays(Status::Ok());
  EXPECT_EQ(end.kind, Kind::kFinish);
  EXPECT_TRUE(end.status.ok());
}

TEST_F(RouterTest, AWatchMayWaitAtItsStoreForSecondsAndIsRepeatedLikeARead) {
  Begin(RouteKind::kWatch, 3);
  EXPECT_EQ(Start().until_us, now_us_ + 4 * kSecond);
  EXPECT_EQ(TransportSays(Lost()).candidate, 1);
  const RouteAction end = PeerSays(Status::TooOld("gone"));
  EXPECT_TRUE(end.status.Is(Code::kTooOld));
  EXPECT_FALSE(IsInDoubt(end.status.message()));
}

TEST_F(RouterTest, FinalErrorsOfAStoreAreNotRepeated) {
  Begin(RouteKind::kWrite, 2);
  EXPECT_EQ(Start().kind, Kind::kSend);
  const RouteAction end = PeerSays(Status::TooLarge("value of 9 bytes"));
  EXPECT_EQ(end.kind, Kind::kFinish);
  EXPECT_TRUE(end.status.Is(Code::kTooLarge));
  EXPECT_FALSE(IsInDoubt(end.status.message()));
}

TEST_F(RouterTest, SkipsStoresThatAreDownOrSuspect) {
  Begin(RouteKind::kRead, 3);
  view_.candidates[0].down = true;
  view_.candidates[1].suspect = true;
  EXPECT_EQ(Start().candidate, 2);
  EXPECT_EQ(TransportSays(NotSent()).candidate, 1);  // suspect before down
  EXPECT_EQ(TransportSays(NotSent()).candidate, 0);
}

TEST_F(RouterTest, OtherReplicaAtOnceThenAPauseThatGrows) {
  Begin(RouteKind::kRead, 2);
  EXPECT_EQ(Start().candidate, 0);
  const RouteAction second = TransportSays(NotSent());
  EXPECT_EQ(second.kind, Kind::kSend);
  EXPECT_EQ(second.candidate, 1);
  int64_t last_pause = 0;
  RouteAction action = TransportSays(NotSent());
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(action.kind, Kind::kWait);
    const int64_t pause = action.until_us - now_us_;
    EXPECT_GE(pause, 5'000 << round);
    EXPECT_LT(pause, 10'000 << round);
    EXPECT_GT(pause, last_pause);
    last_pause = pause;
    EXPECT_EQ(Wake(action).candidate, 0);
    EXPECT_EQ(TransportSays(NotSent()).candidate, 1);
    action = TransportSays(NotSent());
  }
}

TEST_F(RouterTest, AnAttemptLeavesTimeForTheOtherReplica) {
  Begin(RouteKind::kRead, 2, kSecond);
  EXPECT_EQ(Start().until_us, now_us_ + kSecond / 2);
  now_us_ += kSecond / 2;
  const RouteAction second = TransportSays(Status::Timeout("no answer"));
  EXPECT_EQ(second.candidate, 1);
  EXPECT_EQ(second.until_us, now_us_ + kSecond / 2);  // the last choice has all that is left
}

TEST_F(RouterTest, ASilentStoreIsLeftWithinASecondHoweverMuchTimeThereIs) {
  Begin(RouteKind::kRead, 2, 60 * kSecond);
  EXPECT_LT(Start().until_us, now_us_ + kSecond);
}

TEST_F(RouterTest, TheLastReplicaIsLeftAsWellButWaitedForLongerEachTime) {
  Begin(RouteKind::kRead, 3, 60 * kSecond);
  RouteAction action = Start();
  int64_t last = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 3; ++i) {
      ASSERT_EQ(action.kind, Kind::kSend);
      const int64_t duration = action.until_us - now_us_;
      EXPECT_LT(duration, kSecond << round);
      EXPECT_TRUE(i == 0 ? duration > last : duration == last) << round << " " << i;
      last = duration;
      now_us_ = action.until_us;
      action = TransportSays(Status::Timeout("no answer"));
    }
    ASSERT_EQ(action.kind, Kind::kWait);
    action = Wake(action);
  }
}

TEST_F(RouterTest, AStoreThatIsDownIsNoReasonToHurry) {
  Begin(RouteKind::kRead, 2);
  view_.candidates[1].down = true;
  EXPECT_EQ(Start().until_us, now_us_ + 10 * kSecond);
}

TEST_F(RouterTest, MovedAsksForANewMapAndFollowsIt) {
  Begin(RouteKind::kConditionalWrite, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  const RouteAction wait = PeerSays(Moved());
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_TRUE(wait.refresh_map);
  view_.generation = 2;
  const RouteAction again = Feed({.kind = RouteEvent::Kind::kWake, .status = {}});
  EXPECT_EQ(again.kind, Kind::kSend);
  EXPECT_TRUE(PeerSays(Status::Ok()).status.ok());
}

TEST_F(RouterTest, ANewMapMakesAllReplicasEligibleAgain) {
  Begin(RouteKind::kRead, 2);
  EXPECT_EQ(Start().candidate, 0);
  view_.generation = 2;
  EXPECT_EQ(PeerSays(Moved()).candidate, 0);
}

TEST_F(RouterTest, AKeyspaceIsGoneOnlyWhenMapAndStoreAgree) {
  Begin(RouteKind::kRead, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  const RouteAction wait = PeerSays(Status::NotFound("unknown keyspace 7"));
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_TRUE(wait.refresh_map);
  view_.removed = true;
  EXPECT_EQ(Wake(wait).kind, Kind::kSend);  // the map alone does not decide either
  const RouteAction end = PeerSays(Status::NotFound("unknown keyspace 7"));
  EXPECT_EQ(end.kind, Kind::kFinish);
  EXPECT_TRUE(end.status.Is(Code::kNotFound));
}

TEST_F(RouterTest, AnUnknownKeyspaceIsNeverReportedAsAnAbsentKey) {
  Begin(RouteKind::kRead, 1, 100'000);
  RouteAction action = Start();
  while (action.kind != Kind::kFinish) {
    action = action.kind == Kind::kSend ? PeerSays(Status::NotFound("unknown keyspace 7"))
                                        : Wake(action);
  }
  EXPECT_TRUE(action.status.Is(Code::kUnavailable)) << action.status.ToString();
}

TEST_F(RouterTest, PlainWritesAreRepeatedAfterALoss) {
  Begin(RouteKind::kWrite, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  const RouteAction wait = TransportSays(Lost());
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_EQ(Wake(wait).kind, Kind::kSend);
  EXPECT_TRUE(PeerSays(Status::Ok()).status.ok());
}

TEST_F(RouterTest, AFailedWriteThatMayHaveHappenedSaysSo) {
  Begin(RouteKind::kWrite, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  EXPECT_EQ(Wake(TransportSays(Lost())).kind, Kind::kSend);
  EXPECT_TRUE(IsInDoubt(PeerSays(Status::NoSpace("disk full")).status.message()));
}

TEST_F(RouterTest, ConditionalWritesStopInDoubt) {
  Begin(RouteKind::kConditionalWrite, 3);
  EXPECT_EQ(Start().candidate, 0);
  const RouteAction end = TransportSays(Lost());
  EXPECT_EQ(end.kind, Kind::kFinish);
  EXPECT_TRUE(end.status.Is(Code::kUnavailable));
  EXPECT_TRUE(IsInDoubt(end.status.message()));
}

TEST_F(RouterTest, ConditionalWritesGoOnWhenTheyWereNotSent) {
  Begin(RouteKind::kConditionalWrite, 2);
  EXPECT_EQ(Start().candidate, 0);
  EXPECT_TRUE(TransportSays(NotSent()).stand_in);
  const RouteAction wait = PeerSays(Moved());
  EXPECT_EQ(wait.kind, Kind::kWait);
  view_.candidates[0].suspect = true;
  const RouteAction again = Wake(wait);
  EXPECT_EQ(again.kind, Kind::kSend);
  EXPECT_EQ(again.candidate, 0);  // the map's primary, suspect or not
  EXPECT_FALSE(again.stand_in);
  EXPECT_EQ(TransportSays(NotSent()).candidate, 1);
  EXPECT_EQ(PeerSays(Moved()).kind, Kind::kWait);
  view_.candidates[0].down = true;
  view_.generation = 2;
  const RouteAction next = Feed({.kind = RouteEvent::Kind::kWake, .status = {}});
  EXPECT_EQ(next.candidate, 1);
  EXPECT_FALSE(next.stand_in) << "the map says so";
}

TEST_F(RouterTest, OnlyWhoIsNotReachedIsStoodInFor) {
  Begin(RouteKind::kConditionalWrite, 3);
  EXPECT_EQ(Start().candidate, 0);
  const RouteAction second = TransportSays(NotSent());
  EXPECT_EQ(second.candidate, 1);
  EXPECT_TRUE(second.stand_in);
  const RouteAction third = TransportSays(NotSent());
  EXPECT_EQ(third.candidate, 2);
  EXPECT_TRUE(third.stand_in);
  const RouteAction wait = PeerSays(Moved());
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_EQ(Wake(wait).candidate, 0);
  EXPECT_EQ(PeerSays(Moved()).kind, Kind::kWait) << "the primary is there, and will serve";
}

TEST_F(RouterTest, BusyStoresAreAskedAgainLater) {
  Begin(RouteKind::kConditionalWrite, 2);
  EXPECT_EQ(Start().candidate, 0);
  const RouteAction wait = PeerSays(Status::Busy("too many writes"));
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_FALSE(wait.refresh_map);
  EXPECT_EQ(Wake(wait).candidate, 0);
}

TEST_F(RouterTest, TheCodeAtTheDeadlineTellsWhatTheLastAttemptMet) {
  const std::pair<Status, Code> cases[] = {
      {NotSent(), Code::kUnavailable},
      {Status::Busy("full"), Code::kBusy},
      {Status::Timeout("no answer"), Code::kTimeout},
      {Lost(), Code::kUnavailable},
  };
  for (const auto& [error, code] : cases) {
    Begin(RouteKind::kRead, 1, kSecond);
    RouteAction action = Start();
    const int64_t deadline_us = router_->deadline_us();
    while (action.kind != Kind::kFinish) {
      ASSERT_LE(action.until_us, deadline_us);
      action = action.kind == Kind::kSend ? TransportSays(error) : Wake(action);
    }
    EXPECT_TRUE(action.status.Is(code)) << action.status.ToString();
    EXPECT_EQ(now_us_, deadline_us);
    EXPECT_GT(router_->attempts(), 2);
  }
}

TEST_F(RouterTest, WhatAStoreAnsweredOutweighsAttemptsThatWereNotSent) {
  const std::pair<Status, Code> answers[] = {
      {Status::Busy("full"), Code::kBusy},
      {Status::Timeout("not confirmed"), Code::kTimeout},
      {Status::Unavailable("moved: away"), Code::kUnavailable},
  };
  for (const auto& [answer, code] : answers) {
    Begin(RouteKind::kWrite, 2, kSecond);
    EXPECT_EQ(Start().kind, Kind::kSend);
    RouteAction action = PeerSays(answer);
    while (action.kind != Kind::kFinish) {
      action = action.kind == Kind::kSend ? TransportSays(NotSent()) : Wake(action);
    }
    EXPECT_TRUE(action.status.Is(code)) << action.status.ToString();
    EXPECT_TRUE(action.status.message().starts_with(answer.message())) << action.status.ToString();
    EXPECT_EQ(IsInDoubt(action.status.message()), code == Code::kTimeout);
  }
}

TEST_F(RouterTest, AnAttemptThatWasSentOutweighsWhatAStoreAnswered) {
  Begin(RouteKind::kWrite, 2, kSecond);
  EXPECT_EQ(Start().kind, Kind::kSend);
  EXPECT_EQ(PeerSays(Status::Timeout("not confirmed")).kind, Kind::kSend);
  RouteAction action = TransportSays(Lost());
  while (action.kind != Kind::kFinish) {
    action = action.kind == Kind::kSend ? TransportSays(NotSent()) : Wake(action);
  }
  EXPECT_TRUE(action.status.Is(Code::kUnavailable)) << action.status.ToString();
  EXPECT_TRUE(IsInDoubt(action.status.message()));
}

TEST_F(RouterTest, WithoutAStoreToAskItIsATimeout) {
  Begin(RouteKind::kRead, 0, kSecond);
  RouteAction action = Start();
  while (action.kind != Kind::kFinish) action = Wake(action);
  EXPECT_TRUE(action.status.Is(Code::kTimeout)) << action.status.ToString();
}

TEST_F(RouterTest, NoAttemptStartsTooLateToMeetAnything) {
  for (int64_t timeout_us = 1'000; timeout_us < 200'000; timeout_us += 500) {
    Begin(RouteKind::kConditionalWrite, 1, timeout_us);
    RouteAction action = Start();
    ASSERT_EQ(action.kind, Kind::kSend) << "the first is always made";
    action = TransportSays(NotSent());
    while (action.kind == Kind::kWait) {
      action = Wake(action);
      if (action.kind != Kind::kSend) break;
      ASSERT_GE(router_->deadline_us() - now_us_, 5'000);
      action = TransportSays(NotSent());
    }
    EXPECT_EQ(now_us_, router_->deadline_us());
    EXPECT_TRUE(action.status.Is(Code::kUnavailable)) << action.status.ToString();
    EXPECT_FALSE(IsInDoubt(action.status.message()));
  }
}

TEST_F(RouterTest, WithoutReplicasItWaitsForAMap) {
  Begin(RouteKind::kRead, 0, kSecond);
  RouteAction action = Start();
  EXPECT_EQ(action.kind, Kind::kWait);
  EXPECT_TRUE(action.refresh_map);
  view_.count = 1;
  view_.generation = 2;
  EXPECT_EQ(Feed({.kind = RouteEvent::Kind::kWake, .status = {}}).kind, Kind::kSend);
}

TEST_F(RouterTest, CancelLeavesAWriteUnderWayInDoubt) {
  Begin(RouteKind::kWrite, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  const RouteAction end =
      Feed({.kind = RouteEvent::Kind::kCancel, .status = Status::Closed("closed")});
  EXPECT_TRUE(end.status.Is(Code::kClosed));
  EXPECT_TRUE(IsInDoubt(end.status.message()));

  Begin(RouteKind::kWrite, 1);
  EXPECT_EQ(Start().kind, Kind::kSend);
  EXPECT_EQ(TransportSays(NotSent()).kind, Kind::kWait);
  const RouteAction idle =
      Feed({.kind = RouteEvent::Kind::kCancel, .status = Status::Closed("closed")});
  EXPECT_FALSE(IsInDoubt(idle.status.message()));
}

// ---- Reads with a choice

class ChoiceTest : public RouterTest {
 protected:
  void Begin(const ReadChoice& choice, int replicas, uint64_t spread = 0) {
    view_ = {};
    view_.generation = 1;
    view_.count = replicas;
    router_ = std::make_unique<Router>(RouteKind::kRead, now_us_ + 10 * kSecond, choice, spread);
  }
  // The replicas asked, in order, when each is behind; those held to the bound are counted from 10.
  std::vector<int> Asked() {
    std::vector<int> asked;
    RouteAction action = Start();
    while (action.kind == Kind::kSend) {
      asked.push_back(action.candidate + (action.bounded ? 10 : 0));
      if (!action.bounded) break;
      EXPECT_FALSE(action.refresh_map);
      action = PeerSays(Behind());
    }
    return asked;
  }
  static Status Behind() { return Status::Unavailable("moved: behind: by a second"); }

  static constexpr ReadChoice kAnyOne{.from = ReadFrom::kAny};
  static constexpr ReadChoice kBoundedAny{.from = ReadFrom::kAny, .max_staleness_ms = 100};
  static constexpr ReadChoice kNear{.from = ReadFrom::kNearest};
};

TEST_F(ChoiceTest, AnyIsEachAlike) {
  std::map<int, int> first;
  for (int i = 0; i < 3000; ++i) {
    Begin(kAnyOne, 3, random_->Next());
    const RouteAction action = Start();
    EXPECT_FALSE(action.bounded);
    ++first[action.candidate];
  }
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(first[i], 1000, 150);
}

TEST_F(ChoiceTest, TheSameBitsPreferTheSameReplica) {
  Begin(kAnyOne, 3, 0x020103);
  EXPECT_EQ(Start().candidate, 1);
  EXPECT_EQ(TransportSays(NotSent()).candidate, 2);
  EXPECT_EQ(TransportSays(NotSent()).candidate, 0);
  const RouteAction wait = TransportSays(NotSent());
  EXPECT_EQ(wait.kind, Kind::kWait);
  EXPECT_EQ(Wake(wait).candidate, 1);
}

TEST_F(ChoiceTest, ThoseThatAreWorseOffThanThePrimaryAreNotPreferred) {
  Begin(kAnyOne, 3, 0x000102);
  view_.candidates[2].down = true;
  view_.candidates[1].suspect = true;
  EXPECT_EQ(Start().candidate, 0);
  Begin(kAnyOne, 3, 0x000102);
  view_.candidates[0].down = true;
  EXPECT_EQ(Start().candidate, 2);
}

TEST_F(ChoiceTest, NearestIsTheOneThatIsLeastFarAway) {
  Begin(kNear, 3);
  EXPECT_EQ(Start().candidate, 0) << "nothing is known";
  Begin(kNear, 3);
  view_.candidates[0].distance_us = 300;
  view_.candidates[1].distance_us = 200;
  EXPECT_EQ(Start().candidate, 1);
  EXPECT_EQ(TransportSays(Lost()).candidate, 0) << "what is not known may be far";
  Begin(kNear, 3);
  view_.candidates[0].distance_us = 1;
  view_.candidates[2].distance_us = 0;
  EXPECT_EQ(Start().candidate, 2);
}

TEST_F(ChoiceTest, ThePrimaryIsAskedLastAndWithoutABound) {
  Begin(kBoundedAny, 3, 0x010203);
  EXPECT_EQ(Asked(), (std::vector<int>{12, 11, 0}));
  Begin(kBoundedAny, 3, 0x020301);
  EXPECT_EQ(Asked(), std::vector<int>{0});
}

TEST_F(ChoiceTest, AReadThatAnotherShouldHaveAnsweredSaysSo) {
  Begin(ReadChoice{}, 3, 0);
  EXPECT_FALSE(Start().instead);
  RouteAction action = TransportSays(NotSent());
  EXPECT_EQ(action.candidate, 1);
  EXPECT_TRUE(action.instead);
  EXPECT_TRUE(TransportSays(Lost()).instead);
  Begin(kBoundedAny, 3, 0x010203);
  EXPECT_FALSE(Start().instead) << "nobody else should have";
  EXPECT_FALSE(PeerSays(Behind()).instead);
  Begin(kBoundedAny, 3, 0x010203);
  view_.candidates[0].down = view_.candidates[2].down = true;
  EXPECT_TRUE(Start().instead) << "what is chosen among is one";
}

TEST_F(ChoiceTest, OneThatWasBehindAnswersOnceItIsThePrimary) {
  Begin(kBoundedAny, 2, 0x0102);
  RouteAction action = Start();
  EXPECT_TRUE(action.bounded);
  EXPECT_EQ(action.candidate, 1);
  action = PeerSays(Behind());
  EXPECT_EQ(action.candidate, 0);
  action = PeerSays(Moved());
  EXPECT_EQ(action.candidate, 1);
  EXPECT_FALSE(action.bounded);
  EXPECT_TRUE(PeerSays(Status::Ok()).status.ok());
}

TEST_F(ChoiceTest, AStoreThatIsDownIsNotAskedBeforeOneThatWasBehind) {
  Begin(kBoundedAny, 3, 0x010203);
  view_.candidates[1].down = true;
  EXPECT_EQ(Start().candidate, 2);
  EXPECT_EQ(PeerSays(Behind()).candidate, 0);
  const RouteAction action = TransportSays(NotSent());
  EXPECT_EQ(action.candidate, 2);
  EXPECT_FALSE(action.bounded);
}

TEST_F(ChoiceTest, OneThatWasBehindAMomentAgoIsPreferredLess) {
  Begin(kBoundedAny, 3, 0x010203);
  view_.candidates[2].behind = true;
  EXPECT_EQ(Asked(), (std::vector<int>{11, 0}));
  Begin(kAnyOne, 3, 0x010203);
  view_.candidates[2].behind = true;
  EXPECT_EQ(Start().candidate, 2) << "without a bound it does not matter";
}

TEST_F(ChoiceTest, ABusyReplicaIsPassedOverAndABusyPrimaryWaitedFor) {
  Begin(kAnyOne, 2, 0x0102);
  EXPECT_EQ(Start().candidate, 1);
  EXPECT_EQ(PeerSays(Status::Busy("full")).candidate, 0);
  EXPECT_EQ(PeerSays(Status::Busy("full")).kind, Kind::kWait);
}

TEST_F(ChoiceTest, ItHurriesOutOfTurn) {
  Begin(kAnyOne, 2, 0x0102);
  EXPECT_LT(Start().until_us, now_us_ + kSecond);
}

TEST_F(ChoiceTest, AReadOfThePrimaryIsAskedInOrderWhateverTheBound) {
  Begin({.max_staleness_ms = 1}, 3, 0x010203);
  EXPECT_EQ(Asked(), std::vector<int>{0});
}

TEST_F(ChoiceTest, ASecondRequestBeginsWithTheNextOne) {
  Begin({.from = ReadFrom::kAny, .second = true}, 3, 0x020103);
  EXPECT_EQ(Start().candidate, 2);
  EXPECT_EQ(TransportSays(NotSent()).candidate, 0);
  const RouteAction wait = TransportSays(NotSent());
  ASSERT_EQ(wait.kind, Kind::kWait);
  EXPECT_EQ(Wake(wait).candidate, 1) << "then all alike";
  Begin({.from = ReadFrom::kNearest, .second = true}, 2);
  view_.candidates[0].distance_us = 1;
  EXPECT_EQ(Start().candidate, 1);
}

TEST_F(ChoiceTest, ASessionIsRefusedByThePrimaryTooAndGoesOn) {
  Begin({.in_session = true}, 3);
  EXPECT_EQ(Start().candidate, 0);
  RouteAction action = PeerSays(Behind());
  EXPECT_EQ(action.candidate, 1);
  EXPECT_FALSE(action.refresh_map);
  EXPECT_EQ(PeerSays(Behind()).candidate, 2);
  action = PeerSays(Behind());
  ASSERT_EQ(action.kind, Kind::kWait);
  EXPECT_FALSE(action.refresh_map);
  EXPECT_EQ(Wake(action).candidate, 0) << "it may have it by now";
}

TEST_F(ChoiceTest, OneThatLacksWhatASessionSawIsAskedOnceAndPreferredLess) {
  Begin({.from = ReadFrom::kAny, .in_session = true}, 2, 0x0102);
  EXPECT_EQ(Start().candidate, 1);
  EXPECT_EQ(PeerSays(Behind()).candidate, 0);
  EXPECT_EQ(PeerSays(Behind()).kind, Kind::kWait);
  Begin({.from = ReadFrom::kAny, .in_session = true}, 2, 0x0102);
  view_.candidates[1].behind = true;
  EXPECT_EQ(Start().candidate, 0);
}

TEST_F(ChoiceTest, ASessionThatNobodyCanServeEndsWithWhatTheLastOneSaid) {
  Begin({.in_session = true}, 1);
  RouteAction action = Start();
  while (action.kind != Kind::kFinish) {
    action = action.kind == Kind::kSend ? PeerSays(Behind()) : Wake(action);
  }
  EXPECT_TRUE(action.status.Is(Code::kUnavailable));
  EXPECT_EQ(action.status.message(), Behind().message());
  EXPECT_GE(now_us_, router_->deadline_us());
}

TEST_F(ChoiceTest, AnAnswerOfAnotherMapDoesNotCount) {
  Begin(kBoundedAny, 2, 0x0102);
  EXPECT_EQ(Start().candidate, 1);
  view_.generation = 2;
  const RouteAction action = PeerSays(Behind());
  EXPECT_EQ(action.candidate, 1);
  EXPECT_TRUE(action.bounded);
}

TEST(ClassifyOutcomeTest, TellsWhetherTheRequestMayHaveBeenDone) {
  EXPECT_EQ(ClassifyOutcome(Status::Ok(), true), Outcome::kFinal);
  EXPECT_EQ(ClassifyOutcome(Status::Unavailable("not sent: refused"), false), Outcome::kNotSent);
  EXPECT_EQ(ClassifyOutcome(Status::Timeout("not sent: late"), false), Outcome::kNotSent);
  EXPECT_EQ(ClassifyOutcome(Status::Unavailable("lost"), false), Outcome::kLost);
  EXPECT_EQ(ClassifyOutcome(Status::Cancelled("closed"), false), Outcome::kLost);
  EXPECT_EQ(ClassifyOutcome(Status::Busy("full"), false), Outcome::kBusy);
  EXPECT_EQ(ClassifyOutcome(Status::TooLarge("frame"), false), Outcome::kFinal);
  // A store cannot pretend that its answer was the transport's.
  EXPECT_EQ(ClassifyOutcome(Status::Timeout("not sent: x"), true), Outcome::kLost);
  EXPECT_EQ(ClassifyOutcome(Status::Unavailable("moved: x"), true), Outcome::kRefused);
  EXPECT_EQ(ClassifyOutcome(Status(Code::kResizing, "x"), true), Outcome::kRefused);
}

}  // namespace
}  // namespace vasto::client
