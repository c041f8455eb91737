// SPDX-License-Identifier: Apache-2.0
#include "core/store/registration.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace vasto::store {
namespace {

using Kind = Registration::Wish::Kind;

class RegistrationTest : public testing::Test {
 protected:
  std::unique_ptr<Random> random_ = SeededRandom(1);
  int64_t now_ = 1'000'000;

  static std::vector<Kind> Kinds(const std::vector<Registration::Wish>& wishes) {
    std::vector<Kind> kinds;
    for (const auto& wish : wishes) kinds.push_back(wish.kind);
    return kinds;
  }
};

TEST_F(RegistrationTest, SendsAHeartbeatEveryHalfSecondOnceRegistered) {
  Registration r({"a:1"}, random_.get());
  auto wishes = r.Start(now_);
  ASSERT_EQ(Kinds(wishes), std::vector<Kind>{Kind::kRegister});
  EXPECT_EQ(wishes[0].master, "a:1");
  EXPECT_TRUE(r.Registered(wishes[0].attempt, {}, now_).empty());
  int64_t last = 0;
  for (int i = 0; i < 5; ++i) {
    now_ = r.next_wake_us();
    if (i > 0) {
      EXPECT_EQ(now_ - last, Registration::kHeartbeatUs);
    }
    last = now_;
    ASSERT_EQ(Kinds(r.Tick(now_)), std::vector<Kind>{Kind::kHeartbeat});
    EXPECT_TRUE(r.Tick(now_ + 1).empty()) << "one heartbeat at a time";
    EXPECT_TRUE(r.HeartbeatDone(r.attempt(), {}, now_ + 1000).empty());
  }
}

TEST_F(RegistrationTest, AMasterThatReturnsIsAskedWithinTheLongestPause) {
  Registration r({"a:1"}, random_.get());
  uint64_t attempt = r.Start(now_)[0].attempt;
  for (int i = 0; i < 50; ++i) {
    r.Registered(attempt, Status::Unavailable("refused"), now_);
    ASSERT_EQ(r.phase(), Registration::Phase::kPausing);
    EXPECT_LE(r.next_wake_us() - now_, Registration::kMaxPauseUs);
    EXPECT_GT(r.next_wake_us(), now_);
    now_ = r.next_wake_us();
    const auto wishes = r.Tick(now_);
    ASSERT_EQ(Kinds(wishes), std::vector<Kind>{Kind::kRegister});
    attempt = wishes[0].attempt;
  }
}

TEST_F(RegistrationTest, EveryMasterIsTriedBeforeThePause) {
  Registration r({"a:1", "b:1", "c:1"}, random_.get());
  auto wishes = r.Start(now_);
  for (const char* next : {"b:1", "c:1"}) {
    wishes = r.Registered(r.attempt(), Status::Unavailable("refused"), now_);
    ASSERT_EQ(Kinds(wishes), (std::vector<Kind>{Kind::kHangUp, Kind::kRegister}));
    EXPECT_EQ(wishes[1].master, next);
  }
  EXPECT_EQ(Kinds(r.Registered(r.attempt(), Status::Unavailable("refused"), now_)),
            std::vector<Kind>{Kind::kHangUp});
  EXPECT_EQ(r.phase(), Registration::Phase::kPausing);
}

// With the second of two masters.
class SecondMasterTest : public RegistrationTest {
 protected:
  void SetUp() override {
    r_.Start(now_);
    r_.Registered(r_.attempt(), Status::Unavailable("refused"), now_);
    r_.Registered(r_.attempt(), {}, now_);
  }
  // When it looks for the first one, with all heartbeats answered until then.
  int64_t LooksAt() {
    const int64_t end_us = now_ + 2 * Registration::kMaxLookUs;
    while (now_ < end_us) {
      now_ = r_.next_wake_us();
      const auto wishes = r_.Tick(now_);
      r_.HeartbeatDone(r_.attempt(), {}, now_);
      for (const auto& wish : wishes) {
        if (wish.kind != Kind::kProbe) continue;
        EXPECT_EQ(wish.master, "a:1");
        return now_;
      }
    }
    return INT64_MAX;
  }
  Registration r_{{"a:1", "b:1"}, random_.get()};
};

TEST_F(SecondMasterTest, ItGoesOverToTheFirstOneOnceThatIsThere) {
  int64_t before = now_;
  for (int i = 0; i < 3; ++i) {
    const int64_t looks = LooksAt();
    EXPECT_GE(looks, before + Registration::kMinLookUs);
    EXPECT_LE(looks, before + Registration::kMinLookUs + Registration::kHeartbeatUs);
    EXPECT_TRUE(r_.Probed(r_.attempt(), false, now_).empty());
    before = now_;
  }
  LooksAt();
  const auto wishes = r_.Probed(r_.attempt(), true, now_);
  ASSERT_EQ(Kinds(wishes), (std::vector<Kind>{Kind::kHangUp, Kind::kRegister}));
  EXPECT_EQ(wishes[1].master, "a:1");
  r_.Registered(r_.attempt(), {}, now_);
  EXPECT_EQ(LooksAt(), INT64_MAX) << "there is none before it";
}

TEST_F(SecondMasterTest, OneThatIsThereAndDoesNotTakeItIsLookedForLessOften) {
  int64_t last = 0;
  for (int i = 0; i < 3; ++i) {
    const int64_t began = now_;
    const int64_t took = LooksAt() - began;
    EXPECT_GT(took, last + last / 2);
    last = took;
    r_.Probed(r_.attempt(), true, now_);
    r_.Registered(r_.attempt(), Status::Unavailable("it recovers"), now_);
    ASSERT_TRUE(r_.Registered(r_.attempt(), {}, now_).empty());
  }
}

TEST_F(SecondMasterTest, AnAnswerOfAnEarlierAttemptIsNothing) {
  LooksAt();
  const uint64_t attempt = r_.attempt();
  r_.Lost(attempt, now_);
  EXPECT_TRUE(r_.Probed(attempt, true, now_).empty());
}

TEST_F(RegistrationTest, AMasterThatForgotTheStoreIsToldAtOnce) {
  Registration r({"a:1"}, random_.get());
  r.Registered(r.Start(now_)[0].attempt, {}, now_);
  now_ = r.next_wake_us();
  r.Tick(now_);
  const uint64_t old = r.attempt();
  EXPECT_EQ(Kinds(r.HeartbeatDone(old, Status::NotFound("who?"), now_)),
            (std::vector<Kind>{Kind::kHangUp, Kind::kRegister}));
  EXPECT_NE(r.attempt(), old);
}

TEST_F(RegistrationTest, AnswersOfAnOlderAttemptAreIgnored) {
  Registration r({"a:1"}, random_.get());
  const uint64_t old = r.Start(now_)[0].attempt;
  r.Lost(old, now_);
  now_ = r.next_wake_us();
  r.Tick(now_);
  EXPECT_TRUE(r.Registered(old, {}, now_).empty());
  EXPECT_EQ(r.phase(), Registration::Phase::kRegistering);
  EXPECT_TRUE(r.Lost(old, now_).empty());
  EXPECT_EQ(r.phase(), Registration::Phase::kRegistering);
}

TEST_F(RegistrationTest, ASilentMasterIsLeft) {
  Registration r({"a:1"}, random_.get());
  r.Registered(r.Start(now_)[0].attempt, {}, now_);
  now_ = r.next_wake_us();
  r.Tick(now_);
  now_ = r.next_wake_us();
  EXPECT_EQ(Kinds(r.Tick(now_)), std::vector<Kind>{Kind::kHangUp});
  EXPECT_EQ(r.phase(), Registration::Phase::kPausing);
}

TEST_F(RegistrationTest, AMasterThatRefusesIsNotPestered) {
  Registration r({"a:1"}, random_.get());
  r.Registered(r.Start(now_)[0].attempt, Status::Permission("other cluster"), now_);
  EXPECT_GE(r.next_wake_us() - now_, Registration::kRefusedPauseUs / 2);
}

}  // namespace
}  // namespace vasto::store
