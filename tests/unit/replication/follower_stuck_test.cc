// SPDX-License-Identifier: Apache-2.0
// A replica that cannot apply what it is given.
#include <utility>
#include <vector>

#include "tests/unit/replication/follower_fixture.h"

namespace vasto::replication {
namespace {

// A and B accepted what this replica cannot take, as its disk is full; it has 5 of its own log.
class StuckTest : public FollowerTest {
 protected:
  void SetUp() override {
    have_.Raise(Position{kOwn, 5});
    ahead_ = 0;
    Start();
  }
  static rpc::PullResponse Gives(LogId log, bool stuck, std::vector<Position> has) {
    has.push_back({log, 9});
    ChangeBatch batch{.log = log, .first = 1, .last = 9, .changes = "c", .checksum = 0};
    rpc::PullResponse response = Answer(log, std::move(has), std::move(batch));
    response.stuck = stuck;
    response.waits = true;
    return response;
  }
  // What both give is refused, and asked for again when the pauses end.
  void TakeNothing(const rpc::PullResponse& a, const rpc::PullResponse& b) {
    End(kA, a);
    Refuse(kA);
    End(kB, b);
    Refuse(kB);
    serves_ = f_.serving();
    Tick(Follower::kMaxPauseUs);
  }
  void BeInStalemate() {
    for (int i = 0; i < 2; ++i) TakeNothing(Gives(kLogA, true, {}), Gives(kLogB, true, {}));
    ASSERT_TRUE(f_.serving());
    ASSERT_TRUE(f_.stalemate());
  }

  bool serves_ = false;
};

TEST_F(StuckTest, ServesWhatItHasWhenNobodyCanHaveAll) {
  TakeNothing(Gives(kLogA, true, {}), Gives(kLogB, false, {}));
  TakeNothing(Gives(kLogA, true, {}), Gives(kLogB, false, {}));
  EXPECT_TRUE(f_.stuck());
  EXPECT_FALSE(serves_) << "B may get everything yet";
  TakeNothing(Gives(kLogA, true, {}), Gives(kLogB, true, {{kOwn, 5}}));
  EXPECT_FALSE(serves_) << "B has all that is here";
  TakeNothing(Gives(kLogA, true, {}), Gives(kLogB, true, {{kOwn, 4}}));
  EXPECT_TRUE(serves_);
  EXPECT_TRUE(f_.stalemate());
}

TEST_F(StuckTest, StaysWhateverElseItMisses) {
  BeInStalemate();
  rpc::PullResponse gave_up = Gives(kLogA, true, {});
  gave_up.gave_up = true;
  TakeNothing(gave_up, Gives(kLogB, true, {}));
  EXPECT_TRUE(f_.serving());
  Tick(10 * Follower::kWaitedForUs);
  EXPECT_TRUE(f_.serving()) << "nothing is written that would wait for this one";
}

TEST_F(StuckTest, LooksAtTheOthersWhenItIsWellAgain) {
  BeInStalemate();
  End(kB, Gives(kLogB, true, {}));
  have_.Raise(Position{kLogB, 9});
  Keep(f_.ApplyEnded(kB, attempts_[kB], Status::Ok(), have_, now_us_));
  EXPECT_TRUE(f_.stalemate()) << "what A has it could not take yet";
  End(kA, Gives(kLogA, true, {}));
  have_.Raise(Position{kLogA, 9});
  Keep(f_.ApplyEnded(kA, attempts_[kA], Status::Ok(), have_, now_us_));
  EXPECT_FALSE(f_.stuck());
  EXPECT_FALSE(f_.stalemate());
  EXPECT_FALSE(f_.serving());
  EXPECT_NE(Pull(kA), nullptr);
}

TEST_F(StuckTest, IsNotHeldByOneThatIsGone) {
  BeInStalemate();
  Fail(kA);
  EXPECT_TRUE(f_.stalemate());
  Fail(kB);
  EXPECT_FALSE(f_.stalemate()) << "alone it is as any other";
  EXPECT_TRUE(f_.serving());
}

TEST_F(StuckTest, AsksEverMoreSeldomForWhatItCannotTake) {
  int asked = 0;
  for (int ms = 0; ms < 10'000; ms += 10) {
    Tick(10'000);
    if (Pull(kA) == nullptr && ms != 0) continue;
    ++asked;
    End(kA, Gives(kLogA, true, {}));
    ASSERT_NE(Applied(), nullptr);
    Refuse(kA);
  }
  EXPECT_GT(asked, 15);
  EXPECT_LT(asked, 30);
}

}  // namespace
}  // namespace vasto::replication
