// SPDX-License-Identifier: Apache-2.0
// Stores that stay away: their replicas are made anew elsewhere.
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/master/core_fixture.h"

namespace vasto::master {
namespace {

class AwayTest : public MasterCoreTest {
 protected:
  // All but those that are away, once a second, each with its replicas of the keyspace.
  void Live(int64_t us) {
    for (const int64_t end_us = now_us_ + us; now_us_ < end_us;) {
      const KeyspaceDescriptor* const keyspace = core_->catalog().FindByName("a");
      for (uint64_t id = 1; id <= 4; ++id) {
        if (away_.contains(id)) continue;
        HeartbeatEvent event{.call = ++call_, .connection = id, .request = {}};
        event.request.store = StoreId(id);
        event.request.free_bytes = 1 << 30;
        for (const int32_t shard : keyspace->ShardsOn(StoreId(id))) {
          event.request.replicas.push_back({.keyspace = keyspace->uuid, .shard = shard});
        }
        Do(event);
      }
      Advance(1 * kSecond);
      EndAllInstalls();
    }
  }
  bool HasStore(uint64_t id) const {
    return !core_->catalog().FindByName("a")->ShardsOn(StoreId(id)).empty();
  }
  void Lose(uint64_t id) {
    away_.insert(id);
    Do(DisconnectEvent{.connection = id});
  }

  std::set<uint64_t> away_;
};

TEST_F(AwayTest, IsReplacedAfterThatTimeAndNotBefore) {
  StartWithStores(4);
  Created("a", 4, 3);
  const uint64_t epoch = core_->catalog().FindByName("a")->epoch;
  Live(1 * kSecond);
  Lose(2);
  Live(598 * kSecond);
  EXPECT_EQ(core_->catalog().FindByName("a")->epoch, epoch);
  EXPECT_TRUE(HasStore(2));
  Live(5 * kSecond);
  EXPECT_FALSE(HasStore(2));
  for (const ShardReplicas& shard : core_->catalog().FindByName("a")->shards) {
    for (const Replica& replica : shard.replicas) EXPECT_EQ(replica.role, ReplicaRole::kReplica);
  }
  // Back again, it is told that it is no member any more.
  const KeyspaceDescriptor now = *core_->catalog().FindByName("a");
  KeyspaceDescriptor old = now;
  old.epoch = epoch;
  Register(2, {old});
  ASSERT_FALSE(installs_.empty());
  EXPECT_EQ(EndInstall(Status(), StoreId(2)).descriptor->epoch, now.epoch);
}

TEST_F(AwayTest, OneThatThisMasterNeverSawIsWaitedForAsLong) {
  StartWithStores(4);
  const KeyspaceDescriptor before = Created("a", 4, 3);
  Restart();
  for (const uint64_t id : {1, 3, 4}) Register(id, {before});
  away_ = {2};
  Live(599 * kSecond);
  EXPECT_TRUE(HasStore(2));
  Live(5 * kSecond);
  EXPECT_FALSE(HasStore(2));
}

}  // namespace
}  // namespace vasto::master
