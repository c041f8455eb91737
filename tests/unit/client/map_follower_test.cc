// SPDX-License-Identifier: Apache-2.0
#include "core/client/map_follower.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace vasto::client {
namespace {

using Event = FollowEvent::Kind;
using Action = FollowAction::Kind;
using Actions = std::vector<FollowAction>;

const Uuid kCluster{1, 2};

class MapFollowerTest : public testing::Test {
 protected:
  Actions Feed(Event kind) { return Feed({.kind = kind, .id = {}}); }
  Actions Feed(const FollowEvent& event) { return follower_->Step(event, now_us_, random_.get()); }
  Actions MasterHas(uint64_t term, uint64_t version, Uuid cluster = kCluster) {
    return Feed({Event::kMasterAnswer, true, true, {cluster, term, version}});
  }
  void Begin(size_t masters) {
    follower_ = std::make_unique<MapFollower>(masters);
    ASSERT_EQ(Feed(Event::kStart).size(), 1u);
  }

  int64_t now_us_ = 1;
  std::unique_ptr<MapFollower> follower_;
  std::unique_ptr<Random> random_ = SeededRandom(1);
};

TEST_F(MapFollowerTest, InstallsAndPollsOn) {
  Begin(1);
  Actions actions = MasterHas(1, 5);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(actions[0].kind, Action::kInstall);
  EXPECT_EQ(actions[1].kind, Action::kAskMaster);
  EXPECT_EQ(actions[1].known.term, 1u);
  EXPECT_EQ(actions[1].known.version, 5u);
  EXPECT_GT(actions[1].wait_ms, 0u);
  actions = Feed({Event::kMasterAnswer, true, false, {}});  // the long poll ran out
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::kAskMaster);
}

TEST_F(MapFollowerTest, TermBeatsVersion) {
  Begin(1);
  MasterHas(3, 9);
  EXPECT_EQ(MasterHas(4, 1)[0].kind, Action::kInstall);
  EXPECT_FALSE(follower_->Accept({kCluster, 3, 100}));
  EXPECT_FALSE(follower_->Accept({kCluster, 4, 1}));
  EXPECT_TRUE(follower_->Accept({kCluster, 4, 2}));
}

TEST_F(MapFollowerTest, TriesTheNextMasterAtOnceAndPausesAfterTheLast) {
  Begin(2);
  Actions actions = Feed(Event::kMasterAnswer);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::kAskMaster);
  EXPECT_EQ(actions[0].master, 1u);
  int64_t last_pause = 0;
  for (int round = 0; round < 10; ++round) {
    actions = Feed(Event::kMasterAnswer);
    ASSERT_EQ(actions.size(), 1u);
    ASSERT_EQ(actions[0].kind, Action::kWakeAt);
    const int64_t pause = actions[0].at_us - now_us_;
    EXPECT_LE(pause, 1'000'000);
    EXPECT_GE(pause, last_pause / 2);
    last_pause = pause;
    now_us_ = actions[0].at_us;
    EXPECT_EQ(Feed(Event::kTimer)[0].master, 0u);
    EXPECT_EQ(Feed(Event::kMasterAnswer)[0].master, 1u);
  }
  EXPECT_GE(last_pause, 500'000);
}

TEST_F(MapFollowerTest, AMasterThatKnowsLessIsNotAskedInALoop) {
  Begin(1);
  MasterHas(5, 5);
  const Actions actions = MasterHas(4, 9);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::kWakeAt);
  EXPECT_EQ(follower_->known().term, 5u);
}

TEST_F(MapFollowerTest, MapsOfOtherClustersAreRefused) {
  Begin(1);
  MasterHas(1, 1);
  const Actions actions = MasterHas(9, 9, Uuid{7, 7});
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(actions[0].kind, Action::kForeign);
  EXPECT_EQ(actions[1].kind, Action::kWakeAt);
  // A master without stores does not know its cluster yet; that is no other cluster.
  EXPECT_EQ(MasterHas(2, 1, Uuid{})[0].kind, Action::kInstall);
  EXPECT_EQ(follower_->known().cluster, kCluster);
}

TEST_F(MapFollowerTest, RefreshAsksOneStoreAtATimeAndNotTooOften) {
  Begin(1);
  MasterHas(1, 1);
  Actions actions = Feed(Event::kRefresh);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::kAskStore);
  EXPECT_EQ(actions[0].known.version, 0u);
  EXPECT_TRUE(Feed(Event::kRefresh).empty());
  actions = Feed({Event::kStoreAnswer, true, true, {kCluster, 0, 0}});
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(actions[0].kind, Action::kMerge);
  EXPECT_TRUE(Feed(Event::kRefresh).empty());
  now_us_ += 100'000;
  EXPECT_EQ(Feed(Event::kRefresh).size(), 1u);
  // A failed answer lets the next refresh ask again.
  EXPECT_TRUE(Feed(Event::kStoreAnswer).empty());
  now_us_ += 100'000;
  EXPECT_EQ(Feed(Event::kRefresh).size(), 1u);
}

}  // namespace
}  // namespace vasto::client
