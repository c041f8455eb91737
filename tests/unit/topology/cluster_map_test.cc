// SPDX-License-Identifier: Apache-2.0
#include "core/topology/cluster_map.h"

#include <gtest/gtest.h>

namespace vasto {
namespace {

TEST(KeyspaceNameTest, AcceptsTheDocumentedAlphabet) {
  for (const char* name : {"a", "0", "_", "users", "Users.v2", "a-b_c.d", "A..-"}) {
    EXPECT_TRUE(CheckKeyspaceName(name).ok()) << name;
  }
  EXPECT_TRUE(CheckKeyspaceName(std::string(128, 'x')).ok());
}

TEST(KeyspaceNameTest, RefusesEverythingElse) {
  for (const char* name : {"", ".", "..", "-a", ".a", "a b", "a/b", "ä", "a\n", "a:b"}) {
    const Status status = CheckKeyspaceName(name);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << name;
    EXPECT_NE(status.message().find("letters"), std::string::npos) << status.message();
  }
  EXPECT_FALSE(CheckKeyspaceName(std::string(129, 'x')).ok());
  EXPECT_FALSE(CheckKeyspaceName(std::string("a\0b", 3)).ok());
}

TEST(EnumNamesTest, NamesParseBack) {
  for (AckLevel level : {AckLevel::kOne, AckLevel::kQuorum, AckLevel::kAll}) {
    const auto parsed = ParseAckLevel(AckLevelName(level));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, level);
  }
  for (SyncMode mode : {SyncMode::kNone, SyncMode::kInterval, SyncMode::kAlways}) {
    const auto parsed = ParseSyncMode(SyncModeName(mode));
    ASSERT_TRUE(parsed.ok());
    EXPECT_EQ(*parsed, mode);
  }
  EXPECT_EQ(ParseAckLevel("some").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ParseSyncMode("").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(StoreStateName(StoreState::kSuspect), "suspect");
}

TEST(KeyspaceDescriptorTest, KnowsTheShardsOfAStore) {
  const Uuid a{1, 1};
  const Uuid b{2, 2};
  KeyspaceDescriptor d;
  d.shards.resize(3);
  d.shards[0].replicas = {{.store = a, .incarnation = 0, .role = ReplicaRole::kReplica},
                          {.store = b, .incarnation = 0, .role = ReplicaRole::kReplica}};
  d.shards[1].replicas = {{.store = b, .incarnation = 0, .role = ReplicaRole::kReplica}};
  d.shards[2].replicas = {{.store = a, .incarnation = 0, .role = ReplicaRole::kReplica}};
  EXPECT_EQ(d.ShardsOn(a), (std::vector<int32_t>{0, 2}));
  EXPECT_EQ(d.ShardsOn(b), (std::vector<int32_t>{0, 1}));
  EXPECT_TRUE(d.ShardsOn(Uuid{3, 3}).empty());
  EXPECT_TRUE(d.Hosts(a, 2));
  EXPECT_FALSE(d.Hosts(a, 1));
  EXPECT_FALSE(d.Hosts(a, 3));
  EXPECT_FALSE(d.Hosts(a, -1));
}

TEST(ClusterMapTest, FindsByNameAndUuid) {
  ClusterMap map;
  map.keyspaces["users"].name = "users";
  map.stores[Uuid{1, 2}].address = "h:1";
  ASSERT_NE(map.Find("users"), nullptr);
  EXPECT_EQ(map.Find("users")->name, "users");
  EXPECT_EQ(map.Find("other"), nullptr);
  ASSERT_NE(map.FindStore(Uuid{1, 2}), nullptr);
  EXPECT_EQ(map.FindStore(Uuid{2, 1}), nullptr);
}

}  // namespace
}  // namespace vasto
