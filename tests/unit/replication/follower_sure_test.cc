// SPDX-License-Identifier: Apache-2.0
// Up to when a replica surely has what the others had (Follower::SureUs).
#include <map>

#include "tests/unit/replication/follower_fixture.h"

namespace vasto::replication {
namespace {

class SureTest : public FollowerTest {
 protected:
  int64_t Sure() const {
    return f_.SureUs(have_, now_us_, [this](const Uuid& peer) {
      return heard_.contains(peer) ? heard_.at(peer) : 0;
    });
  }
  // Both peers have told what they had, and it is here.
  void BeLevel() {
    Start();
    End(kA, Answer(kLogA, {}));
    End(kB, Answer(kLogB, {}));
    level_us_ = now_us_;
  }
  void Get(Position position) {
    have_.Raise(position);
    Keep(f_.ApplyEnded(position.log == kLogA ? kA : kB, attempts_[position.log == kLogA ? kA : kB],
                       Status::Ok(), have_, now_us_));
  }
  static ChangeBatch Batch(uint64_t last) {
    return {.log = kLogA, .first = 1, .last = last, .changes = "c", .checksum = 0};
  }

  std::map<Uuid, int64_t> heard_;
  int64_t level_us_ = 0;
};

TEST_F(SureTest, KnowsNothingBeforeAPeerHasAnswered) {
  Start();
  EXPECT_EQ(Sure(), INT64_MIN);
  End(kA, Answer(kLogA, {}));
  now_us_ += 1000;
  EXPECT_EQ(Sure(), INT64_MIN) << "clients prefer B, too";
  End(kB, Answer(kLogB, {}));
  EXPECT_EQ(Sure(), now_us_ - 1000);
}

TEST_F(SureTest, AQuestionThatWaitsSaysMoreAsTheTimePasses) {
  BeLevel();
  now_us_ += 100'000;
  EXPECT_EQ(Sure(), level_us_);
  heard_ = {{kA, now_us_ - 10'000}, {kB, now_us_ - 20'000}};
  EXPECT_EQ(Sure(), now_us_ - 20'000);
  now_us_ += 10 * Follower::kNoticedUs;
  EXPECT_EQ(Sure(), now_us_ - Follower::kNoticedUs) << "silence would have been noticed";
}

TEST_F(SureTest, AnAnswerMayBeAsOldAsItsQuestion) {
  BeLevel();
  now_us_ += 100'000;
  heard_ = {{kB, now_us_}};
  End(kA, Answer(kLogA, {}));
  EXPECT_EQ(Sure(), level_us_);
  // But not older than what came before it the same way.
  now_us_ += 100'000;
  heard_ = {{kB, now_us_}};
  Keep(f_.PullEnded(kA, attempts_[kA], Answer(kLogA, {}), have_, now_us_, now_us_ - 5'000));
  EXPECT_EQ(Sure(), now_us_ - 5'000);
}

TEST_F(SureTest, WhatWasHeardBeforeTheQuestionSaysNothing) {
  BeLevel();
  // A tells of all it has, and the next question comes much later.
  now_us_ += 100'000;
  End(kA, Answer(kLogA, {{kLogA, 4}}, Batch(4)));
  heard_ = {{kA, now_us_ + 500'000}, {kB, now_us_ + 1'000'000}};
  now_us_ += 1'000'000;
  Get({kLogA, 4});
  EXPECT_EQ(Sure(), level_us_);
}

TEST_F(SureTest, OneThatIsBehindIsOnlySureOfWhatItHad) {
  BeLevel();
  now_us_ += 100'000;
  heard_ = {{kB, now_us_}};
  End(kA, Answer(kLogA, {{kLogA, 9}}, Batch(4)));
  EXPECT_EQ(Sure(), level_us_);
  now_us_ += 1'000'000;
  Get({kLogA, 4});
  EXPECT_EQ(Sure(), level_us_) << "five are missing";
  const int64_t asked_us = now_us_;
  now_us_ += 50'000;
  heard_ = {{kB, now_us_}};
  End(kA, Answer(kLogA, {{kLogA, 9}}, Batch(9)));
  now_us_ += 50'000;
  Get({kLogA, 9});
  EXPECT_EQ(Sure(), asked_us);
}

TEST_F(SureTest, APeerThatClientsPreferCountsAlsoWhenItIsAway) {
  BeLevel();
  now_us_ += 10'000'000;
  const int64_t sure_us = Sure();
  Fail(kA);
  now_us_ += 60'000'000;
  EXPECT_EQ(Sure(), sure_us) << "it may write where this replica cannot hear it";
  End(kB, Answer(kLogB, {}));
  EXPECT_EQ(Sure(), sure_us);
}

TEST_F(SureTest, APeerThatComesAfterItCountsWhileItAnswers) {
  ahead_ = 0;
  Start();
  End(kA, Answer(kLogA, {}));
  End(kB, Answer(kLogB, {}));
  const int64_t level_us = now_us_;
  now_us_ += 10'000;
  EXPECT_EQ(Sure(), level_us);
  Fail(kA);
  Fail(kB);
  EXPECT_EQ(Sure(), now_us_);
}

}  // namespace
}  // namespace vasto::replication
