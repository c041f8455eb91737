// SPDX-License-Identifier: Apache-2.0
#include "core/master/replacement.h"
#include "tests/unit/master/times.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace vasto::master {
namespace {

const Uuid kKeyspace{0xa, 1};

Uuid Store(uint64_t id) { return {0x5, id}; }

// Five stores, each with a replica of the keyspace's shard 0 that is as the test says.
class ReplacementTest : public testing::Test {
 protected:
  ReplacementTest() : stores_(kSecond, kSecond) {
    for (uint64_t id = 1; id <= 5; ++id) Add(id);
  }
  void Add(uint64_t id) {
    StoreInfo info;
    info.uuid = Store(id);
    info.address = "h:" + std::to_string(id);
    info.free_bytes = 1 << 30;
    ASSERT_TRUE(stores_.Register(id, info, 0).ok());
    Says(id, "", false);
  }
  void Says(uint64_t id, const std::string& health, bool catching_up) {
    ReplicaStats stats;
    stats.keyspace = kKeyspace;
    stats.health = health;
    stats.catching_up = catching_up;
    stores_.Find(Store(id))->replicas = {stats};
  }
  void GoAway(const std::set<uint64_t>& ids) {
    away_ = ids;
    for (const uint64_t id : ids) {
      stores_.Disconnect(id);
      stores_.Find(Store(id))->info.state = StoreState::kDown;
    }
  }
  static KeyspaceDescriptor Keyspace(const std::vector<uint64_t>& on) {
    KeyspaceDescriptor keyspace;
    keyspace.uuid = kKeyspace;
    keyspace.epoch = 7;
    keyspace.replica_count = static_cast<int32_t>(on.size());
    keyspace.shards.resize(1);
    for (const uint64_t id : on) keyspace.shards[0].replicas.push_back({.store = Store(id)});
    return keyspace;
  }
  std::optional<KeyspaceDescriptor> Replace(const KeyspaceDescriptor& keyspace) {
    const ReplacementRules rules{
        .stores = &stores_,
        .stays_away = [this](const Uuid& store) { return away_.contains(store.lo); },
        .term = 9};
    return ReplaceAway(keyspace, rules, &hosted_);
  }
  // The ids of the stores of shard 0; a learner's is negative.
  static std::vector<int> Members(const std::optional<KeyspaceDescriptor>& keyspace) {
    std::vector<int> ids;
    if (!keyspace) return ids;
    for (const Replica& replica : keyspace->shards[0].replicas) {
      const int id = static_cast<int>(replica.store.lo);
      ids.push_back(replica.role == ReplicaRole::kLearner ? -id : id);
    }
    return ids;
  }

  StoreTable stores_;
  std::set<uint64_t> away_;
  std::unordered_map<Uuid, int32_t> hosted_;
};

TEST_F(ReplacementTest, WhileAllAreHereNothingChanges) {
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3})));
}

TEST_F(ReplacementTest, ALearnerTakesThePlaceOfOneThatStaysAway) {
  GoAway({1});
  const auto next = Replace(Keyspace({1, 2, 3}));
  EXPECT_EQ(Members(next), (std::vector<int>{-4, 2, 3}));
  EXPECT_EQ(next->epoch, 8u);
  EXPECT_EQ(next->term, 9u);
  EXPECT_EQ(hosted_[Store(4)], 1);
}

TEST_F(ReplacementTest, ALearnerIsAReplicaOnceItHasCaughtUp) {
  KeyspaceDescriptor keyspace = Keyspace({4, 2, 3});
  keyspace.shards[0].replicas[0].role = ReplicaRole::kLearner;
  Says(4, "", true);
  EXPECT_FALSE(Replace(keyspace));
  Says(4, "NO_SPACE: full", false);
  EXPECT_FALSE(Replace(keyspace));
  Says(4, "", false);
  EXPECT_EQ(Members(Replace(keyspace)), (std::vector<int>{4, 2, 3}));
}

TEST_F(ReplacementTest, ALearnerThatGoesAwayIsReplaced) {
  KeyspaceDescriptor keyspace = Keyspace({4, 2, 3});
  keyspace.shards[0].replicas[0].role = ReplicaRole::kLearner;
  Says(4, "", true);
  GoAway({1, 4});
  EXPECT_EQ(Members(Replace(keyspace)), (std::vector<int>{-5, 2, 3}));
}

TEST_F(ReplacementTest, WhatAQuorumMayHaveConfirmedWithoutThoseThatAreHereIsWaitedFor) {
  GoAway({1, 2});
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3}))) << "1 and 2 may be cut off together, with clients";
  EXPECT_EQ(Members(Replace(Keyspace({1, 3}))), (std::vector<int>{-4, 3}));
}

TEST_F(ReplacementTest, OneThatIsNotCompleteDoesNotCount) {
  GoAway({1});
  Says(2, "", true);
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3})));
  Says(2, "CORRUPTION: damaged", false);
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3})));
  Says(2, "", false);
  stores_.Disconnect(2);
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3})));
}

TEST_F(ReplacementTest, OfFiveTwoMayBeReplacedAtOnce) {
  Add(6);
  Add(7);
  GoAway({1, 5});
  EXPECT_EQ(Members(Replace(Keyspace({1, 2, 3, 4, 5}))), (std::vector<int>{-6, 2, 3, 4, -7}));
  GoAway({1, 2, 3});
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3, 4, 5})));
}

TEST_F(ReplacementTest, WithoutAStoreForItNothingChanges) {
  GoAway({1});
  EXPECT_FALSE(Replace(Keyspace({1, 2, 3, 4, 5})));
}

TEST_F(ReplacementTest, AnOnlyReplicaIsWaitedForForEver) {
  GoAway({1});
  EXPECT_FALSE(Replace(Keyspace({1})));
}

TEST_F(ReplacementTest, ADeletedKeyspaceHasNone) {
  GoAway({1});
  KeyspaceDescriptor keyspace = Keyspace({1, 2, 3});
  keyspace.deleted_at_us = 1;
  EXPECT_FALSE(Replace(keyspace));
}

}  // namespace
}  // namespace vasto::master
